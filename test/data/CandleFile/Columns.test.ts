import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Columns from "../../../src/data/CandleFile/Columns.js"
import * as Epoch from "../../../src/data/CandleFile/Epoch.js"

const values = ["open", "high", "low", "close", "volume"]
const find = (...names: ReadonlyArray<string>) => Columns.find(names)
const fault = (...names: ReadonlyArray<string>) => Either.getOrThrow(Either.flip(find(...names)))

describe("Columns.find", () => {
  it("knows the start by any of its names, and others beside them", () => {
    for (const name of ["timestamp", "DateTime", " date ", "TIME", "", "__index_level_0__"]) {
      expect(Either.getOrThrow(find("note", ...values, name))).toEqual({
        start: 6,
        open: 1,
        high: 2,
        low: 3,
        close: 4,
        volume: 5,
      })
    }
    expect(Either.getOrThrow(find("", ...values, "date")).start).toBe(6)
  })

  it("says what is missing or there twice", () => {
    expect(fault("when", ...values)).toMatchObject({
      column: "timestamp",
      advice: "Name the column of the bars' starts timestamp",
    })
    expect(fault("date", "time", ...values)).toMatchObject({
      column: "timestamp",
      advice: "Leave one time column in the file",
    })
    expect(fault("date", "open", "high", "low", "close")).toMatchObject({
      column: "volume",
      advice: "Add the column volume; nothing is made up in its place",
    })
    expect(fault("date", ...values, "Close")).toMatchObject({
      column: "close",
      expected: "one column close, found 2",
    })
  })
})

describe("Epoch", () => {
  it("tells the unit of a number by its size", () => {
    const instant = Date.UTC(2024, 0, 2, 14, 30)
    for (const [value, name] of [
      [instant / 1000, "seconds"],
      [instant, "milliseconds"],
      [instant * 1e3, "microseconds"],
      [instant * 1e6, "nanoseconds"],
    ] as const) {
      const unit = Epoch.unitOf(value)!
      expect([unit.name, Epoch.toMillis(value, unit)]).toEqual([name, instant])
    }
    expect([Epoch.unitOf(1e19), Epoch.unitOf(Number.NaN), Epoch.unitOf(Number.POSITIVE_INFINITY)]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(Epoch.unitOf(0)?.name).toBe("seconds")
  })
})
