import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as TimeRange from "../../src/data/TimeRange.js"

const last = 60
const range = fc
  .tuple(fc.integer({ min: 0, max: last }), fc.integer({ min: 0, max: last }))
  .map(([start, end]) => TimeRange.make(start, end))
const ranges = fc.array(range, { maxLength: 8 })
const instants = Array.from({ length: last + 1 }, (_, instant) => instant)
/** The instants that some of the ranges contain. */
const points = (all: ReadonlyArray<TimeRange.TimeRange>) =>
  instants.filter((instant) => all.some((_) => TimeRange.contains(_, instant)))

describe("union", () => {
  it("contains what any range contains, sorted, apart and never empty", () => {
    fc.assert(
      fc.property(ranges, (all) => {
        const joined = TimeRange.union(all)
        expect(points(joined)).toEqual(points(all))
        for (const [index, { start, end }] of joined.entries()) {
          expect(start).toBeLessThan(end)
          if (index > 0) expect(start).toBeGreaterThan(joined[index - 1]!.end)
        }
      }),
      { numRuns: 500 },
    )
  })

  it("is idempotent, and the order of the ranges does not matter", () => {
    fc.assert(
      fc.property(ranges, (all) => {
        expect(TimeRange.union(TimeRange.union(all))).toEqual(TimeRange.union(all))
        expect(TimeRange.union(all.toReversed())).toEqual(TimeRange.union(all))
      }),
    )
  })
})

it("subtract leaves what lies outside the hole", () => {
  const hole = range.filter((_) => !TimeRange.isEmpty(_))
  fc.assert(
    fc.property(ranges.map(TimeRange.union), hole, (all, hole) => {
      const rest = TimeRange.subtract(all, hole)
      expect(points(rest)).toEqual(points(all).filter((instant) => !TimeRange.contains(hole, instant)))
      expect(rest.some(TimeRange.isEmpty)).toBe(false)
      expect(TimeRange.union(rest)).toEqual(rest)
    }),
    { numRuns: 500 },
  )
})

it("intersect contains what both contain, and an empty range nothing", () => {
  fc.assert(
    fc.property(range, range, (a, b) => {
      expect(points([TimeRange.intersect(a, b)])).toEqual(
        points([a]).filter((instant) => TimeRange.contains(b, instant)),
      )
      expect(TimeRange.isEmpty(a)).toBe(points([a]).length === 0)
    }),
  )
})

const read = (text: string) => TimeRange.parseInstant("start", text)
const utc = (text: string) => Either.right(Date.parse(text))

describe("text", () => {
  const instant = fc.date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true })

  it("an instant is read as it is written", () => {
    fc.assert(
      fc.property(instant, (date) => {
        const text = TimeRange.formatInstant(date.getTime())
        expect(read(text)).toEqual(Either.right(date.getTime()))
        expect(read(date.toISOString())).toEqual(Either.right(date.getTime()))
        expect(text).not.toContain(".000")
      }),
    )
  })

  it("a range survives the wire", () => {
    fc.assert(
      fc.property(instant, instant, (a, b) => {
        const range = TimeRange.make(a.getTime(), b.getTime())
        const wire = Schema.encodeSync(TimeRange.TimeRange)(range)
        expect(wire).toEqual({ start: a.toISOString(), end: b.toISOString() })
        expect(Schema.decodeUnknownSync(TimeRange.TimeRange)(wire)).toEqual(range)
      }),
    )
    const decode = Schema.decodeUnknownEither(TimeRange.TimeRange)
    expect(Either.isLeft(decode({ start: "yesterday", end: "2024-01-01" }))).toBe(true)
  })

  it("leaves of ranges what lies outside of all holes", () => {
    const some = fc
      .array(fc.tuple(fc.nat(60), fc.nat(8)).map(([start, length]) => ({ start, end: start + length })))
      .map(TimeRange.union)
    fc.assert(
      fc.property(some, some, (ranges, holes) => {
        const one = holes.reduce<ReadonlyArray<TimeRange.TimeRange>>(TimeRange.subtract, ranges)
        expect(TimeRange.difference(ranges, holes)).toEqual(one)
      }),
    )
  })

  it("reads dates, times without a zone as UTC, and offsets", () => {
    expect(read("2024-02-29")).toEqual(utc("2024-02-29T00:00:00Z"))
    expect(read(" 2024-01-02 14:30 ")).toEqual(utc("2024-01-02T14:30:00Z"))
    expect(read("2024-01-02T14:30:05.250")).toEqual(utc("2024-01-02T14:30:05.250Z"))
    expect(read("2024-01-02T09:30:00-05:00")).toEqual(utc("2024-01-02T14:30:00Z"))
  })

  it("refuses what is no instant, and says where", () => {
    for (const text of [
      "",
      "today",
      "2024-02-30",
      "2024-13-01",
      "2023-02-29",
      "20240102",
      "2024-01-02T25:00Z",
    ]) {
      const error = Either.getOrThrow(Either.flip(read(text)))
      expect(error).toMatchObject({ reason: "InvalidInput", place: "start" })
      expect(error.message).toContain(JSON.stringify(text))
    }
  })
})
