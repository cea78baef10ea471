/** Commands given `--server`, over a server of this process. */
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as CandleSource from "../../../src/data/CandleSource.js"
import * as Symbol from "../../../src/data/Symbol.js"
import * as Cli from "../../../src/node/Cli.js"
import * as CommandLine from "../../utils/CommandLine.js"
import { candles } from "../../utils/DailyBars.js"
import * as Strategies from "../../utils/Strategies.js"
import * as TestOutput from "../../utils/TestOutput.js"
import * as Served from "../api/Served.js"

const series = ["AAPL", "MSFT"].map((name) => ({
  symbol: Symbol.Symbol.make(name),
  timeframe: "1d" as const,
  candles,
}))
const source = CandleSource.layerMemory({ series })
const week = ["--start", "2024-01-08", "--end", "2024-01-13"]

/** A server, and a command line that is told to use it, whose own home is empty. */
const setUp = (options: Served.Options = {}) =>
  Effect.gen(function* () {
    const server = yield* Served.serve({ source, ...options })
    const { file, inEnvironment } = yield* CommandLine.make
    const token = options.token === undefined ? {} : { KTRDR_API_TOKEN: options.token }
    const run = inEnvironment(token)
    return {
      ...server,
      file,
      run,
      on: (...words: ReadonlyArray<string>) => run(...words, "--server", server.url),
    }
  })

const load = (...words: ReadonlyArray<string>) => ["data", "load", ...words, "1d", "--mode", "full", ...week]

describe("data load", () => {
  it.scopedLive("reports as it does without a server, and keeps the bars there", () =>
    Effect.gen(function* () {
      const { on, run, url } = yield* setUp()
      const one = yield* on(...load("AAPL"))
      expect([one.result, one.err]).toEqual([0, expect.stringMatching(/^(warning: .*\n)?$/)])
      expect(one.out).toMatch(/^AAPL 1d: 5 of 5 expected bars present\n.*\n {2}fetched 5 bars in 1 request/)
      const both = yield* on(...load("AAPL", "MSFT"), "--json", "--no-progress")
      const lines = both.out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
      expect(lines).toMatchObject([
        { symbol: "AAPL", fetched: 0, present: 5 },
        { symbol: "MSFT", fetched: 5, present: 5 },
      ])
      expect((yield* run("data", "list")).err).toMatch(/^No series is kept yet/)

      const shown = yield* on("data", "show", "AAPL", "1d", "--limit", "2", "--json")
      expect(
        shown.out
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line)),
      ).toEqual([
        { start: "2024-01-11T00:00:00Z", open: 1, high: 2, low: 1, close: 2, volume: 3 },
        { start: "2024-01-12T00:00:00Z", open: 1, high: 2, low: 1, close: 2, volume: 3 },
      ])
      expect((yield* on("data", "show", "AAPL", "1d", "--limit", "2")).err).toBe("2 of 5 bars\n")
      expect((yield* on("data", "show", "AAPL", "1d")).err).toBe("5 of 5 bars\n")
      const covered = yield* on("data", "coverage", "AAPL", "1d", ...week, "--json")
      expect(JSON.parse(covered.out)).toMatchObject({ venue: "XNYS", expected: 5, present: 5, missing: [] })
      expect((yield* on("data", "coverage", "AAPL", "1d")).out).toContain("5 of 5 expected bars present\n")
      for (const command of ["show", "coverage"]) {
        expect(yield* on("data", command, "KO", "1d")).toEqual({
          result: 1,
          out: "",
          err:
            "ktrdr: KO 1d: expected a series in the server's store, found none. " +
            `Load it first: ktrdr data load KO 1d --server ${url}.\n`,
        })
      }
    }),
  )

  it.scopedLive("says why a series failed as it does without a server", () =>
    Effect.gen(function* () {
      const { on } = yield* setUp()
      const one = yield* on(...load("KO"), "--json", "--no-progress")
      expect(one).toMatchObject({
        result: 1,
        err: expect.stringMatching(/^ktrdr: KO: expected a symbol that /),
      })
      expect(JSON.parse(one.out)).toMatchObject({
        symbol: "KO",
        error: { reason: "UnknownSymbol", place: "KO", found: expect.any(String) },
      })
      const both = yield* on(...load("AAPL", "KO"))
      expect(both).toMatchObject({
        result: 1,
        out: expect.stringMatching(/^AAPL 1d: 5 of 5 expected/),
        err: expect.stringMatching(/KO: expected a symbol that /),
      })
      const lines = (yield* on(...load("AAPL", "KO"), "--json", "--no-progress")).out.trim().split("\n")
      expect(lines.map((line) => JSON.parse(line))).toMatchObject([
        { symbol: "AAPL", present: 5 },
        { symbol: "KO", error: { reason: "UnknownSymbol", place: "KO" } },
      ])
    }),
  )

  it.scopedLive("interrupted cancels it there, and says how to go on", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const stuck = Layer.map(source, (context) => {
        const inner = CandleSource.CandleSource.pipe(Effect.provide(context), Effect.runSync)
        return CandleSource.CandleSource.context({
          ...inner,
          fetch: () => Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never),
        })
      })
      const { operations, url } = yield* setUp({ source: stuck })
      const output = TestOutput.make()
      const words = [...load("AAPL"), "--server", url, "--no-progress"]
      const fiber = yield* Effect.fork(Effect.provide(Cli.run(words), output.layer))
      yield* Deferred.await(begun)
      const exit = yield* Fiber.interrupt(fiber)
      expect(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)).toBe(true)
      const [record] = (yield* operations.list()).operations
      expect(record).toMatchObject({ status: "cancelled" })
      expect(output.err()).toBe(
        `Interrupted; 0 bars kept · 0 of 1 segments settled\nContinue with: ktrdr ${words.join(" ")}\n` +
          `           or: ktrdr operations resume ${record?.id} --server ${url}\n`,
      )
    }),
  )
})

describe("operations", () => {
  it.scopedLive("are started, listed, watched, cancelled and resumed there", () =>
    Effect.gen(function* () {
      const { file, on, url } = yield* setUp()
      const payload = yield* file("count.json", '{"name":"a","ticks":3,"last":"wait"}')
      const began = yield* on("operations", "start", "count", "--payload", payload, "--detach")
      const id = began.out.trim()
      expect(began).toMatchObject({
        result: 0,
        err: expect.stringContaining(`watch ${id} --server ${url}\n`),
      })
      expect(JSON.parse((yield* on("operations", "list", "--active", "--json")).out)).toMatchObject({
        id,
        status: "running",
        payload: { name: "a", ticks: 3 },
      })
      const watching = yield* Effect.fork(on("operations", "watch", id.slice(-8), "--no-progress"))
      const cancelled = yield* on("operations", "cancel", id.slice(-8), "--reason", "enough")
      expect(cancelled.result).toBe(0)
      expect(cancelled.out).toMatch(new RegExp(`^${id}: cancelled after \\d+s: enough\n`))
      const { out, result } = yield* Fiber.join(watching)
      expect([result, out]).toEqual([130, cancelled.out])
      expect((yield* on("operations", "cancel", id)).err).toMatch(/found one that is cancelled since/)
      const resumed = JSON.parse((yield* on("operations", "resume", id, "--detach", "--json")).out)
      expect(resumed).toEqual({ id: expect.stringMatching(/^op_count_/), kind: "count" })
      const shown = JSON.parse((yield* on("operations", "show", resumed.id, "--json")).out)
      expect(shown).toMatchObject({ attempt: 2, resumedFrom: id })
      expect((yield* on("operations", "cancel", "--all")).result).toBe(0)
    }),
  )

  it.scopedLive("that train are so as those that load", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { file, models, on } = yield* setUp({ gate })
      const strategy = Strategies.make([["name: mean_reversion", "name: held"]])
      const payload = yield* file("training.json", JSON.stringify({ strategy }))
      const began = yield* on("operations", "start", "training", "--payload", payload, "--detach")
      const id = began.out.trim()
      expect([began.result, id]).toEqual([0, expect.stringMatching(/^op_training_/)])
      yield* Served.until(
        Effect.map(on("operations", "list"), ({ out }) => /Training MLP model on AAPL \[1h\] /.test(out)),
      )
      const watching = yield* Effect.fork(on("operations", "watch", id, "--no-progress"))
      const cancelled = yield* on("operations", "cancel", id, "--reason", "enough")
      expect(cancelled.out).toMatch(
        new RegExp(`^${id}: cancelled after \\d+s: enough\n {2}nothing kept: no checkpoint`),
      )
      expect(yield* Fiber.join(watching)).toMatchObject({ result: 130, out: cancelled.out })
      expect((yield* on("operations", "show", id)).out).toContain(
        "nothing kept: no checkpoint was written yet",
      )
      yield* Deferred.succeed(gate, undefined)
      const resumed = yield* on("operations", "resume", id, "--json", "--no-progress")
      expect([resumed.result, JSON.parse(resumed.out)]).toMatchObject([
        0,
        { kind: "training", status: "completed", resumedFrom: id, result: { model: "held/AAPL_1h/v1" } },
      ])
      expect(yield* models.ids).toHaveLength(1)
    }),
  )

  it.scopedLive("of any kind are shown to their end", () =>
    Effect.gen(function* () {
      const { file, on } = yield* setUp()
      const good = yield* file("good.json", '{"name":"a","ticks":2}')
      const done = yield* on("operations", "start", "count", "--payload", good)
      expect(done.result).toBe(0)
      expect(done.out).toMatch(/^op_count_\w+: completed after \d+s\n {2}\{"counted":2\}\n$/)
      const bad = yield* file("bad.json", '{"name":"a","ticks":2,"last":"fail"}')
      const failed = yield* on("operations", "start", "count", "--payload", bad, "--json", "--no-progress")
      expect([failed.result, failed.err]).toEqual([1, ""])
      expect(JSON.parse(failed.out)).toMatchObject({ status: "failed", failure: { reason: "Unreachable" } })
      const unfit = yield* file("unfit.json", '{"name":"a","ticks":"two"}')
      for (const kind of ["count", "nothing"]) {
        const { err, out, result } = yield* on("operations", "start", kind, "--payload", unfit)
        expect([result, out]).toEqual([2, ""])
        expect(err).toMatch(kind === "count" ? /ticks: expected/ : /^ktrdr: operation kind: expected one of/)
      }
    }),
  )
})

describe("--server", () => {
  it.scopedLive("needs the token that the server wants", () =>
    Effect.gen(function* () {
      const { on, url } = yield* setUp({ token: "a-secret-of-some-length" })
      expect((yield* on("operations", "list")).result).toBe(0)
      const { run } = yield* CommandLine.make
      for (const words of [
        ["operations", "list"],
        ["data", "show", "AAPL", "1d"],
      ]) {
        expect(yield* run(...words, "--server", url)).toMatchObject({
          result: 1,
          err: expect.stringContaining("Set KTRDR_API_TOKEN"),
        })
      }
    }),
  )

  it.effect("is refused where it says nothing, and where its options do", () =>
    Effect.gen(function* () {
      const { run } = yield* CommandLine.make
      const url = "http://127.0.0.1:9"
      for (const words of [["data", "list"], ["data", "sync"], ["doctor"], ["host", "ib"]]) {
        expect(yield* run(...words, "--server", url)).toEqual({
          result: 2,
          out: "",
          err:
            `ktrdr: ${words.join(" ")} works on this machine alone: --server is for data load, data show, ` +
            `data coverage, train, operations\nTry: ktrdr ${words.join(" ")} --help\n`,
        })
      }
      for (const option of [["--host", url], ["--pacing=none"], ["--plan"]]) {
        expect(yield* run("data", "load", "SPX", "1d", ...option, "--server", url)).toMatchObject({
          result: 2,
          err: expect.stringMatching(/^ktrdr: --\w+ and --server: the server has its own; leave it out\n/),
        })
      }
    }).pipe(Effect.scoped),
  )

  it.scopedLive("that answers nobody, or is no URL, is said so", () =>
    Effect.gen(function* () {
      const { run } = yield* CommandLine.make
      for (const words of [["operations", "list"], ["data", "coverage", "SPX", "1d"], load("SPX")]) {
        const { err, out, result } = yield* run(...words, "--server", "http://127.0.0.1:9")
        expect([result, out]).toEqual([1, ""])
        expect(err).toMatch(
          /ECONNREFUSED.* See whether ktrdr serve runs at http:\/\/127\.0\.0\.1:9: start it/,
        )
        expect((yield* run(...words, "--server", "nowhere")).result).toBe(2)
      }
    }),
  )
})
