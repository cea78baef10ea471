import * as HttpServer from "@effect/platform/HttpServer"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as CandleSource from "../../../src/data/CandleSource.js"
import type { Session } from "../../../src/data/Series.js"
import * as Symbol from "../../../src/data/Symbol.js"
import type { Timeframe } from "../../../src/data/Timeframe.js"
import type * as HostConfig from "../../../src/HostConfig.js"
import * as IbCandleSource from "../../../src/hosts/ib/IbCandleSource.js"
import * as IbPacing from "../../../src/hosts/ib/IbPacing.js"
import * as IbServer from "../../../src/hosts/ib/IbServer.js"
import * as SimulatedMarket from "../../../src/hosts/ib/SimulatedMarket.js"
import * as Http from "../../../src/node/Http.js"

export const market = SimulatedMarket.layer({ seed: 7 })

/** ktrdr's own host on a port of this machine, until the scope closes. */
export const serve = (
  options: IbServer.Options = {},
  source: Layer.Layer<CandleSource.CandleSource> = market,
) =>
  Effect.gen(function* () {
    const http = NodeHttpServer.layerServer(Http.createServer, { host: "127.0.0.1", port: 0 })
    const served = IbServer.layer(options).pipe(Layer.provide(source), Layer.provideMerge(http))
    const { address } = Context.get(yield* Layer.build(served), HttpServer.HttpServer)
    return `http://127.0.0.1:${"port" in address ? address.port : 0}`
  })

/** The adapter to a host, with a pool of its own until the scope closes; it holds nothing back unless told. */
export const adapter = (options: HostConfig.Options, pacing: IbPacing.Mode = "none") =>
  Layer.build(IbCandleSource.layerHost(options)).pipe(
    Effect.provideService(IbPacing.PacingMode, pacing),
    Effect.map((_) => Context.get(_, CandleSource.CandleSource)),
  )

export const at = (text: string): number => Date.parse(text)

export const symbol = (text: string): Symbol.Symbol => Either.getOrThrow(Symbol.parse(text))

/** A request for `AAPL 1h` and the like. */
export const ask = (
  name: string,
  timeframe: Timeframe,
  start: string,
  end: string,
  session: Session = "regular",
): CandleSource.Request => ({
  series: { symbol: symbol(name), timeframe, session },
  instrument: { symbol: symbol(name), type: "stock", venue: "XNYS", currency: "USD" },
  range: { start: at(start), end: at(end) },
})
