/**
 * Epoch numbers, whose unit their size tells: each of the units below covers 1970-04-26 to 2286-11-20 and the
 * years before 1970 that mirror them, and no number belongs to two of them.
 */

export interface Unit {
  readonly name: string
  /** Numbers of the unit are smaller than this in absolute value. */
  readonly below: number
  readonly perMilli: number
}

export const units: ReadonlyArray<Unit> = [
  { name: "seconds", below: 1e10, perMilli: 1e-3 },
  { name: "milliseconds", below: 1e13, perMilli: 1 },
  { name: "microseconds", below: 1e16, perMilli: 1e3 },
  { name: "nanoseconds", below: 1e19, perMilli: 1e6 },
]

/** The unit of a number; none for one that is too large for all of them, or no number. */
export const unitOf = (value: number): Unit | undefined => {
  const size = Math.abs(value)
  for (const unit of units) if (size < unit.below) return unit
  return undefined
}

/**
 * Epoch milliseconds, rounded to whole ones: nanoseconds lose some hundred beyond 2^53, which a whole
 * millisecond survives.
 */
export const toMillis = (value: number, { perMilli }: Unit): number => Math.round(value / perMilli)
