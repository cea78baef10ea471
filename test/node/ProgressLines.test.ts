import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as FastCheck from "effect/FastCheck"
import pico from "picocolors"
import * as ProgressLines from "../../src/node/ProgressLines.js"
import * as ProgressSnapshot from "../../src/ProgressSnapshot.js"
import { items, snapshot, step } from "../utils/Snapshots.js"

const frame = { width: 100, height: 20, spinner: "*", colors: pico.createColors(false) }
const lines = (over: Partial<ProgressSnapshot.ProgressSnapshot>, size: Partial<ProgressLines.Frame> = {}) =>
  ProgressLines.lines(snapshot(over), { ...frame, ...size })

const three = [
  step(0, null, ""),
  step(1, 0, "AAPL 1h", { fraction: 0.5 }),
  step(2, 1, "data_load", { fraction: 0.5 }),
  step(3, 2, "read store", { state: "succeeded", fraction: 1 }),
  step(4, 2, "fetch", { fraction: 0.5, items: items(18, 36, "segment", 12.34) }),
  step(5, 0, "MSFT 1h", { fraction: 0, waiting: { reason: "60 requests in 10 minutes", until: 54_000 } }),
  step(6, 0, "IBM 1h", { state: "pending", fraction: 0 }),
]

describe("ProgressLines.lines", () => {
  it("shows the whole, its message and the steps at work", () => {
    expect(lines({ steps: three })).toEqual([
      `* ${"━".repeat(18)}${"─".repeat(22)}  45% 12s`,
      "  Loading AAPL 1h data (full mode) [4/5] segment 3/36",
      `    AAPL 1h · fetch          ${"━".repeat(8)}${"─".repeat(8)}  50%  18/36 segments · 12/s`,
      `    MSFT 1h                  ${"─".repeat(16)}   0%  waiting 42s: 60 requests in 10 minutes`,
    ])
  })

  it("invents no percentage and no bar where none is known", () => {
    expect(
      lines({
        fraction: null,
        steps: [step(0, null, ""), step(1, 0, "walk", { items: items(7, null, "file") })],
      }),
    ).toEqual([
      "* 12s",
      "  Loading AAPL 1h data (full mode) [4/5] segment 3/36",
      "    walk                      7 files",
    ])
  })

  it("says 100 % of what is done only", () => {
    expect(ProgressLines.percent(0.999)).toBe("99%")
    expect(ProgressLines.percent(0.29)).toBe("29%")
    expect(ProgressLines.percent(1)).toBe("100%")
  })

  it("shows the first few of many steps that count nothing", () => {
    const many = [
      step(0, null, ""),
      ...Array.from({ length: 9 }, (_, index) => step(index + 1, 0, `part ${index}`)),
    ]
    expect(lines({ steps: many }).slice(2)).toEqual(["    part 0", "    part 1", "    part 2"])
  })

  it("says how many steps a low terminal leaves out", () => {
    const many = Array.from({ length: 9 }, (_, index) =>
      step(index + 1, 0, `part ${index}`, { detail: "at it" }),
    )
    const shown = lines({ steps: [step(0, null, ""), ...many] }, { height: 6 })
    expect(shown).toHaveLength(6)
    expect(shown[5]).toBe("    and 6 more")
  })

  it("leaves out the innermost steps first where a terminal is low", () => {
    const waiting = { reason: "the pace", until: 54_000 }
    const series = Array.from({ length: 4 }, (_, one) => [
      step(10 * (one + 1), 1, `series ${one}`, { items: items(1, 9, "segment") }),
      ...Array.from({ length: 9 }, (_, part) =>
        step(10 * (one + 1) + part + 1, 10 * (one + 1), `segment ${part}`, { waiting }),
      ),
    ]).flat()
    const root = [step(0, null, ""), step(1, 0, "many", { items: items(1, 4, "series") })]
    const shown = lines({ steps: [...root, ...series] })
    expect(shown.slice(2).map((line) => line.trim().slice(0, 8))).toEqual([
      "many    ",
      ...Array.from({ length: 4 }, (_, one) => `series ${one}`),
    ])
    expect(lines({ steps: [...root, ...series] }, { height: 4 }).slice(2)).toEqual([
      expect.stringContaining("many"),
    ])
  })

  it("counts the columns of wide characters, and prints no control character", () => {
    const [, message] = lines({ message: "\u001b[31m東京 loading\n\u0007" }, { width: 14 })
    expect(message).toBe("   [31m東京 l…")
  })

  it("colours only where there is colour", () => {
    const colored = lines({ steps: three }, { colors: pico.createColors(true) }).join("")
    expect(colored).toContain("\u001b[")
    expect(lines({ steps: three }).join("")).not.toContain("\u001b")
  })

  it.prop(
    "is never wider nor higher than the terminal, whatever is told",
    [
      Arbitrary.make(ProgressSnapshot.ProgressSnapshot),
      FastCheck.integer({ min: 1, max: 120 }),
      FastCheck.integer({ min: 1, max: 30 }),
    ],
    ([arbitrary, width, height]) => {
      const fraction = arbitrary.fraction === null ? null : Math.min(1, Math.abs(arbitrary.fraction) || 0)
      const steps = arbitrary.steps.map((one, id) =>
        step(id, id === 0 ? null : id >> 1, one.name, {
          detail: one.detail,
          fraction: one.fraction === null ? null : 0.5,
        }),
      )
      const drawn = lines({ ...arbitrary, elapsed: 0, fraction, steps }, { width, height })
      expect(drawn.length).toBeLessThanOrEqual(height)
      for (const line of drawn) {
        expect([...line].length).toBeLessThanOrEqual(width)
        expect(line).not.toMatch(/\p{Cc}/u)
      }
    },
  )
})
