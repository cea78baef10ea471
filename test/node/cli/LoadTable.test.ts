import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import type { Reason } from "../../../src/data/DataError.js"
import { Payload } from "../../../src/data/LoadData.js"
import type { Outcome } from "../../../src/data/LoadMany.js"
import type { LoadReport } from "../../../src/data/LoadReport.js"
import * as Symbol from "../../../src/data/Symbol.js"
import * as LoadTable from "../../../src/node/cli/LoadTable.js"
import * as Table from "../../../src/node/cli/Table.js"
import * as FaultySource from "../../utils/FaultySource.js"

const payload = (name: string, over: Partial<Parameters<typeof Payload.make>[0]> = {}) =>
  Payload.make({ symbol: Symbol.Symbol.make(name), timeframe: "1d", mode: "full", ...over })

const loaded = (name: string, over: Partial<LoadReport> = {}): Outcome => ({
  payload: payload(name),
  result: Either.right({
    symbol: Symbol.Symbol.make(name),
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
  }),
})

const failed = (name: string, reason: Reason, over: Parameters<typeof payload>[1] = {}): Outcome => ({
  payload: payload(name, over),
  result: Either.left(FaultySource.failure(reason)),
})

const options: LoadTable.Options = {
  elapsed: 2500,
  carried: [],
  command: (words) => `ktrdr ${words.join(" ")}`,
}

describe("LoadTable.text", () => {
  it("tells of three series in full", () => {
    const text = LoadTable.text([loaded("SPX"), failed("NONE", "UnknownSymbol"), loaded("KO")], options)
    expect(text).toContain("SPX 1d: 5,105 of 5,105 expected bars present\n  full mode")
    expect(text).toContain("\nKO 1d: 5,105 of 5,105 expected bars present\n")
    expect(text).not.toContain("NONE")
    expect(LoadTable.text([failed("NONE", "UnknownSymbol")], options)).toBe("")
  })

  it("is a table of more, the reports of those that lack bars, and a sum", () => {
    const outcomes = [
      loaded("SPX"),
      loaded("AAPL", { present: 5000, no_data: 100, failed: 5, fetched: 12 }),
      failed("NONE", "UnknownSymbol"),
      loaded("KO", {
        present: 5103,
        no_data: 2,
        fetched: 0,
        requests: 1,
        issues: [{ kind: "price_jump", severity: "warning", count: 2, places: ["2001-01-02T00:00:00Z"] }],
      }),
    ]
    expect(LoadTable.text(outcomes, options).split("\n")).toEqual([
      "series   present  expected  fetched  requests  state",
      "SPX 1d     5,105     5,105    5,105        22  complete",
      "AAPL 1d    5,000     5,105       12        22  5 missing, 100 without data at the source",
      "NONE 1d        -         -        -         -  failed: UnknownSymbol",
      "KO 1d      5,103     5,105        0         1  complete, 2 without data at the source, 1 kind of fault",
      "AAPL 1d: 5,000 of 5,105 expected bars present, 100 without data at the source, 5 failed",
      "  full mode, 2000-01-03T00:00:00Z to 2020-04-18T00:00:00Z",
      "  fetched 12 bars in 22 requests, 1.2s",
      "  complete it with: ktrdr data load AAPL 1d --mode full --start 2000-01-03T00:00:00Z --end 2020-04-18T00:00:00Z",
      "4 series: 2 complete, 1 incomplete, 1 failed; fetched 5,117 bars in 45 requests, 2.5s",
    ])
  })

  it("says that nothing was asked for when nothing was", () => {
    const current = ["A", "B", "C", "D"].map((name) => loaded(name, { fetched: 0, requests: 0 }))
    expect(LoadTable.text(current, options)).toMatch(
      /\n4 series: 4 complete; nothing to fetch: no request was made, 2\.5s$/,
    )
  })
})

describe("LoadTable.retries", () => {
  it("is one command for all that were asked for alike, none for symbols that nobody knows", () => {
    const outcomes = [
      loaded("SPX"),
      failed("AAPL", "Timeout"),
      failed("NONE", "UnknownSymbol"),
      failed("KO", "NothingLoaded"),
      failed("IBM", "Timeout", { timeframe: "1h", session: "extended", recheck: true, start: 0 }),
    ]
    expect(LoadTable.retries(outcomes, ["--host", "http://h"]).map((words) => words.join(" "))).toEqual([
      "data load AAPL KO 1d --mode full --host http://h",
      "data load IBM 1h --mode full --start 1970-01-01T00:00:00Z --extended --recheck --host http://h",
    ])
    expect(LoadTable.retries([loaded("SPX")], [])).toEqual([])
  })
})

describe("Table.lines", () => {
  it("shows no escape sequence that a cell holds", () => {
    expect(
      Table.lines(
        [
          ["a", "b"],
          ["\u001b[31mx\u009b2J", "1"],
        ],
        [1],
      ),
    ).toEqual(["a          b", " [31mx 2J  1"])
  })
})
