import { expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import * as Timeframe from "../../src/data/Timeframe.js"

it("reads the timeframes of the table and refuses all others", () => {
  for (const timeframe of Timeframe.all) expect(Timeframe.parse(timeframe)).toEqual(Either.right(timeframe))
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.constantFrom("2h", "1H", "1M", "60m", " 1d", "toString")),
      (text) => {
        fc.pre(!(Timeframe.all as ReadonlyArray<string>).includes(text))
        const error = Either.getOrThrow(Either.flip(Timeframe.parse(text)))
        expect(error).toMatchObject({ reason: "InvalidInput", place: "timeframe" })
        expect(error.expected).toContain("1s 5s 10s 15s 30s 1m 5m 15m 30m 1h 4h 1d 1w")
      },
    ),
  )
})

it("lists them shortest first, each able to ask for more than one bar", () => {
  const lengths = Timeframe.all.map((timeframe) => Timeframe.info(timeframe).millis)
  expect(lengths).toEqual(lengths.toSorted((a, b) => a - b))
  expect(new Set(lengths).size).toBe(13)
  for (const timeframe of Timeframe.all) {
    const { millis, intraday, segmentMillis } = Timeframe.info(timeframe)
    expect(segmentMillis).toBeGreaterThan(millis)
    expect(intraday).toBe(millis < 86_400_000)
    if (intraday) expect(86_400_000 % millis).toBe(0)
  }
})
