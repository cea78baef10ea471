import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as FuzzySets from "../../src/training/FuzzySets.js"

const number = fc.double({ min: -1e6, max: 1e6, noNaN: true })

const corners = (count: number) =>
  fc.array(number, { minLength: count, maxLength: count }).map((all) => all.sort((a, b) => a - b))

/** Any set without a fault; corners are often the same. */
const anySet: fc.Arbitrary<FuzzySets.FuzzySet> = fc
  .oneof(
    fc.record({ type: fc.constant("triangular"), parameters: corners(3) }),
    fc.record({ type: fc.constant("trapezoidal"), parameters: corners(4) }),
    fc
      .record({ type: fc.constant("trapezoidal"), parameters: corners(2) })
      .map(({ type, parameters: [a, b] }) => ({ type, parameters: [a, a, b, b] })),
    fc.record({
      type: fc.constant("gaussian"),
      parameters: fc.tuple(number, fc.double({ min: 1e-9, max: 1e6 })),
    }),
    fc.record({ type: fc.constant("sigmoid"), parameters: fc.tuple(number, number) }),
  )
  .filter(({ parameters }) => parameters.every((value) => !Number.isNaN(value)))
  .map((set) => Schema.decodeUnknownSync(FuzzySets.FuzzySet)(set))
  .filter((set) => FuzzySets.fault(set) === undefined)

const at = (type: string, parameters: ReadonlyArray<number>, values: ReadonlyArray<number>) =>
  values.map(FuzzySets.membership(Schema.decodeUnknownSync(FuzzySets.FuzzySet)({ type, parameters })))

describe("membership", () => {
  it("is from 0 to 1 for every value of every set", () => {
    fc.assert(
      fc.property(anySet, fc.oneof(number, fc.constantFrom(-1e300, 1e300)), (set, value) => {
        const belongs = FuzzySets.membership(set)
        for (const one of [value, ...set.parameters]) {
          expect(belongs(one)).toBeGreaterThanOrEqual(0)
          expect(belongs(one)).toBeLessThanOrEqual(1)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it("of a triangle and a trapezoid rises and falls along straight lines", () => {
    expect(at("triangular", [0, 20, 40], [-1, 0, 5, 20, 35, 40, 41])).toEqual([0, 0, 0.25, 1, 0.25, 0, 0])
    expect(at("trapezoidal", [0, 10, 20, 40], [-1, 5, 10, 15, 20, 30, 40])).toEqual([0, 0.5, 1, 1, 1, 0.5, 0])
  })

  it("goes on at 1 past a shoulder", () => {
    expect(at("triangular", [0, 0, 20], [-5, 0, 10, 20])).toEqual([1, 1, 0.5, 0])
    expect(at("triangular", [0, 20, 20], [0, 10, 20, 99])).toEqual([0, 0.5, 1, 1])
    expect(at("trapezoidal", [0, 0, 10, 20], [-9, 0, 10, 15])).toEqual([1, 1, 1, 0.5])
    expect(at("trapezoidal", [0, 10, 20, 20], [5, 20, 21])).toEqual([0.5, 1, 1])
  })

  it("of a bell and an s are the formulas", () => {
    expect(at("gaussian", [5, 2], [5, 7, 3])).toEqual([1, Math.exp(-0.5), Math.exp(-0.5)])
    expect(at("sigmoid", [5, 2], [5])).toEqual([0.5])
    expect(at("sigmoid", [5, 2], [6])[0]).toBeCloseTo(1 / (1 + Math.exp(-2)), 15)
    expect(at("sigmoid", [5, -2], [6])[0]).toBeCloseTo(1 / (1 + Math.exp(2)), 15)
    expect(at("sigmoid", [5, 2], [-1e9, 1e9])).toEqual([0, 1])
  })

  it("is no number for what is none", () => {
    const none = Number.NaN
    for (const [type, parameters] of [
      ["triangular", [0, 1, 2]],
      ["trapezoidal", [0, 0, 2, 2]],
      ["gaussian", [0, 1]],
      ["sigmoid", [0, 1]],
    ] as const)
      expect(at(type, parameters, [none]), type).toEqual([none])
  })
})

const fault = (type: string, parameters: ReadonlyArray<number>) =>
  FuzzySets.fault(Schema.decodeUnknownSync(FuzzySets.FuzzySet)({ type, parameters }))

describe("fault", () => {
  it("is corners out of order, or all in one place", () => {
    expect(fault("triangular", [0, 40, 35])).toContain("in order")
    expect(fault("trapezoidal", [0, 1, 3, 2])).toContain("in order")
    expect(fault("triangular", [1, 1, 1])).toContain("not all the same")
    expect(fault("trapezoidal", [1, 1, 2, 2])).toBeUndefined()
    expect(fault("triangular", [0, 0, 2])).toBeUndefined()
  })

  it("is an s without a slope", () => {
    expect(fault("sigmoid", [0, 0])).toContain("slope")
    expect(fault("sigmoid", [0, -1])).toBeUndefined()
  })
})
