import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as FaultPlan from "./utils/FaultPlan.js"

describe("FaultPlan", () => {
  it("is the same for the same seed, of each kind as much as it should, and plain data", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (seed) => {
        const plan = FaultPlan.script(seed, { length: 50 })
        expect(FaultPlan.script(seed, { length: 50 })).toEqual(plan)
        expect(JSON.parse(JSON.stringify(plan))).toEqual(plan)
        expect(FaultPlan.script(seed + 1, { length: 50 })).not.toEqual(plan)
        for (const fault of plan) {
          if ("at" in fault) expect(fault.at).toBeGreaterThanOrEqual(0)
          if ("at" in fault) expect(fault.at).toBeLessThanOrEqual(4096)
        }
      }),
    )
    const plan = FaultPlan.script(1, { length: 8000, shares: { Stall: 0.1, Reset: 0.3 } })
    const share = (tag: string) => plan.filter(({ _tag }) => _tag === tag).length / plan.length
    expect(share("Stall")).toBeCloseTo(0.1, 1)
    expect(share("Reset")).toBeCloseTo(0.3, 1)
    expect(share("None")).toBeCloseTo(0.6, 1)
  })
})
