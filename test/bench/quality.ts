/**
 * Every check of a million bars: the bars by themselves, their neighbours, and the calendar with the clock; of
 * clean bars, and of such as were stamped by a wrong clock, where every rule of clocks is tried.
 */
import { performance } from "node:perf_hooks"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Candle from "../../src/data/Candle.js"
import type { Issue } from "../../src/data/Quality/Issue.js"
import * as Quality from "../../src/data/Quality.js"
import type { Session } from "../../src/data/Series.js"
import * as SeriesCheck from "../../src/data/SeriesCheck.js"
import * as Symbol from "../../src/data/Symbol.js"
import * as TradingCalendar from "../../src/data/TradingCalendar.js"
import * as Shifts from "../utils/ClockShifts.js"
import * as Walk from "../utils/Walk.js"
import { median, table } from "./measure.js"

const bars = 1_000_000
const runs = 7
const most = 1

const symbol = Symbol.Symbol.make("AAPL")
const calendar = TradingCalendar.forVenue("XNYS").calendar
const from = Date.UTC(2014, 0, 2)

/** The first million minutes of New York's sessions since 2014. */
const starts = (session: Session): Float64Array => {
  const range = { start: from, end: Date.UTC(session === "regular" ? 2026 : 2022, 0, 1) }
  return TradingCalendar.expectedStarts(calendar, { timeframe: "1m", session }, range).slice(0, bars)
}

const late = (rule: Shifts.Rule, moved: (index: number) => boolean): Float64Array =>
  Shifts.shift(starts("regular"), calendar.timeZone, rule, moved).stamps

const cases: ReadonlyArray<{
  readonly name: string
  readonly stamps: () => Float64Array
  /** The kinds that the check finds, with the rule of a clock shift. */
  readonly finds: string
}> = [
  { name: "clean", stamps: () => starts("regular"), finds: "" },
  {
    name: "every bar with New York's offset once too often",
    stamps: () => late({ times: 1 }, () => true),
    finds: "clock_shift",
  },
  {
    name: "every bar seven minutes late",
    stamps: () => late({ minutes: 7 }, () => true),
    finds: "clock_shift",
  },
  {
    name: "every other bar five hours late",
    stamps: () => late({ minutes: 300 }, (index) => (index * 2_654_435_761) % 4294967296 < 2_147_483_648),
    finds: "clock_shift",
  },
  { name: "extended hours among regular ones", stamps: () => starts("extended"), finds: "outside_session" },
]

const check = (candles: Candle.Candles) =>
  SeriesCheck.candles(
    { series: { symbol, timeframe: "1m", session: "regular" }, calendar, noData: [] },
    candles,
  )

const measure = Effect.fnUntraced(function* (stamps: Float64Array, finds: string) {
  const candles = Walk.candles(stamps)
  const seconds: Array<number> = []
  const alone: Array<number> = []
  let issues: ReadonlyArray<Issue> = []
  for (let run = 0; run < runs; run++) {
    const began = performance.now()
    issues = (yield* check(candles)).issues
    seconds.push((performance.now() - began) / 1000)
    const again = performance.now()
    Quality.check(candles)
    alone.push((performance.now() - again) / 1000)
  }
  const kinds = issues.map(({ kind }) => kind).filter((kind) => kind !== "missing_bars")
  if (kinds[0] !== (finds === "" ? undefined : finds))
    return yield* Effect.fail(new Error(`expected "${finds}", found "${kinds}"`))
  const shift = issues.find(({ shifts }) => shifts !== undefined)?.shifts?.[0]?.rule.split(":")[0]
  return { bars: stamps.length, seconds: median(seconds), alone: median(alone), shift: shift ?? kinds.join() }
})

const show = (seconds: number): string => `${(seconds * 1000).toFixed(0)} ms`

export const bench = Effect.gen(function* () {
  const results = yield* Effect.forEach(cases, ({ name, stamps, finds }) =>
    Effect.map(measure(stamps(), finds), (result) => ({ name, ...result })),
  )
  yield* Console.log(
    table([
      [`median of ${runs}`, "bars", "all checks", "of it without a calendar", "finds"],
      ...results.map(({ name, bars, seconds, alone, shift }) => [
        name,
        bars.toLocaleString("en-US"),
        `${show(seconds)}${name === "clean" ? ` (to reach: ${show(most)})` : ""}`,
        show(alone),
        shift,
      ]),
    ]),
  )
  const [clean] = results
  yield* Console.log(
    JSON.stringify({ bench: "quality", bars: clean!.bars, seconds: Number(clean!.seconds.toFixed(4)) }),
  )
})
