import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import * as Candle from "../../../src/data/Candle.js"
import * as IbBars from "../../../src/hosts/ib/IbBars.js"

const prices = fc.float({ min: Math.fround(0.01), max: 10_000, noNaN: true })
const rows = fc.uniqueArray(
  fc.record({
    start: fc.integer({ min: Date.parse("1950-01-01"), max: Date.parse("2090-01-01") }),
    open: prices,
    high: prices,
    low: prices,
    close: prices,
    volume: fc.option(fc.nat()),
  }),
  { selector: (_) => _.start, maxLength: 40 },
)

describe("IbBars", () => {
  it("reads what it prints", () => {
    fc.assert(
      fc.property(rows, (rows) => {
        const bars = Candle.fromRows(rows)
        const text = IbBars.print(bars)
        expect(Object.keys(JSON.parse(text) as object)).toEqual(
          rows.map(({ start }) => new Date(start).toISOString()),
        )
        expect(Candle.toRows(Either.getOrThrow(IbBars.parse(text)))).toEqual(rows)
      }),
    )
  })

  it("reads stamps as the hosts write them, in UTC where they say nothing", () => {
    const instant = Date.parse("2024-01-02T14:30:00Z")
    for (const text of [
      "2024-01-02T14:30:00.000Z",
      "2024-01-02T14:30:00Z",
      "2024-01-02T14:30:00+00:00",
      "2024-01-02T09:30:00-05:00",
      "2024-01-02T14:30:00.000",
      "2024-01-02 14:30:00",
      "20240102 14:30:00",
      "20240102-14:30:00",
      "1704205800000",
    ]) {
      expect([text, IbBars.parseStamp(text)]).toEqual([text, instant])
      const bars = IbBars.parse(`{"${text}":{"open":1,"high":1,"low":1,"close":1}}`)
      expect([text, Array.from(Either.getOrThrow(bars).start)]).toEqual([text, [instant]])
    }
    for (const text of [
      "",
      "now",
      "2024-02-30T00:00:00.000Z",
      "2024-01-02T25:00:00.000Z",
      "20240102",
      "17",
    ]) {
      expect([text, IbBars.parseStamp(text)]).toEqual([text, undefined])
      expect(Either.isLeft(IbBars.parse(`{"${text}":{"open":1,"high":1,"low":1,"close":1}}`))).toBe(true)
    }
  })

  it("prints stamps with an offset", () => {
    expect(IbBars.printStamp(0)).toBe("1970-01-01T00:00:00+00:00")
    expect(IbBars.printStamp(1)).toBe("1970-01-01T00:00:00.001+00:00")
  })
})
