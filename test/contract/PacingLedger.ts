/**
 * What every log of limiters keeps to. One call for each implementation, whose time is that of `Clock`.
 */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import { type Entry, type Log, PacingLedger, type Written } from "../../src/PacingLedger.js"

const day = 86_400_000

const entryAt = (at: number, more: Partial<Entry> = {}): Entry => ({
  at,
  until: at + day,
  takes: [{ rule: "60 requests in 10 minutes", key: "", cost: 1 }],
  waits: null,
  pausedUntil: null,
  ...more,
})

const open = (scope = "one") =>
  Effect.flatMap(PacingLedger, (ledger) => Effect.flatMap(ledger.open(scope), Effect.fromNullable))

const read = (log: Log) =>
  Effect.suspend(() => {
    const all: Array<Written> = []
    return Effect.as(
      log.read((written) => all.push(...written)),
      all,
    )
  })

/** What one of three limiters does, and how long after the one before. */
const step = fc.record({
  by: fc.integer({ min: 0, max: 2 }),
  isRead: fc.boolean(),
  lasts: fc.constantFrom(1, 10, day),
  passes: fc.constantFrom(0, 1, 5),
})

export const contract = (name: string, layer: Layer.Layer<PacingLedger>): void => {
  it.effect(
    `${name}: everybody reads what the others wrote, once and in order, and nothing of other scopes`,
    () =>
      Effect.gen(function* () {
        const [one, two, late, elsewhere] = [
          yield* open(),
          yield* open(),
          yield* open(),
          yield* open("other"),
        ]
        const said = entryAt(3.25, {
          takes: [],
          waits: { since: 1, takes: [{ rule: "5 in 2 seconds · ü", key: 'a "b" %', cost: 2 }] },
          pausedUntil: 60_000,
        })
        expect(yield* one.append(entryAt(1))).toBe(true)
        expect(yield* one.append(entryAt(2))).toBe(true)
        expect(yield* read(one)).toEqual([])
        const first = yield* read(two)
        expect(first.map(({ entry }) => entry)).toEqual([entryAt(1), entryAt(2)])
        expect(yield* two.append(said)).toBe(true)
        expect(yield* read(two)).toEqual([])
        const [second] = yield* read(one)
        expect(second?.entry).toEqual(said)
        expect(first.map(({ owner }) => owner)).toEqual([first[0]!.owner, first[0]!.owner])
        expect(second?.owner).not.toBe(first[0]!.owner)
        expect(yield* read(late)).toEqual([...first, second])
        expect(yield* read(elsewhere)).toEqual([])
        expect(yield* elsewhere.append(entryAt(4))).toBe(true)
        expect(yield* one.append(entryAt(5))).toBe(true)
      }).pipe(Effect.provide(layer)),
  )

  it.effect(`${name}: nobody writes who has not read everything`, () =>
    Effect.gen(function* () {
      const [one, two] = [yield* open(), yield* open()]
      expect(yield* one.append(entryAt(1))).toBe(true)
      expect(yield* two.append(entryAt(2))).toBe(false)
      expect(yield* two.append(entryAt(2))).toBe(false)
      expect((yield* read(two)).map(({ entry }) => entry.at)).toEqual([1])
      expect(yield* two.append(entryAt(2))).toBe(true)
      expect(yield* one.append(entryAt(3))).toBe(false)
      expect((yield* read(one)).map(({ entry }) => entry.at)).toEqual([2])
    }).pipe(Effect.provide(layer)),
  )

  it.effect(`${name}: time is that of all, and never falls`, () =>
    Effect.gen(function* () {
      const [one, two] = [yield* open(), yield* open()]
      const before = one.now()
      yield* TestClock.adjust(1500)
      expect(one.now() - before).toBe(1500)
      expect(two.now()).toBe(one.now())
    }).pipe(Effect.provide(layer)),
  )

  it.effect(`${name}: whatever order they read and write in, none misses what still counts`, () =>
    Effect.gen(function* () {
      const runtime = yield* Effect.runtime<PacingLedger>()
      let scopes = 0
      const law = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 250 }), (steps) =>
        Runtime.runPromise(
          runtime,
          Effect.gen(function* () {
            const scope = `law ${scopes++}`
            const logs = [yield* open(scope), yield* open(scope), yield* open(scope)]
            const known: ReadonlyArray<Array<number>> = [[], [], []]
            const all: Array<{ readonly number: number; readonly until: number }> = []
            const catchUp = (by: number) =>
              Effect.map(read(logs[by]!), (written) => {
                const numbers = written.map(({ entry }) => entry.takes[0]!.cost)
                const now = logs[by]!.now()
                const missed = all.filter(({ number }) => number > (known[by]!.at(-1) ?? 0))
                for (const { number, until } of missed) if (until > now) expect(numbers).toContain(number)
                expect(missed.map(({ number }) => number)).toEqual(expect.arrayContaining(numbers))
                known[by]!.push(...numbers)
              })
            for (const { by, isRead, lasts, passes } of steps) {
              yield* TestClock.adjust(passes)
              const log = logs[by]!
              if (isRead) {
                yield* catchUp(by)
                continue
              }
              const number = all.length + 1
              const until = log.now() + lasts
              const takes = [{ rule: "", key: "", cost: number }]
              const isNew = all.some((one) => one.number > (known[by]!.at(-1) ?? 0) && one.until > log.now())
              const isWritten = yield* log.append(entryAt(log.now(), { until, takes }))
              if (isNew) expect(isWritten).toBe(false)
              if (!isWritten) continue
              all.push({ number, until })
              known[by]!.push(number)
            }
            for (const by of [0, 1, 2]) {
              yield* catchUp(by)
              expect(known[by]).toEqual([...new Set(known[by])].sort((a, b) => a - b))
            }
          }),
        ),
      )
      yield* Effect.promise(() => fc.assert(law, { numRuns: 15 }))
    }).pipe(Effect.provide(layer)),
  )
}
