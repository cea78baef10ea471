import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as DataProgress from "../src/data/DataProgress.js"
import * as ProgressRenderer from "../src/ProgressRenderer.js"
import type { Unrendered } from "../src/ProgressSnapshot.js"
import * as Snapshots from "./utils/Snapshots.js"

const snapshot = (over: Partial<Unrendered>): Unrendered => ({
  operationId: null,
  kind: "program",
  status: "running",
  fraction: null,
  path: [],
  stepIndex: null,
  stepCount: null,
  items: null,
  detail: null,
  context: {},
  waiting: null,
  started: 0,
  elapsed: 0,
  eta: null,
  steps: [],
  omitted: 0,
  late: 0,
  ...over,
})

const items = (done: number, total: number | null, unit: string) => ({ done, total, unit, rate: null })
const eta = (p50: number) => ({ p50, low: p50, high: p50 })

describe("durations", () => {
  it("are printed in at most two units", () => {
    const printed = [0, 30, 59, 60, 90, 120, 3600, 3720, 7200, 7199, 86_400].map((s) =>
      ProgressRenderer.duration(s * 1000),
    )
    expect(printed).toEqual(["0s", "30s", "59s", "1m", "1m 30s", "2m", "1h", "1h 2m", "2h", "2h", "24h"])
  })

  it("never print a part that does not belong", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000_000 }), (millis) => {
        expect(ProgressRenderer.duration(millis)).toMatch(
          /^(\d+h( [1-5]?\dm)?|[1-5]?\dm( [1-5]?\ds)?|[1-5]?\ds)$/,
        )
      }),
    )
  })
})

describe("message shapes", () => {
  it("of the standard renderer", () => {
    const copying = snapshot({
      path: ["Copying files"],
      stepIndex: 2,
      stepCount: 7,
      items: items(340, 1000, "file"),
      eta: eta(45_000),
    })
    expect(ProgressRenderer.standard(copying, {})).toBe("Copying files [2/7] 340/1,000 files · ETA 45s")
    expect(ProgressRenderer.standard({ ...copying, eta: eta(4999) }, {})).toBe(
      "Copying files [2/7] 340/1,000 files",
    )
  })

  it.each([
    [{ stepIndex: 3 }, { symbols: ["AAPL"] }, "Loading AAPL 1h data (backfill mode) [3/5]"],
    [
      { stepIndex: 4, items: items(3, 36, "segment"), eta: eta(120_000) },
      { symbols: ["AAPL"], bars: 2163 },
      "Loading AAPL 1h data (backfill mode) [4/5] segment 3/36 · 2,163 bars · ETA 2m",
    ],
    [
      {
        stepIndex: 4,
        items: items(61, 1638, "segment"),
        waiting: { reason: "60 requests in 10 minutes", until: 42_000 },
      },
      { symbols: ["AAPL"], bars: 9, timeframe: "1s" as const },
      "Loading AAPL 1s data (backfill mode) [4/5] segment 61/1638 · waiting 42s: 60 requests in 10 minutes",
    ],
  ])("of a load %#", (over, context, message) => {
    const facts = { timeframe: "1h" as const, mode: "backfill" as const, ...context }
    expect(DataProgress.render(snapshot({ stepCount: 5, ...over }), facts)).toBe(message)
  })

  it("of a load of many series counts series, and says what they have in common", () => {
    const symbols = ["AAPL", "MSFT", ...Array.from({ length: 48 }, (_, i) => `S${i}`)]
    const at = snapshot({
      items: items(3, 36, "segment"),
      steps: [Snapshots.step(0, null, "", { items: items(12, 50, "series") })],
    })
    expect(DataProgress.renderMany(at, { symbols, timeframe: "1d", mode: "tail" })).toBe(
      "Loading AAPL, MSFT (+48 more) 1d data (tail mode) · 12/50 series",
    )
    expect(DataProgress.renderMany(at, { symbols: ["AAPL"], mode: "tail" })).toBe(
      "Loading AAPL data (tail mode) · 12/50 series",
    )
  })
})
