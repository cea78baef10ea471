import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as CandleSource from "../../../src/data/CandleSource.js"
import * as CandleStore from "../../../src/data/CandleStore.js"
import { Payload } from "../../../src/data/LoadData.js"
import * as Symbol from "../../../src/data/Symbol.js"
import * as Loads from "../../../src/node/cli/Loads.js"
import * as Shell from "../../../src/node/cli/Shell.js"
import * as Main from "../../../src/node/Main.js"
import * as Output from "../../../src/node/Output.js"
import { day } from "../../utils/Calendars.js"
import { candles, monday } from "../../utils/DailyBars.js"
import * as FaultySource from "../../utils/FaultySource.js"
import * as TestOutput from "../../utils/TestOutput.js"

const series = ["AAPL", "MSFT", "IBM", "KO", "PG"].map((name) => ({
  symbol: Symbol.Symbol.make(name),
  timeframe: "1d" as const,
  candles,
}))
const payloads = (...names: ReadonlyArray<string>) =>
  names.map((name) => Payload.make({ symbol: Symbol.Symbol.make(name), timeframe: "1d", mode: "full" }))

const options: Loads.Options = { json: false, noProgress: true, mode: "full" }
const words = (...names: ReadonlyArray<string>) => ["data", "load", ...names, "1d", "--mode", "full"]

const run = (names: ReadonlyArray<string>, given: Partial<Loads.Options> = {}) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(monday + 30 * day)
    const output = TestOutput.make()
    const exit = yield* Loads.run(payloads(...names), { ...options, ...given }).pipe(
      Effect.exit,
      Effect.provide(output.layer),
    )
    return { isSuccess: Exit.isSuccess(exit), out: output.out(), err: output.err() }
  }).pipe(
    Effect.provideService(Shell.CommandLine, { program: "ktrdr", words: words(...names) }),
    Effect.provide(Main.layerTest(series)),
  )

const stuckOn = (name: string, stuck: Deferred.Deferred<void>) =>
  Main.layerLoad(
    Layer.provide(
      Layer.effect(
        CandleSource.CandleSource,
        Effect.map(CandleSource.CandleSource, (source) =>
          FaultySource.wrap(source, (request, answer) =>
            request.series.symbol === name
              ? Effect.zipRight(Deferred.succeed(stuck, undefined), Effect.never)
              : answer,
          ),
        ),
      ),
      CandleSource.layerMemory({ series }),
    ),
    CandleStore.layerMemory,
  )

describe("Loads.run", () => {
  it.effect("reports on standard output, and says on standard error what failed and how to try again", () =>
    Effect.gen(function* () {
      const good = yield* run(["AAPL", "MSFT", "IBM", "KO"])
      expect(good.isSuccess).toBe(true)
      expect(good.err).toBe("")
      expect(good.out).toContain("\n4 series: 4 complete; fetched 20 bars in 4 requests, ")

      const bad = yield* run(["AAPL", "NONE", "IBM", "KO"])
      expect(bad.isSuccess).toBe(false)
      expect(bad.err).toMatch(/^ktrdr: NONE: expected a symbol that the source memory has, [^\n]+\.\n$/)
      expect(bad.out).toContain("NONE 1d        -         -        -         -  failed: UnknownSymbol\n")
      expect(bad.out).toContain("\n4 series: 3 complete, 1 failed; ")
    }),
  )

  it.effect("with json has a line a series, failed ones among them, in the order asked for", () =>
    Effect.gen(function* () {
      const { isSuccess, out, err } = yield* run(["KO", "NONE", "AAPL", "IBM"], { json: true })
      expect(isSuccess).toBe(false)
      const lines = out.trim().split("\n")
      expect(lines.map((line) => JSON.parse(line).symbol)).toEqual(["KO", "NONE", "AAPL", "IBM"])
      expect(lines.map((line) => JSON.parse(line).error?.reason)).toEqual([
        undefined,
        "UnknownSymbol",
        undefined,
        undefined,
      ])
      expect(err).toContain("ktrdr: NONE")
    }),
  )

  it.effect("interrupted says what it kept, how many series are loaded, and how to go on", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(monday + 30 * day)
      const stuck = yield* Deferred.make<void>()
      const output = TestOutput.make()
      const names = ["AAPL", "MSFT", "IBM", "KO", "PG"]
      const fiber = yield* Loads.run(payloads(...names), options).pipe(
        Effect.provideService(Shell.CommandLine, { program: "ktrdr", words: words(...names) }),
        Effect.provide(Layer.merge(stuckOn("IBM", stuck), output.layer)),
        Effect.fork,
      )
      yield* Deferred.await(stuck)
      yield* TestClock.adjust("1 second")
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
      expect(output.err().replace(/op_data_load_many_20240207_\d{6}_[0-9a-f]{8}/, "ID")).toBe(
        "Interrupted; kept: 20 bars; 4 of 5 series loaded\n" +
          "Continue with: ktrdr data load AAPL MSFT IBM KO PG 1d --mode full\n" +
          "           or: ktrdr operations resume ID\n",
      )
      expect(output.out()).toBe("")
    }),
  )

  it.effect("ends when standard output takes no more, and leaves no load behind", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(monday + 30 * day)
      const stuck = yield* Deferred.make<void>()
      const gone = new Output.OutputError({ gone: true, message: "the reader left" })
      const inner = TestOutput.make()
      const output = Layer.provide(
        Layer.effect(
          Output.Output,
          Effect.map(Output.Output, (service) => ({
            ...service,
            out: () => Effect.zipRight(Deferred.await(stuck), Effect.fail(gone)),
          })),
        ),
        inner.layer,
      )
      const error = yield* Loads.run(payloads("AAPL", "IBM", "KO"), { ...options, json: true }).pipe(
        Effect.provide(Layer.merge(stuckOn("IBM", stuck), output)),
        Effect.flip,
      )
      expect([error._tag, error.message]).toEqual(["OutputError", "the reader left"])
    }),
  )
})
