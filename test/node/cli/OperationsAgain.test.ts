/** Operations that load, started, resumed and tried again by the command line inside this process. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as CandleSource from "../../../src/data/CandleSource.js"
import * as Symbol from "../../../src/data/Symbol.js"
import * as Hosts from "../../hosts/ib/Hosts.js"
import * as CommandLine from "../../utils/CommandLine.js"
import { candles } from "../../utils/DailyBars.js"

const kept = { symbol: Symbol.Symbol.make("KEPT"), timeframe: "1d" as const, candles }
const week = ["--start", "2024-01-08", "--end", "2024-01-13"]

/** A host that has no series, one that has one, and a command line with a home of its own. */
const setUp = Effect.gen(function* () {
  const empty = yield* Hosts.serve({}, CandleSource.layerMemory({ series: [] }))
  const host = yield* Hosts.serve({}, CandleSource.layerMemory({ series: [kept] }))
  const { file, run } = yield* CommandLine.make
  const listed = Effect.map(run("operations", "list", "--json"), ({ out }) =>
    out
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line)),
  )
  return { empty, host, file, run, listed }
})

describe("operations resume and retry", () => {
  it.scopedLive("do it again as a new operation, from the host of before unless they are told another", () =>
    Effect.gen(function* () {
      const { empty, host, listed, run } = yield* setUp
      const load = ["data", "load", "KEPT", "1d", "--mode", "full", ...week]
      expect((yield* run(...load, "--host", empty, "--pacing", "none")).result).toBe(1)
      const [failed] = yield* listed
      expect(failed).toMatchObject({ kind: "data_load", status: "failed" })

      const again = yield* run("operations", "retry", failed.id)
      expect(again).toMatchObject({ result: 1, out: "", err: expect.stringMatching(/^ktrdr: KEPT/) })

      const resumed = yield* run("operations", "resume", failed.id.slice(-8), "--host", host, "--json")
      expect(resumed.result).toBe(0)
      expect(JSON.parse(resumed.out)).toMatchObject({ symbol: "KEPT", fetched: 5, missing: [] })

      const [third, second, first] = yield* listed
      expect([third, second].map(({ attempt, resumedFrom }) => [attempt, resumedFrom])).toEqual([
        [2, first.id],
        [2, first.id],
      ])
      const settings = (id: string) =>
        Effect.map(run("operations", "show", id, "--json"), ({ out }) => JSON.parse(out).settings)
      expect(yield* settings(second.id)).toEqual({ host: empty, pacing: "none" })
      expect(yield* settings(third.id)).toEqual({ host, pacing: "none" })

      const shown = yield* run("operations", "show", third.id)
      expect(shown.out).toContain("\n    KEPT 1d: 5 of 5 expected bars present\n")
      const predecessor = yield* run("operations", "show", first.id)
      expect(predecessor.out).toContain(`  continued by ${third.id}, ${second.id}\n`)

      expect(yield* run("operations", "resume", third.id)).toMatchObject({
        result: 1,
        out: "",
        err: expect.stringMatching(/found one that is completed. Start a new one to do the work again\.\n$/),
      })
      expect(yield* run("operations", "resume", "nothing")).toMatchObject({
        result: 1,
        err: expect.stringMatching(/^ktrdr: operation id: .* found "nothing"\. The latest: /),
      })
    }),
  )
})

describe("operations start", () => {
  it.scopedLive("runs any kind with a payload from a file", () =>
    Effect.gen(function* () {
      const { file, host, listed, run } = yield* setUp
      const one = { symbol: "KEPT", timeframe: "1d", mode: "full", start: "2024-01-08", end: "2024-01-13" }
      const payload = yield* file("load.json", JSON.stringify(one))
      const started = yield* run("operations", "start", "data_load", "--payload", payload, "--host", host)
      expect(started).toMatchObject({ result: 0, err: "" })
      expect(started.out).toMatch(/^KEPT 1d: 5 of 5 expected bars present\n.*\n {2}fetched 5 bars in \d/)
      const many = yield* file("many.json", JSON.stringify({ loads: [one, { ...one, symbol: "LOST" }] }))
      const bad = yield* run("operations", "start", "data_load_many", "--payload", many, "--host", host)
      expect(bad.result).toBe(1)
      expect(bad.out).toContain("KEPT 1d: 5 of 5 expected bars present\n")
      expect(bad.err).toMatch(/ktrdr: LOST: expected/)
      expect((yield* listed).map(({ kind, status }) => [kind, status])).toEqual([
        ["data_load_many", "failed"],
        ["data_load", "completed"],
      ])
    }),
  )

  it.scopedLive("asks no host for what is to load nothing", () =>
    Effect.gen(function* () {
      const { file, run } = yield* setUp
      const payload = yield* file("load.json", '{"symbol":"KEPT","timeframe":"1d","mode":"local"}')
      const { err, out, result } = yield* run("operations", "start", "data_load", "--payload", payload)
      expect([result, err]).toEqual([0, expect.not.stringContaining("host")])
      expect(out).toContain("nothing to fetch: no request was made")
    }),
  )

  it.scopedLive("refuses a kind and a payload that it does not know, and records nothing", () =>
    Effect.gen(function* () {
      const { file, run } = yield* setUp
      const payload = yield* file("load.json", '{\n"symbol":"KEPT",\n"timeframe":"2d"}')
      for (const [kind, message] of [
        ["job", /^ktrdr: operation kind: expected one of data_load data_load_many training, found "job"/],
        ["data_load", /^ktrdr: \S+load.json line 3, timeframe: expected a value that fits/],
      ] as const) {
        const { err, out, result } = yield* run("operations", "start", kind, "--payload", payload)
        expect([result, out]).toEqual([2, ""])
        expect(err).toMatch(message)
      }
      expect((yield* run("operations", "list")).err).toMatch(/^No operation is recorded yet/)
    }),
  )
})
