/**
 * An IB host service over the simulated market as a process of its own: prints its port as one line of JSON,
 * then the lines of its standard input as they come, and runs until that closes.
 *
 * With `--journal` it also prints each request for bars before it answers it, under the name that the
 * request's `x-loader` gives, holds each answer for some milliseconds, and has no bars in every eleventh hour.
 * With `--latency` it takes so many milliseconds for every request. With `--tls` it serves https, and the line has what
 * a client must trust.
 */
import { createInterface } from "node:readline"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Candle from "../../src/data/Candle.js"
import * as CandleSource from "../../src/data/CandleSource.js"
import * as IbServer from "../../src/hosts/ib/IbServer.js"
import * as SimulatedMarket from "../../src/hosts/ib/SimulatedMarket.js"
import * as Server from "./server.js"

const print = (line: object) => Console.log(JSON.stringify(line))

const market = SimulatedMarket.make({ seed: 1 })

const isHole = (start: number): boolean => Math.floor(start / 3_600_000) % 11 === 0

const journalled: CandleSource.Service = {
  ...market,
  fetch: (request) =>
    Effect.gen(function* () {
      const from = yield* Effect.serviceOption(HttpServerRequest.HttpServerRequest)
      const loader = Option.getOrUndefined(from)?.headers["x-loader"] ?? ""
      yield* print({ loader, start: request.range.start, end: request.range.end })
      const rows = Candle.toRows(yield* Effect.delay(market.fetch(request), "4 millis"))
      return Candle.fromRows(rows.filter(({ start }) => !isHole(start)))
    }),
}

const latency = process.argv.includes("--latency")
  ? Number(process.argv[process.argv.indexOf("--latency") + 1])
  : 0

const delayed: CandleSource.Service =
  latency === 0
    ? market
    : {
        ...market,
        validate: (symbol, timeframe) => Effect.delay(market.validate(symbol, timeframe), latency),
        fetch: (request) => Effect.delay(market.fetch(request), latency),
      }

const host = IbServer.layer().pipe(
  Layer.provide(
    Layer.succeed(CandleSource.CandleSource, process.argv.includes("--journal") ? journalled : delayed),
  ),
  Layer.provide(Server.layer(process.argv.includes("--tls"))),
)

createInterface({ input: process.stdin })
  .on("line", (line) => process.stdout.write(`${line}\n`))
  .once("close", () => process.exit(0))
Effect.runFork(Layer.launch(host))
