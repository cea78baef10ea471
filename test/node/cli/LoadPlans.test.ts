import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as CandleStore from "../../../src/data/CandleStore.js"
import type { Timeframe } from "../../../src/data/Timeframe.js"
import * as IbCandleSource from "../../../src/hosts/ib/IbCandleSource.js"
import * as IbPacing from "../../../src/hosts/ib/IbPacing.js"
import * as Cli from "../../../src/node/Cli.js"
import * as LoadPlans from "../../../src/node/cli/LoadPlans.js"
import * as LoadPlanText from "../../../src/node/cli/LoadPlanText.js"
import * as Main from "../../../src/node/Main.js"
import * as Pacing from "../../../src/Pacing.js"
import * as Hosts from "../../hosts/ib/Hosts.js"
import * as TestOutput from "../../utils/TestOutput.js"

const now = Hosts.at("2024-07-04T12:00:00Z")

const planned = (name: string, requests: number): LoadPlanText.Planned => ({
  series: { symbol: Hosts.symbol(name), timeframe: "1s", session: "regular" },
  mode: "full",
  range: { start: Hosts.at("2024-01-02"), end: Hosts.at("2024-07-03") },
  expected: 2_948_400,
  bars: 1800 * requests,
  requests,
  warnings: [],
})

/** What the rules make of the requests if all come at once. */
const schedule = (all: ReadonlyArray<LoadPlanText.Planned>, pacing: IbPacing.Mode): LoadPlanText.Schedule => {
  const requests = all.flatMap(({ series, requests }) =>
    Array.from(
      { length: requests },
      (_, index): IbPacing.Paced => ({
        contract: series.symbol,
        bars: { ...series, tickType: "TRADES", range: { start: index, end: index + 1 } },
      }),
    ),
  )
  const windows = pacing === "none" ? [] : IbPacing.rules(pacing, 50).windows
  return { ...Pacing.plan(windows, requests, now), now, pacing }
}

describe("the plan of a load", () => {
  it("says what is asked for, how long that takes at least, and why", () => {
    const all = [planned("AAPL", 1638)]
    expect(LoadPlanText.text(all, schedule(all, "adaptive"))).toMatchInlineSnapshot(`
      "AAPL 1s: 1,638 requests for 2,948,400 of 2,948,400 expected bars
        full mode, 2024-01-02T00:00:00Z to 2024-07-03T00:00:00Z
      1s bars of 6 months: 1,638 requests, at least 4h 30m
        60 requests in 10 minutes: 1,638 to go, at least 4h 30m
        5 requests for one contract in 2 seconds: 1,638 to go, at least 10m 54s
        50 messages in 1 second: 1,638 to go, at least 32s
        the last would start in 4h 30m, at 2024-07-04T16:30:09Z
      Pacing: adaptive, by the rules of Interactive Brokers as of 2025-06-30
      Nothing was fetched or written."
    `)
  })

  it("says of many series how much each asks for, in a table", () => {
    const all = [planned("AAPL", 1638), planned("KO", 0), planned("BRK.B", 90), planned("MSFT", 1)]
    expect(LoadPlanText.text(all, schedule(all, "strict"))).toMatchInlineSnapshot(`
      "series     expected       bars  requests  range
      AAPL 1s   2,948,400  2,948,400     1,638  2024-01-02T00:00:00Z to 2024-07-03T00:00:00Z
      KO 1s     2,948,400          0         0  2024-01-02T00:00:00Z to 2024-07-03T00:00:00Z
      BRK.B 1s  2,948,400    162,000        90  2024-01-02T00:00:00Z to 2024-07-03T00:00:00Z
      MSFT 1s   2,948,400      1,800         1  2024-01-02T00:00:00Z to 2024-07-03T00:00:00Z
      1s bars of 6 months, 4 series: 1,729 requests, at least 4h 40m
        60 requests in 10 minutes: 1,729 to go, at least 4h 40m
        5 requests for one contract in 2 seconds: 1,638 to go, at least 10m 54s
        50 messages in 1 second: 1,729 to go, at least 34s
        the last would start in 4h 40m, at 2024-07-04T16:40:22Z
      Pacing: strict, by the rules of Interactive Brokers as of 2025-06-30
      Nothing was fetched or written."
    `)
  })

  it("says that nothing has to wait, and that there is nothing to ask for", () => {
    const [one, none] = [[planned("AAPL", 1)], [planned("AAPL", 0)]]
    expect(LoadPlanText.whole(one, schedule(one, "none"))).toBe(
      "1s bars of 6 months: 1 request, and none has to wait",
    )
    expect(LoadPlanText.text(none, schedule(none, "adaptive"))).toMatchInlineSnapshot(`
      "AAPL 1s: no request for 0 of 2,948,400 expected bars
        full mode, 2024-01-02T00:00:00Z to 2024-07-03T00:00:00Z
      1 series: 0 requests
      Pacing: adaptive, by the rules of Interactive Brokers as of 2025-06-30
      Nothing was fetched or written."
    `)
  })
})

/** A home of its own, and the command line over it, with a host. */
const command = Effect.gen(function* () {
  const url = yield* Hosts.serve()
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktrdr-plan-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true })),
  )
  const home = join(folder, "home")
  const environment = ConfigProvider.fromMap(new Map([["KTRDR_HOME", home]]))
  const run = (line: string) =>
    TestOutput.run(Cli.run([...line.split(" "), "--host", url, "--no-progress"])).pipe(
      Effect.withConfigProvider(environment),
    )
  return { home, run }
})

const span = "--mode full --start 2024-01-02 --end 2024-07-03"

describe("data load --plan", () => {
  it.scopedLive("plans what can be planned, fetches nothing and writes nothing", () =>
    Effect.gen(function* () {
      const { home, run } = yield* command
      const { result, out, err } = yield* run(
        `data load AAPL NOPE MSFT 1m ${span} --plan --json --pacing strict`,
      )
      expect(result).toBe(1)
      const lines = out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
      const range = { start: "2024-01-02T00:00:00.000Z", end: "2024-07-03T00:00:00.000Z" }
      const bars = 126 * 390
      expect(lines.slice(0, 3)).toMatchObject([
        { symbol: "AAPL", timeframe: "1m", mode: "full", ...range, expected: bars, requests: 126, bars },
        { symbol: "NOPE", timeframe: "1m", session: "regular", error: { reason: "UnknownSymbol" } },
        { symbol: "MSFT", timeframe: "1m", mode: "full", ...range, expected: bars, requests: 126, bars },
      ])
      expect(lines.slice(3)).toMatchObject([
        {
          series: 2,
          requests: 252,
          bars: 2 * bars,
          pacing: "strict",
          floor_seconds: 2400,
          rule: "60 requests in 10 minutes",
          rules: [
            { rule: "60 requests in 10 minutes", cost: 252, floor_seconds: 2400 },
            { rule: "5 requests for one contract in 2 seconds", cost: 126, floor_seconds: 50 },
            { rule: "50 messages in 1 second", cost: 252, floor_seconds: 5 },
          ],
        },
      ])
      expect(lines[3].last_start_seconds).toBeGreaterThan(2400)
      expect(lines[3].last_start_seconds).toBeLessThan(2410)
      expect(err).toMatch(/^ktrdr: NOPE: .*not found/)
      expect(existsSync(home)).toBe(false)
    }),
  )

  it.scopedLive("plans nothing for what is there, and what data sync would ask for", () =>
    Effect.gen(function* () {
      const { run } = yield* command
      const load = "data load AAPL 1h --mode full --start 2024-01-02 --end 2024-02-01"
      expect((yield* run(load)).result).toBe(0)
      const again = yield* run(`${load} --plan`)
      expect(again).toMatchObject({ result: 0, err: "" })
      expect(again.out).toMatch(/^AAPL 1h: no request for 0 of 147 expected bars\n/)
      const sync = yield* run("data sync --plan --pacing none")
      expect(sync.out).toMatch(/^AAPL 1h: \d+ requests for [\d,]+ of [\d,]+ expected bars\n {2}tail mode, /)
      expect(sync.out).toMatch(/\n1h bars of \d years: \d+ requests, and none has to wait\nPacing: none\n/)
    }),
  )
})

describe("before a load", () => {
  it.scopedLive("it is said how long it takes at least, where hard rules make that long", () =>
    Effect.gen(function* () {
      const baseUrl = yield* Hosts.serve()
      const said = (pacing: IbPacing.Mode, timeframe: Timeframe, mode: "full" | "local" = "full") => {
        const [start, end] = [Hosts.at("2024-01-02"), Hosts.at("2024-07-03")]
        const load = { timeframe, mode, session: "regular", start, end, recheck: false } as const
        const loads = ["AAPL", "NOPE", "MSFT"].map((name) => ({ ...load, symbol: Hosts.symbol(name) }))
        const saying = LoadPlans.sayFloor(loads, { pacing, json: false, noProgress: true }).pipe(
          Effect.provide(Main.layerLoad(IbCandleSource.layerHost({ baseUrl }), CandleStore.layerMemory)),
          Effect.provideService(IbPacing.PacingMode, pacing),
        )
        return Effect.map(TestOutput.run(saying), ({ err }) => err)
      }
      expect(yield* said("strict", "1m")).toBe(
        "note: 1m bars of 6 months, 2 series: 252 requests, at least 40m: 60 requests in 10 minutes; --plan says " +
          "more, --pacing none is for hosts that do not pass requests on to Interactive Brokers\n",
      )
      expect(yield* said("strict", "1d")).toBe("")
      expect(yield* said("strict", "1m", "local")).toBe("")
      expect(yield* said("adaptive", "1m")).toBe("")
      expect(yield* said("none", "1s")).toBe("")
    }),
  )
})
