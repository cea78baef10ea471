/** Limiters that share a log, at work together in virtual time. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as fc from "fast-check"
import { OperationError } from "../../src/OperationError.js"
import * as Pacing from "../../src/Pacing.js"
import type { Log, Service } from "../../src/PacingLedger.js"
import type { VirtualTime } from "./VirtualTime.js"

export interface Arrival {
  readonly id: number
  /** Which of the limiters it comes to, and when. */
  readonly limiter: number
  readonly at: number
  readonly one: string
  readonly two: string | undefined
  readonly cost: number
  /** How long it is open once it has started. */
  readonly lasts: number
  /** How long after it came it is interrupted, if it still waits or is open. */
  readonly patience: number | undefined
}

export const blank: Arrival = {
  id: 0,
  limiter: 0,
  at: 0,
  one: "a",
  two: undefined,
  cost: 1,
  lasts: 0,
  patience: undefined,
}

export interface Start {
  readonly at: number
  readonly request: Arrival
}

const keys = {
  all: () => "",
  one: ({ one }: Arrival) => one,
  two: ({ two }: Arrival) => two,
  both: ({ one, two }: Arrival) => `${one} ${two}`,
}

export const rule = (
  limit: number,
  windowMillis: number,
  more: Partial<Pacing.Rule<Arrival>> = {},
): Pacing.Rule<Arrival> => ({
  name: `${limit} in ${windowMillis}`,
  limit,
  windowMillis,
  key: keys.all,
  ...more,
})

export const someRules: fc.Arbitrary<ReadonlyArray<Pacing.Rule<Arrival>>> = fc
  .array(
    fc.record({
      limit: fc.integer({ min: 2, max: 6 }),
      windowMillis: fc.integer({ min: 20, max: 300 }),
      marginMillis: fc.constantFrom(undefined, 0, 3),
      key: fc.constantFrom(...Object.values(keys)),
      cost: fc.constantFrom(undefined, ({ cost }: Arrival) => cost),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((all) =>
    all.map((drawn, index) => rule(drawn.limit, drawn.windowMillis, { ...drawn, name: `${index}` })),
  )

export const someArrivals = (limiters: number): fc.Arbitrary<ReadonlyArray<Arrival>> =>
  fc
    .array(
      fc.record({
        limiter: fc.integer({ min: 0, max: limiters - 1 }),
        wait: fc.constantFrom(0, 0, 0, 1, 7, 30),
        lasts: fc.constantFrom(0, 0, 1, 20),
        patience: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined, freq: 3 }),
        one: fc.constantFrom("a", "b"),
        two: fc.constantFrom("x", "y", undefined),
        cost: fc.constantFrom(1, 1, 2),
      }),
      { minLength: 1, maxLength: 40 },
    )
    .map((all) => {
      let at = 0
      return all.map((drawn, id) => ({ ...drawn, id, at: (at += drawn.wait) }))
    })

/** A log that takes its time before and after it has done what it is asked for. */
export const slow = (log: Log, millis: () => number): Log => {
  const late = <A, E>(effect: Effect.Effect<A, E>) => {
    const sleep = Effect.suspend(() => Effect.sleep(millis()))
    return Effect.zipLeft(Effect.zipRight(sleep, effect), sleep)
  }
  return { ...log, read: (observe) => late(log.read(observe)), append: (entry) => late(log.append(entry)) }
}

export const broken = new OperationError({
  reason: "StoreLocked",
  place: "state/ktrdr.db",
  expected: "a database that is free within 5 seconds",
  found: "database is locked",
  advice: "Try again",
})

/** A log that fails when it is said to. */
export const failing = (log: Log, fails: () => boolean): Log => {
  const or = <A>(effect: Effect.Effect<A, OperationError>) =>
    Effect.suspend(() => (fails() ? Effect.fail(broken) : effect))
  return { ...log, read: (observe) => or(log.read(observe)), append: (entry) => or(log.append(entry)) }
}

export interface Setting {
  readonly maxOpen?: number
  readonly through?: (log: Log, limiter: number) => Log
}

export const limiter = (
  ledger: Service,
  windows: ReadonlyArray<Pacing.Rule<Arrival>>,
  { maxOpen = 1000, through = (log) => log }: Setting = {},
  index = 0,
): Effect.Effect<Pacing.Pacing<Arrival>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const log = yield* ledger.open("shared")
    if (log === undefined) throw new Error("no log")
    return yield* Pacing.make<Arrival>({ windows, maxOpen, quickMillis: 10 }, through(log, index))
  })

/** Lets every arrival come to its limiter, and is over when all have ended. */
export const together = (
  time: VirtualTime,
  ledger: Service,
  windows: ReadonlyArray<Pacing.Rule<Arrival>>,
  arrivals: ReadonlyArray<Arrival>,
  setting: Setting = {},
) =>
  Effect.gen(function* () {
    const starts: Array<Start> = []
    const limiters = yield* Effect.forEach(
      Array.from({ length: Math.max(...arrivals.map((one) => one.limiter)) + 1 }),
      (_, index) => limiter(ledger, windows, setting, index),
    )
    const arrive = (request: Arrival) =>
      Effect.gen(function* () {
        yield* Effect.sleep(request.at)
        const use = Effect.suspend(() => {
          starts.push({ at: time.elapsed, request })
          return Effect.sleep(request.lasts)
        })
        const fiber = yield* Effect.fork(limiters[request.limiter]!.run(request, () => use))
        if (request.patience === undefined) return yield* Fiber.join(fiber)
        yield* Effect.raceFirst(Fiber.await(fiber), Effect.sleep(request.patience))
        yield* Fiber.interrupt(fiber)
      })
    yield* Effect.forEach(arrivals, arrive, { concurrency: "unbounded", discard: true })
    const states = yield* Effect.forEach(limiters, ({ state }) => state)
    return { starts, states, end: time.elapsed }
  }).pipe(Effect.scoped)

/** When the last request of each limiter started. */
export const lastOf = (starts: ReadonlyArray<Start>, limiter: number): number =>
  Math.max(...starts.filter(({ request }) => request.limiter === limiter).map(({ at }) => at))

export const withMargin = (windows: ReadonlyArray<Pacing.Rule<Arrival>>) =>
  windows.map((one) => ({ ...one, windowMillis: one.windowMillis + (one.marginMillis ?? 0) }))
