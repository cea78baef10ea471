import { describe, expect, it } from "@effect/vitest"
import { DataError } from "../../../src/data/DataError.js"
import type { LoadReport } from "../../../src/data/LoadReport.js"
import * as Symbol from "../../../src/data/Symbol.js"
import * as LoadText from "../../../src/node/cli/LoadText.js"

const report = (over: Partial<LoadReport> = {}): LoadReport => ({
  symbol: Symbol.Symbol.make("SPX"),
  timeframe: "1d",
  session: "regular",
  mode: "full",
  source: "ib",
  start: Date.UTC(2000, 0, 3),
  end: Date.UTC(2020, 3, 18),
  expected: 5105,
  present: 5105,
  no_data: 0,
  refused: 0,
  failed: 0,
  pending: 0,
  unexpected: 0,
  missing: [],
  fetched: 5105,
  requests: 22,
  given_up: [],
  warnings: [],
  issues: [],
  duration_seconds: 1.23,
  ...over,
})

const midnight = (millis: number) => `${new Date(millis).toISOString().slice(0, 10)}T00:00:00Z`

describe("LoadText", () => {
  it("tells a complete load in three lines", () => {
    expect(LoadText.report(report(), "ktrdr again").split("\n")).toEqual([
      "SPX 1d: 5,105 of 5,105 expected bars present",
      "  full mode, 2000-01-03T00:00:00Z to 2020-04-18T00:00:00Z",
      "  fetched 5,105 bars in 22 requests, 1.2s",
    ])
  })

  it("says that nothing was asked for", () => {
    expect(LoadText.fetched(report({ fetched: 0, requests: 0 }))).toBe(
      "nothing to fetch: no request was made, 1.2s",
    )
    expect(LoadText.fetched(report({ fetched: 1, requests: 1, duration_seconds: 83 }))).toBe(
      "fetched 1 bar in 1 request, 1m 23s",
    )
  })

  it("names what is missing, what was given up and why, and the command that completes it", () => {
    const day = 24 * 3600 * 1000
    const range = (index: number) => ({ start: index * day, end: (index + 1) * day })
    const missing = Array.from({ length: 7 }, (_, index) => range(2 * index))
    const incomplete = report({
      present: 5098,
      failed: 7,
      missing,
      given_up: [{ ...range(0), bars: 7, reason: "Timeout", message: "no answer" }],
      issues: [{ kind: "negative_volume", severity: "warning", count: 2, places: ["2001-01-02T00:00:00Z"] }],
    })
    expect(LoadText.report(incomplete, "ktrdr again").split("\n")).toEqual([
      "SPX 1d: 5,098 of 5,105 expected bars present, 7 failed",
      "  full mode, 2000-01-03T00:00:00Z to 2020-04-18T00:00:00Z",
      "  fetched 5,105 bars in 22 requests, 1.2s",
      "  missing: 7 ranges",
      ...missing.slice(0, 5).map((gap) => `    ${midnight(gap.start)} to ${midnight(gap.end)}`),
      "    and 2 more",
      "  given up: 1 segment",
      "    1970-01-01T00:00:00Z to 1970-01-02T00:00:00Z: 7 bars, Timeout: no answer",
      "  found by the check: 1 kind of fault",
      "    warning negative_volume: 2 bars, 2001-01-02T00:00:00Z",
      "  complete it with: ktrdr again",
    ])
  })

  it("completes whatever the mode was: all that the report answers for", () => {
    expect(
      LoadText.completion(report({ mode: "tail", session: "extended" }), ["--host", "http://h"]).join(" "),
    ).toBe(
      "data load SPX 1d --mode full --start 2000-01-03T00:00:00Z --end 2020-04-18T00:00:00Z --extended --host http://h",
    )
  })

  it("tells a failure as JSON with its parts", () => {
    const error = new DataError({
      reason: "UnknownSymbol",
      place: "SPXX",
      expected: "a symbol",
      found: "none",
      advice: "Did you mean SPX",
      suggestion: "SPX",
    })
    expect(
      JSON.parse(LoadText.failure({ ...report(), symbol: Symbol.Symbol.make("SPXX"), mode: "tail" }, error)),
    ).toEqual({
      symbol: "SPXX",
      timeframe: "1d",
      session: "regular",
      mode: "tail",
      error: {
        reason: "UnknownSymbol",
        place: "SPXX",
        expected: "a symbol",
        found: "none",
        advice: "Did you mean SPX",
        suggestion: "SPX",
      },
    })
  })
})
