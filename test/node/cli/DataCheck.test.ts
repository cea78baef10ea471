import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SeriesRepair from "../../../src/data/SeriesRepair.js"
import * as TradingCalendar from "../../../src/data/TradingCalendar.js"
import { bars, hour, newYork, span } from "../../utils/Calendars.js"
import * as CommandLine from "../../utils/CommandLine.js"

const quarter = span("2024-02-01T00:00Z", "2024-05-01T00:00Z")

/** Bars of New York's sessions whose stamps are so many hours late, and the last days' as they should be. */
const csv = (late: number, alsoRight: number): string => {
  const starts = TradingCalendar.expectedStarts(newYork, bars("1h"), quarter)
  const rows = [starts.map((start) => start + late * hour), starts.slice(starts.length - alsoRight)].map(
    (all) =>
      Array.from(all, (stamp, index) => {
        const price = 100 + (index % 17)
        return [stamp, price, price + 2, price - 2, price + 1, 1000 + (index % 7)] as const
      }),
  )
  const sorted = rows.flat().sort(([a], [b]) => a - b)
  const lines = sorted.map(([stamp, ...values]) => [new Date(stamp).toISOString(), ...values].join(","))
  return ["timestamp,open,high,low,close,volume", ...lines].join("\n")
}

const imported = (late: number, alsoRight = 0) =>
  Effect.gen(function* () {
    const line = yield* CommandLine.make
    const file = yield* line.file("bars.csv", csv(late, alsoRight))
    const words = ["--symbol", "AAPL", "--timeframe", "1h", "--venue", "XNYS", "--type", "stock"]
    expect(yield* line.run("data", "import", file, ...words)).toMatchObject({ result: 0 })
    return line
  })

const parse = (text: string) => JSON.parse(text) as Record<string, unknown>

describe("data check", () => {
  it.scopedLive("says that nothing is wrong, of one series and of all", () =>
    Effect.gen(function* () {
      const { run } = yield* imported(0)
      const told = "AAPL 1h: 434 bars checked, nothing found\n"
      expect(yield* run("data", "check", "AAPL", "1h")).toEqual({ result: 0, out: told, err: "" })
      expect(yield* run("data", "check")).toEqual({ result: 0, out: told, err: "" })
      const { out } = yield* run("data", "check", "AAPL", "1h", "--json", "--no-progress")
      expect(parse(out)).toEqual({
        symbol: "AAPL",
        timeframe: "1h",
        session: "regular",
        venue: "XNYS",
        bars: 434,
        issues: [],
        warnings: [],
      })
    }),
  )

  it.scopedLive(
    "names the rule of a wrong clock and the command that puts it right, and alters nothing",
    () =>
      Effect.gen(function* () {
        const { run } = yield* imported(3)
        const before = yield* run("data", "export", "AAPL", "1h")
        const { result, out } = yield* run("data", "check", "AAPL", "1h")
        expect(result).toBe(1)
        expect(out).toContain("AAPL 1h: 434 bars checked, 1 kind of fault\n  error clock_shift: 434 bars, ")
        expect(out).toContain("a fixed offset of +3 h; undoing that puts 434 of 434 bars into the sessions")
        expect(out).toContain("put the clock right with: ktrdr data check AAPL 1h --repair\n")
        const calendar = fileURLToPath(new URL("../../fixtures/calendars/cme-equity.json", import.meta.url))
        expect((yield* run("data", "check", "AAPL", "1h", "--calendar", calendar)).out).toContain(
          `put the clock right with: ktrdr data check AAPL 1h --repair --calendar ${calendar}\n`,
        )
        expect(yield* run("data", "export", "AAPL", "1h")).toEqual(before)
      }),
  )

  it.scopedLive("repairs a clock, says what it changed, keeps the original, and then has nothing to do", () =>
    Effect.gen(function* () {
      const { path, run } = yield* imported(3)
      const { result, out } = yield* run("data", "check", "AAPL", "1h", "--repair")
      expect(result).toBe(0)
      expect(out.split("\n")).toEqual([
        "AAPL 1h: 434 of 434 bars moved, 434 kept",
        "  undone: a fixed offset of +3 h",
        "  the original and the record of each change are kept in candles/XNYS/AAPL/1h/original-1",
        "  a check finds nothing now",
        "",
      ])
      expect(readdirSync(`${path}/data/candles/XNYS/AAPL/1h/original-1`)).toEqual([
        "2024.parquet",
        "manifest.json",
        "repair.json",
      ])
      const again = yield* run("data", "check", "AAPL", "1h", "--repair", "--json", "--no-progress")
      expect(parse(again.out)).toMatchObject({ moved: 0, rows_in: 434, rows_out: 434, original: null })
      const coverage = yield* run("data", "coverage", "AAPL", "1h", "--json")
      expect(parse(coverage.out)).toMatchObject({ expected: 434, present: 434, unexpected: 0 })
    }),
  )

  it.scopedLive("names each collision of a repair, and accounts for every row", () =>
    Effect.gen(function* () {
      const { run } = yield* imported(7, 21)
      const { result, out } = yield* run("data", "check", "AAPL", "1h", "--repair", "--json", "--no-progress")
      expect(result).toBe(0)
      const repair = Schema.decodeSync(Schema.parseJson(SeriesRepair.RepairReport))(out)
      expect(repair.rules).toEqual(["a fixed offset of +7 h"])
      expect(repair.collisions.length).toBeGreaterThan(10)
      expect(repair).toMatchObject({ rows_in: 455, rows_out: 455 - repair.collisions.length })
      for (const { start, kept, lost } of repair.collisions) {
        expect([kept.at, lost.at]).toEqual([start, start + 7 * hour])
      }
    }),
  )

  it.scopedLive("refuses what a repair cannot mean, and says what is not there", () =>
    Effect.gen(function* () {
      const { run } = yield* imported(0)
      const all = yield* run("data", "check", "--repair")
      expect([all.result, all.err]).toEqual([2, expect.stringContaining("--repair changes one by its name")])
      const part = yield* run("data", "check", "AAPL", "1h", "--repair", "--start", "2024-03-01")
      expect([part.result, part.err]).toEqual([2, expect.stringContaining("over the whole series")])
      const half = yield* run("data", "check", "AAPL")
      expect([half.result, half.err]).toEqual([2, expect.stringContaining("no timeframe behind")])
      const none = yield* run("data", "check", "MSFT", "1h")
      expect([none.result, none.out, none.err]).toEqual([1, "", expect.stringContaining("MSFT 1h: expected")])
    }),
  )

  it.scopedLive("finds nothing to check in an empty store", () =>
    Effect.gen(function* () {
      const { run } = yield* CommandLine.make
      expect(yield* run("data", "check")).toMatchObject({ result: 0, out: "" })
    }),
  )
})
