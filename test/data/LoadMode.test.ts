import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as LoadMode from "../../src/data/LoadMode.js"

const day = 86_400_000
const now = Date.UTC(2025, 5, 1)

const nothing: LoadMode.Bounds = {
  mode: "full",
  start: undefined,
  end: undefined,
  head: undefined,
  last: undefined,
  first: undefined,
  newest: undefined,
  upTo: now,
}

const reach = (over: Partial<LoadMode.Bounds>) => Either.getOrThrow(LoadMode.reach({ ...nothing, ...over }))
const error = (over: Partial<LoadMode.Bounds>) =>
  Either.getOrThrow(Either.flip(LoadMode.reach({ ...nothing, ...over })))

const stored = { head: now - 900 * day, first: now - 300 * day, newest: now - 100 * day }

describe("reach", () => {
  it.each([
    ["full", stored, [900, 0]],
    ["full", { ...stored, start: now - 500 * day, end: now - 200 * day }, [500, 200]],
    ["full", { first: stored.first, newest: stored.newest }, [300, 0]],
    ["backfill", stored, [900, 100]],
    ["backfill", { head: stored.head }, [900, 0]],
    ["backfill", { ...stored, start: now - 400 * day }, [400, 100]],
    ["tail", stored, [300, 0]],
    ["tail", { ...stored, first: now - 9 * day, newest: now - 8 * day }, [30, 0]],
    ["tail", { ...stored, start: now - 50 * day }, [50, 0]],
    ["tail", { head: stored.head }, [30, 0]],
    ["tail", { head: now - 5 * day }, [5, 0]],
    ["tail", {}, [30, 0]],
    ["local", stored, [300, 0]],
    ["local", {}, [0, 0]],
  ] as const)("of %s with %j", (mode, over, [from, to]) => {
    const { range } = reach({ mode, ...over })
    expect([(now - range.start) / day, (now - range.end) / day]).toEqual([from, to])
  })

  it("moves a start before the head to the head and says so", () => {
    const { range, warnings } = reach({ head: now - 10 * day, start: now - 20 * day })
    expect(range.start).toBe(now - 10 * day)
    expect(warnings).toHaveLength(1)
  })

  it("warns of a start in the future, of which nothing can be expected", () => {
    const { range, warnings } = reach({ start: now + 20 * day })
    expect(range.start).toBe(range.end)
    expect(warnings).toEqual([expect.stringContaining("nothing is expected")])
  })

  it("moves an end in the future to now, and one after the last bar of an archive to that bar", () => {
    expect(reach({ ...stored, end: now + day }).range.end).toBe(now)
    expect(reach({ ...stored, last: now - 50 * day }).range.end).toBe(now - 50 * day + 1)
  })

  it("refuses an end that is not after the start, and a beginning that nothing tells", () => {
    expect(error({ start: now, end: now })).toMatchObject({ reason: "InvalidInput", place: "range" })
    expect(error({ mode: "full" }).advice).toContain("--start")
  })
})

it("parse refuses a mode outside the list and names the list", () => {
  expect(Either.isRight(LoadMode.parse("tail"))).toBe(true)
  expect(Either.getOrThrow(Either.flip(LoadMode.parse("all"))).message).toContain("local tail backfill full")
})
