import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import type { Description } from "../../src/data/CandleStore.js"
import * as Instrument from "../../src/data/Instrument.js"
import type { Session } from "../../src/data/Series.js"
import * as Symbol from "../../src/data/Symbol.js"
import * as Sync from "../../src/data/Sync.js"
import type { Timeframe } from "../../src/data/Timeframe.js"

const symbolOf = (name: string) => Symbol.Symbol.make(name)

const stored = (
  name: string,
  source: string,
  timeframe: Timeframe = "1d",
  session: Session = "regular",
): Description => ({
  series: { symbol: symbolOf(name), timeframe, session },
  instrument: Instrument.guess(symbolOf(name)).instrument,
  source,
  head: undefined,
  last: undefined,
  noData: [],
  rows: 1,
  first: 0,
  newest: 0,
  files: [],
})

const all = [
  stored("AAPL", "ib"),
  stored("AAPL", "ib", "1h", "extended"),
  stored("KO", "csv"),
  stored("SPX", "ib"),
]
const names = (plan: Either.Either<Sync.Plan, unknown>) => {
  const { loads, left } = Either.getOrThrow(plan)
  return { loads: loads.map(({ symbol }) => symbol), left: left.map(({ series }) => series.symbol) }
}

describe("Sync.plan", () => {
  it("loads what the source filled, and leaves the rest", () => {
    expect(names(Sync.plan(all, { source: "ib" }))).toEqual({ loads: ["AAPL", "AAPL", "SPX"], left: ["KO"] })
    expect(names(Sync.plan(all, { source: "csv" }))).toEqual({ loads: ["KO"], left: ["AAPL", "AAPL", "SPX"] })
    expect(Either.getOrThrow(Sync.plan(all, { source: "ib" })).loads[1]).toEqual({
      symbol: "AAPL",
      timeframe: "1h",
      session: "extended",
      mode: "tail",
      recheck: false,
    })
  })

  it("loads every series of a symbol that is named, wherever it came from", () => {
    const only = [symbolOf("KO"), symbolOf("AAPL")]
    expect(names(Sync.plan(all, { source: "ib", only }))).toEqual({ loads: ["AAPL", "AAPL", "KO"], left: [] })
    expect(names(Sync.plan(all, { source: "other", only: [] }))).toEqual({ loads: [], left: [] })
  })

  it("names symbols that have no series, all of them", () => {
    const only = ["AAPL", "IBM", "GE"].map(symbolOf)
    const error = Either.getOrThrow(Either.flip(Sync.plan(all, { source: "ib", only })))
    expect(error).toMatchObject({ reason: "NotFound", place: "IBM, GE" })
    expect(error.advice).toContain("ktrdr data load IBM GE TIMEFRAME")
  })

  it("has each series once, loaded or left, in the order of the store", () => {
    const series = fc.tuple(fc.constantFrom("AAPL", "KO", "SPX"), fc.constantFrom("ib", "csv", "unknown"))
    fc.assert(
      fc.property(fc.array(series), fc.boolean(), (some, anySource) => {
        const given = some.map(([name, source]) => stored(name, source))
        const { loads, left } = Either.getOrThrow(Sync.plan(given, { source: "ib", anySource }))
        expect(loads.length + left.length).toBe(given.length)
        expect(left.every(({ source }) => source !== "ib" && !anySource)).toBe(true)
        const order = given.filter((one) => !left.includes(one)).map((one) => one.series.symbol)
        expect(loads.map(({ symbol }) => symbol)).toEqual(order)
      }),
    )
  })
})
