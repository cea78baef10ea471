/**
 * Fuzzy sets: how much a value belongs to a set, from 0 to 1.
 *
 * | type | parameters | membership |
 * | --- | --- | --- |
 * | triangular | `[a, b, c]` | 0 up to a, rising to 1 at b, falling to 0 at c |
 * | trapezoidal | `[a, b, c, d]` | 0 up to a, rising to 1 at b, 1 up to c, falling to 0 at d |
 * | gaussian | `[center, width]` | exp(-(x - center)^2 / (2 width^2)) |
 * | sigmoid | `[center, slope]` | 1 / (1 + exp(-slope (x - center))); a slope below 0 falls |
 *
 * Corners are in order, and equal ones make a shoulder: the set goes on at 1 on that side, `[0, 0, 20]` down to
 * every value below 0.
 */
import * as Schema from "effect/Schema"
import * as Fields from "./Strategy/Fields.js"

const value = Fields.between(-1e12, 1e12)

export const FuzzySet = Schema.Union(
  Schema.Struct({
    type: Schema.Literal("triangular"),
    parameters: Schema.Tuple(value, value, value),
  }),
  Schema.Struct({
    type: Schema.Literal("trapezoidal"),
    parameters: Schema.Tuple(value, value, value, value),
  }),
  Schema.Struct({
    type: Schema.Literal("gaussian"),
    parameters: Schema.Tuple(value, Fields.above(0, 1e12)),
  }),
  Schema.Struct({
    type: Schema.Literal("sigmoid"),
    parameters: Schema.Tuple(value, value),
  }),
).annotations({ identifier: "FuzzySet" })
export type FuzzySet = typeof FuzzySet.Type

export const types = ["triangular", "trapezoidal", "gaussian", "sigmoid"] as const

/** What is wrong with the parameters of a set whose schema fits: what they should be. */
export const fault = ({ type, parameters }: FuzzySet): string | undefined => {
  if (type === "gaussian") return undefined
  if (type === "sigmoid") return parameters[1] === 0 ? "a center and a slope other than 0" : undefined
  const ordered = parameters.every((corner, index) => index === 0 || parameters[index - 1]! <= corner)
  if (!ordered) return "corners in order, the smallest first"
  return parameters[0] === parameters.at(-1) ? "corners that are not all the same" : undefined
}

/**
 * The membership of a value, for a set without a fault. Not a number for a value that is none.
 */
export const membership = ({ type, parameters }: FuzzySet): ((value: number) => number) => {
  switch (type) {
    case "triangular":
      return trapezoid(parameters[0], parameters[1], parameters[1], parameters[2])
    case "trapezoidal":
      return trapezoid(...parameters)
    case "gaussian": {
      const [center, width] = parameters
      return (value) => Math.exp(-0.5 * ((value - center) / width) ** 2)
    }
    case "sigmoid": {
      const [center, slope] = parameters
      return (value) => 1 / (1 + Math.exp(-slope * (value - center)))
    }
  }
}

// ---------------------------------------------------------------------------------------------------------

const trapezoid = (a: number, b: number, c: number, d: number) => (value: number) => {
  if (value < b) return a === b ? 1 : value <= a ? 0 : (value - a) / (b - a)
  if (value > c) return c === d ? 1 : value >= d ? 0 : (d - value) / (d - c)
  return value >= b ? 1 : Number.NaN
}
