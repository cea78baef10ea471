/** The loads that the benchmark `cancel` cancels, as the dice say. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as LoadData from "../../src/data/LoadData.js"
import * as LoadMany from "../../src/data/LoadMany.js"
import * as Symbol from "../../src/data/Symbol.js"
import type { Timeframe } from "../../src/data/Timeframe.js"
import * as SimulatedSymbols from "../../src/hosts/ib/SimulatedSymbols.js"
import type * as Operations from "../../src/Operations.js"
import type { ProgressSnapshot } from "../../src/ProgressSnapshot.js"

export interface Load {
  readonly kind: string
  readonly start: (operations: Operations.Service) => ReturnType<typeof operations.startKind>
  /** Until so much of it is done, of 1; for ever where it does not come to that. */
  readonly reached: (fraction: number) => Effect.Effect<void>
}

export type Size = "long" | "middle" | "short"

const listed = SimulatedSymbols.all.map(({ symbol }) => symbol)
const timeframes: Readonly<{ [_ in Size]: ReadonlyArray<Timeframe> }> = {
  long: ["1m", "5m"],
  middle: ["15m", "30m", "1h"],
  short: ["4h", "1d"],
}

const oneOf = <A>(values: ReadonlyArray<A>) =>
  Effect.map(Random.nextIntBetween(0, values.length), (index) => values[index]!)

const payload = (size: Size) =>
  Effect.gen(function* () {
    return LoadData.Payload.make({
      symbol: Symbol.Symbol.make(yield* oneOf(listed)),
      timeframe: yield* oneOf(timeframes[size]),
      session: yield* oneOf(["regular", "extended"] as const),
      mode: "full",
      start: Date.UTC(yield* Random.nextIntBetween(2000, 2023), 0, 1),
      end: Date.UTC(2025, 0, 1),
    })
  })

/** A load of one series, or of some. */
export const load = (size: Size): Effect.Effect<Load> =>
  Effect.gen(function* () {
    const first = yield* payload(size)
    const others =
      (yield* Random.next) < 0.7
        ? undefined
        : yield* Effect.forEach(["middle", "short", size, "short"] as const, payload)
    const course = new Course()
    return {
      kind: (others === undefined ? LoadData.LoadData : LoadMany.LoadMany).kind,
      start: (operations) =>
        others === undefined
          ? operations.start(LoadData.LoadData, first, course)
          : operations.start(LoadMany.LoadMany, { loads: [first, ...others] }, course),
      reached: course.reached,
    } satisfies Load
  })

// ---------------------------------------------------------------------------------------------------------

/** How far a load is. */
class Course {
  #fraction = 0
  #wanted = Number.POSITIVE_INFINITY
  #tell: () => void = () => {}

  readonly observer = ({ fraction }: ProgressSnapshot): Effect.Effect<void> =>
    Effect.sync(() => {
      this.#fraction = fraction ?? this.#fraction
      if (this.#fraction >= this.#wanted) this.#tell()
    })

  readonly reached = (fraction: number): Effect.Effect<void> =>
    Effect.async((resume) => {
      if (this.#fraction >= fraction) return resume(Effect.void)
      this.#wanted = fraction
      this.#tell = () => resume(Effect.void)
    })
}
