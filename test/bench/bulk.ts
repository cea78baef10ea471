/**
 * Fifty series from a host service, a process of its own, to the store: all at once, as `ktrdr data load` does
 * it, beside one after another in the same process. The host answers at once, or each request after the time
 * that a gateway may take; the last row keeps to the pace of Interactive Brokers, at most 50 messages a second.
 */
import { performance } from "node:perf_hooks"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Payload } from "../../src/data/LoadData.js"
import * as Symbol from "../../src/data/Symbol.js"
import * as IbPacing from "../../src/hosts/ib/IbPacing.js"
import * as SimulatedSymbols from "../../src/hosts/ib/SimulatedSymbols.js"
import * as Loading from "../../src/node/Loading.js"
import * as Main from "../../src/node/Main.js"
import { median, table } from "./measure.js"
import * as Part from "./part.js"

const series = 50
const least = 1.5
const end = Date.UTC(2025, 0, 1)

interface Case {
  readonly name: string
  readonly timeframe: "1h" | "1d"
  readonly start: number
  /** Milliseconds that the host takes for a request. */
  readonly latency: number
  readonly pacing: IbPacing.Mode
  readonly rounds: number
}

const daily = { timeframe: "1d", start: Date.UTC(2020, 0, 1) } as const
const hourly = { timeframe: "1h", start: Date.UTC(2024, 0, 1) } as const
const atOnce = { latency: 0, pacing: "none" } as const

const cases: readonly [Case, ...ReadonlyArray<Case>] = [
  { name: "5 years of days, host answers at once", ...daily, ...atOnce, rounds: 5 },
  { name: "a year of hours, host answers at once", ...hourly, ...atOnce, rounds: 3 },
  { name: "5 years of days, host takes 100 ms", ...daily, latency: 100, pacing: "none", rounds: 3 },
  { name: "the same, at the pace of IB", ...daily, latency: 100, pacing: "adaptive", rounds: 1 },
]

const loadsOf = ({ timeframe, start }: Case): ReadonlyArray<Payload> =>
  SimulatedSymbols.names.slice(0, series).map((name) => ({
    symbol: Symbol.Symbol.make(name),
    timeframe,
    session: "regular",
    mode: "full",
    start,
    end,
    recheck: false,
  }))

type Work = (
  loads: ReadonlyArray<Payload>,
) => Effect.Effect<ReadonlyArray<Loading.Outcome>, never, Main.Loads>

const together: Work = (loads) => Effect.orDie(Loading.run(loads))
const oneByOne: Work = (loads) =>
  Effect.map(
    Effect.forEach(loads, (load) => together([load])),
    (_) => _.flat(),
  )

interface Run {
  readonly seconds: number
  readonly bars: number
  readonly requests: number
}

/** Loads into a store of its own; modules that are loaded when they are first needed are there already. */
const run = (loads: ReadonlyArray<Payload>, work: Work, url: string) =>
  Effect.gen(function* () {
    const home = yield* Part.folder("bulk")
    const system = Main.layerLoad(Main.layerHost(url), Main.layerStoreAt(home))
    return yield* Effect.gen(function* () {
      yield* together(loads.slice(0, 1).map((load) => ({ ...load, timeframe: "1w" })))
      const began = performance.now()
      const outcomes = yield* work(loads)
      const seconds = (performance.now() - began) / 1000
      const reports = outcomes.flatMap(({ result }) => (Either.isRight(result) ? [result.right] : []))
      if (reports.length !== series || reports.some(({ expected, present }) => present !== expected)) {
        return yield* Effect.fail(new Error("a load was not complete"))
      }
      const sum = (of: (report: (typeof reports)[number]) => number) =>
        reports.reduce((total, report) => total + of(report), 0)
      const done: Run = {
        seconds,
        bars: sum(({ present }) => present),
        requests: sum(({ requests }) => requests),
      }
      return done
    }).pipe(Effect.provide(system))
  }).pipe(Effect.scoped)

/** The middle of several rounds, of which every other one begins with the other way. */
const compare = (of: Case) =>
  Effect.gen(function* () {
    const { url } = yield* Part.ibHost(of.latency)
    const loads = loadsOf(of)
    const single: Array<number> = []
    const bulk: Array<number> = []
    let last = yield* run(loads, together, url)
    for (let round = 0; round < of.rounds; round++) {
      const turns = [
        { work: oneByOne, times: single },
        { work: together, times: bulk },
      ]
      for (const { work, times } of round % 2 === 0 ? turns : turns.toReversed()) {
        last = yield* run(loads, work, url)
        times.push(last.seconds)
      }
    }
    return { ...last, single: median(single), bulk: median(bulk), ratio: median(single) / median(bulk) }
  }).pipe(Effect.scoped, Effect.provideService(IbPacing.PacingMode, of.pacing))

const show = (seconds: number): string => `${seconds.toFixed(2)} s`

export const bench = Effect.gen(function* () {
  const rows: Array<ReadonlyArray<string>> = []
  const results: Array<Effect.Effect.Success<ReturnType<typeof compare>>> = []
  for (const one of cases) {
    const found = yield* compare(one)
    results.push(found)
    rows.push([
      one.name,
      String(found.bars),
      String(found.requests),
      show(found.single),
      show(found.bulk),
      found.ratio.toFixed(2),
      results.length === 1 ? `>= ${least}` : "",
    ])
  }
  const rss = Math.round(process.resourceUsage().maxRSS / 1024)
  const [first, hours, slow, paced] = results.map(({ ratio }) => Number(ratio.toFixed(2)))
  yield* Console.log(
    table([
      [`${series} series, medians`, "bars", "requests", "one by one", "at once", "ratio", "to reach"],
      ...rows,
      ["peak memory, MB", "", "", "", String(rss), "", ""],
    ]),
  )
  yield* Console.log(
    JSON.stringify({
      bench: "bulk",
      series,
      bars_per_second: Math.round(results[0]!.bars / results[0]!.bulk),
      vs_single: first,
      vs_single_hours: hours,
      vs_single_100ms: slow,
      vs_single_100ms_paced: paced,
      peak_rss_mb: rss,
    }),
  )
}).pipe(Effect.scoped)
