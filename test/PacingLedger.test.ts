import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as fc from "fast-check"
import { SlidingLog } from "../src/internal/pacingLog.js"
import * as Pacing from "../src/Pacing.js"
import * as PacingLedger from "../src/PacingLedger.js"
import * as Progress from "../src/Progress.js"
import { contract } from "./contract/PacingLedger.js"
import { violations } from "./utils/PacingChecker.js"
import * as Shared from "./utils/SharedPacing.js"
import { VirtualTime } from "./utils/VirtualTime.js"

contract("memory", PacingLedger.layerMemory)

const run = <A>(
  program: (ledger: PacingLedger.Service, time: VirtualTime) => Effect.Effect<A, unknown, Scope.Scope>,
): A => {
  const time = new VirtualTime()
  const scoped = Effect.flatMap(PacingLedger.makeMemory, (ledger) => Effect.scoped(program(ledger, time)))
  return Exit.getOrElse(time.run(scoped), (cause) => {
    throw new Error(String(cause))
  })
}

/** What limiters make of the arrivals that share a log. */
const together = (
  windows: ReadonlyArray<Pacing.Rule<Shared.Arrival>>,
  arrivals: ReadonlyArray<Shared.Arrival>,
  setting: Shared.Setting = {},
) => run((ledger, time) => Shared.together(time, ledger, windows, arrivals, setting))

const many = (
  limiter: number,
  count: number,
  more: (index: number) => Partial<Shared.Arrival> = () => ({}),
) =>
  Array.from({ length: count }, (_, index): Shared.Arrival => ({ ...Shared.blank, limiter, ...more(index) }))

const numbered = (...arrivals: ReadonlyArray<ReadonlyArray<Shared.Arrival>>) =>
  arrivals.flat().map((one, id): Shared.Arrival => ({ ...one, id }))

/** Collects the warnings of an effect. */
const warned =
  (warnings: Array<string>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provide(
      effect,
      Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ logLevel, message }) => {
          if (logLevel.label === "WARN") warnings.push(String(message))
        }),
      ),
    )

it.prop(
  "a log has room when its window has, in whatever order it was told of the starts",
  [
    fc.integer({ min: 1, max: 5 }),
    fc.array(fc.record({ at: fc.integer({ min: 0, max: 60 }), cost: fc.integer({ min: 1, max: 3 }) })),
    fc.integer({ min: 0, max: 80 }),
  ],
  ([cost, starts, now]) => {
    const log = new SlidingLog<never>(0, 5, 20)
    for (const start of starts) log.add(start)
    log.prune(now)
    const used = (from: number) =>
      starts.filter(({ at }) => at > from - 20).reduce((sum, start) => sum + start.cost, 0)
    let free = now
    while (used(free) + cost > 5) free++
    expect(Math.max(now, log.freeAt(cost))).toBe(free)
  },
)

describe("limiters that share a log", () => {
  it.prop(
    "keep every rule together, and let everybody start, whoever is interrupted and however slow the log is",
    [
      Shared.someRules,
      Shared.someArrivals(3),
      fc.constantFrom(1000, 3, 1),
      fc.constantFrom([0], [0, 1, 0, 0, 4], [0, 0, 0, 30]),
    ],
    ([windows, arrivals, maxOpen, delays]) => {
      let turn = 0
      const through = (log: PacingLedger.Log) => Shared.slow(log, () => delays[turn++ % delays.length]!)
      const { starts, states } = together(windows, arrivals, { maxOpen, through })
      expect(violations(Shared.withMargin(windows), starts)).toEqual([])
      const started = starts.map(({ request }) => request.id)
      expect(new Set(started).size).toBe(started.length)
      for (const { id, patience } of arrivals) if (patience === undefined) expect(started).toContain(id)
      for (const state of states) expect(state).toMatchObject({ open: 0, waiting: 0 })
    },
    { fastCheck: { numRuns: 80 } },
  )

  it.prop(
    "take hardly longer than one limiter would for all",
    [Shared.someRules, Shared.someArrivals(2)],
    ([windows, arrivals]) => {
      const patient = arrivals.map((one) => ({ ...one, patience: undefined }))
      const { end } = together(windows, patient)
      const alone = together(
        windows,
        patient.map((one) => ({ ...one, limiter: 0 })),
      )
      const longest = Math.max(...Shared.withMargin(windows).map(({ windowMillis }) => windowMillis))
      expect(end).toBeLessThanOrEqual(alone.end + patient.length * 15 + longest)
    },
    { fastCheck: { numRuns: 40 } },
  )

  it("share what there is, from the moment on at which both ask for it", () => {
    const windows = [Shared.rule(20, 1000)]
    const even = together(windows, numbered(many(0, 200), many(1, 200))).starts
    expect(violations(windows, even)).toEqual([])
    expect(even.length).toBe(400)
    const ends = [Shared.lastOf(even, 0), Shared.lastOf(even, 1)]
    expect(Math.min(...ends)).toBeGreaterThan(0.8 * Math.max(...ends))
    expect(Math.max(...ends)).toBeLessThan(19_000 * 1.05)

    const few = together(
      windows,
      numbered(
        many(0, 200),
        many(1, 20, () => ({ at: 2500 })),
      ),
    ).starts
    expect(violations(windows, few)).toEqual([])
    expect(Shared.lastOf(few, 1)).toBeLessThan(5100)
    const three = together(windows, numbered(...[0, 1, 2].map((limiter) => many(limiter, 100)))).starts
    expect(violations(windows, three)).toEqual([])
    const thirds = [0, 1, 2].map((limiter) => Shared.lastOf(three, limiter))
    expect(Math.min(...thirds)).toBeGreaterThan(0.8 * Math.max(...thirds))
  })

  it("starve nobody who needs more than is free at a time", () => {
    const windows = [Shared.rule(2, 100, { cost: ({ cost }) => cost })]
    const stream = many(0, 100, (index) => ({ at: 40 * index }))
    const dear = many(1, 1, () => ({ at: 61, cost: 2 }))
    const { starts } = together(windows, numbered(stream, dear))
    expect(violations(windows, starts)).toEqual([])
    expect(Shared.lastOf(starts, 1)).toBeLessThan(400)
  })

  it("let one start that needs all there is, though others want it at the same instant", () => {
    const windows = [Shared.rule(2, 82, { cost: ({ cost }) => cost })]
    const first = many(0, 2, (index) => ({ at: 30 * index }))
    const stream = many(1, 20, () => ({ at: 30 }))
    const dear = many(0, 1, () => ({ at: 30, cost: 2 }))
    const { starts } = together(windows, numbered(first, stream, dear))
    expect(violations(windows, starts)).toEqual([])
    expect(Shared.lastOf(starts, 0)).toBeLessThan(200)
  })

  it("wait but for a moment, and not for long, for one that has gone without a word", () => {
    const windows = [Shared.rule(10, 1000)]
    const last = run((ledger, time) =>
      Effect.gen(function* () {
        const limiter = yield* Shared.limiter(ledger, windows)
        const run = limiter.run(Shared.blank, () => Effect.void)
        const all = yield* Effect.fork(
          Effect.all(
            Array.from({ length: 60 }, () => run),
            { concurrency: "unbounded" },
          ),
        )
        yield* Effect.sleep(500)
        const scope = yield* Scope.make()
        const gone = yield* Scope.extend(Shared.limiter(ledger, windows), scope)
        yield* Effect.forkScoped(gone.run(Shared.blank, () => Effect.never))
        yield* Effect.sleep(1)
        yield* Scope.close(scope, Exit.void)
        yield* Fiber.join(all)
        return time.elapsed
      }),
    )
    expect(last).toBeGreaterThanOrEqual(5000)
    expect(last).toBeLessThan(5500)
  })

  it("plan with what others have started", () => {
    const windows = [Shared.rule(2, 1000), Shared.rule(1, 400, { name: "of one", key: ({ one }) => one })]
    run((ledger) =>
      Effect.gen(function* () {
        const [busy, idle] = [yield* Shared.limiter(ledger, windows), yield* Shared.limiter(ledger, windows)]
        yield* busy.run(Shared.blank, () => Effect.void)
        yield* Effect.sleep(100)
        yield* busy.run({ ...Shared.blank, one: "b" }, () => Effect.void)
        const requests = ["a", "c", "c"].map((one) => ({ ...Shared.blank, one }))
        const { end, floor, starts } = yield* idle.plan(requests)
        const late = starts.map((at) => Math.floor(at / 100) * 100)
        expect([...late]).toEqual([1000, 1100, 2000])
        expect(end).toBe(starts[2])
        expect(floor.rule).toBe("2 in 1000")
        expect((yield* idle.log).length).toBe(0)
        expect((yield* busy.log).length).toBe(2)
      }),
    )
  })

  it("decide anew on what a plan has read after they had decided", () => {
    const windows = [Shared.rule(2, 1000)]
    run((ledger, time) =>
      Effect.gen(function* () {
        const one = yield* Shared.limiter(ledger, windows, {
          through: (log) => ({ ...log, read: (observe) => Effect.delay(log.read(observe), 5) }),
        })
        const two = yield* Shared.limiter(ledger, windows)
        yield* one.run(Shared.blank, () => Effect.void)
        const planned = yield* Effect.fork(one.plan([]))
        yield* Effect.sleep(1)
        const decided = yield* Effect.fork(one.run(Shared.blank, () => Effect.void))
        yield* Effect.sleep(1)
        yield* two.run(Shared.blank, () => Effect.void)
        yield* Fiber.join(planned)
        yield* Fiber.join(decided)
        expect(time.elapsed).toBeGreaterThanOrEqual(1000)
      }),
    )
  })

  it("pause together", () => {
    run((ledger, time) =>
      Effect.gen(function* () {
        const windows = [Shared.rule(10, 1000)]
        const [one, two] = [yield* Shared.limiter(ledger, windows), yield* Shared.limiter(ledger, windows)]
        yield* two.run(Shared.blank, () => Effect.void)
        yield* one.run(Shared.blank, (permit) => permit.slower(7000))
        yield* two.run(Shared.blank, () => Effect.void)
        expect(time.elapsed).toBeGreaterThanOrEqual(7000)
        expect(time.elapsed).toBeLessThan(7050)
      }),
    )
  })

  it("let go of nothing, and say nothing, where a request need not wait; else both", () => {
    run((ledger, time) =>
      Effect.gen(function* () {
        const limiter = yield* Shared.limiter(ledger, [Shared.rule(1, 42_000, { name: "one" })])
        let letGo = 0
        const messages: Array<string> = []
        const once = limiter
          .run(Shared.blank, () => Effect.void)
          .pipe(Effect.provideService(Pacing.Held, { letGo: Effect.sync(() => void letGo++) }))
        yield* once
        expect([letGo, time.elapsed]).toEqual([0, 0])
        yield* once.pipe(
          Progress.step("fetch"),
          Progress.observe({
            interval: 2000,
            observer: ({ message, waiting }) =>
              Effect.sync(() => messages.push(waiting === null ? "" : message)),
          }),
        )
        expect(letGo).toBe(1)
        expect(time.elapsed).toBeGreaterThanOrEqual(42_000)
        expect(messages).toContain("fetch · waiting 40s: one")
      }),
    )
  })

  it("count a start whose request was interrupted when its turn had come", () => {
    const windows = [Shared.rule(1, 1000)]
    run((ledger, time) =>
      Effect.gen(function* () {
        const asked = yield* Deferred.make<void>()
        const through = (log: PacingLedger.Log): PacingLedger.Log => ({
          ...log,
          append: (entry) =>
            Effect.zipLeft(
              log.append(entry),
              Effect.zipRight(Deferred.succeed(asked, undefined), Effect.sleep(1)),
            ),
        })
        const one = yield* Shared.limiter(ledger, windows, { through })
        const two = yield* Shared.limiter(ledger, windows)
        const first = yield* Effect.fork(one.run(Shared.blank, () => Effect.die("has not begun")))
        yield* Deferred.await(asked)
        yield* Fiber.interrupt(first)
        yield* one.run(Shared.blank, () => Effect.void)
        expect(time.elapsed).toBeGreaterThanOrEqual(1000)
        yield* two.run(Shared.blank, () => Effect.void)
        expect(time.elapsed).toBeGreaterThanOrEqual(2000)
      }),
    )
  })

  it("do not take two rules of one name for one another", () => {
    const windows = [Shared.rule(1, 10), Shared.rule(1, 10, { key: ({ one }) => one })]
    const exit = run((ledger) => Effect.exit(Shared.limiter(ledger, windows)))
    expect(Exit.isFailure(exit)).toBe(true)
  })
})

describe("a log that fails", () => {
  const windows = [Shared.rule(2, 1000)]

  it("is warned of once; each limiter goes on by its own rules, and tells later what it has started", () => {
    const warnings: Array<string> = []
    const { starts, before } = run((ledger, time) =>
      Effect.gen(function* () {
        const starts: Array<Shared.Start> = []
        const once = (limiter: Pacing.Pacing<Shared.Arrival>, index: number) =>
          limiter.run({ ...Shared.blank, limiter: index }, () =>
            Effect.sync(() =>
              starts.push({ at: time.elapsed, request: { ...Shared.blank, limiter: index } }),
            ),
          )
        let isBroken = true
        const through = (log: PacingLedger.Log) => Shared.failing(log, () => isBroken)
        const one = yield* Shared.limiter(ledger, windows, { through })
        const two = yield* Shared.limiter(ledger, windows)
        yield* Effect.all(
          Array.from({ length: 118 }, () => once(one, 0)),
          { concurrency: "unbounded" },
        )
        const before = time.elapsed
        yield* Effect.sleep(2000)
        isBroken = false
        yield* Effect.all([once(one, 0), once(one, 0), once(two, 1)], { concurrency: "unbounded" })
        return { starts, before }
      }).pipe(warned(warnings)),
    )
    expect(before).toBeGreaterThanOrEqual(58_000)
    expect(before).toBeLessThan(59_000)
    expect(violations(windows, starts)).toEqual([])
    expect(starts.length).toBe(121)
    expect(warnings).toEqual([expect.stringContaining("state/ktrdr.db: expected")])
  })

  it("has what was started without it once it works again, for others to count", () => {
    run((ledger, time) =>
      Effect.gen(function* () {
        let isBroken = true
        const through = (log: PacingLedger.Log) => Shared.failing(log, () => isBroken)
        const long = [Shared.rule(2, 600_000)]
        const one = yield* Shared.limiter(ledger, long, { through })
        const two = yield* Shared.limiter(ledger, long)
        yield* one.run(Shared.blank, () => Effect.void)
        isBroken = false
        yield* Effect.sleep(60_000)
        yield* one.run(Shared.blank, () => Effect.void)
        expect(time.elapsed).toBeLessThan(61_000)
        yield* two.run(Shared.blank, () => Effect.void)
        expect(time.elapsed).toBeGreaterThanOrEqual(600_000)
      }).pipe(warned([])),
    )
  })

  it("while others have been told who waits lets that one start in time all the same", () => {
    run((ledger, time) =>
      Effect.gen(function* () {
        let isBroken = false
        const through = (log: PacingLedger.Log) => Shared.failing(log, () => isBroken)
        const long = [Shared.rule(1, 100_000)]
        const one = yield* Shared.limiter(ledger, long, { through })
        const two = yield* Shared.limiter(ledger, long)
        yield* two.run(Shared.blank, () => Effect.void)
        const waiting = yield* Effect.fork(one.run(Shared.blank, () => Effect.void))
        yield* Effect.sleep(10_000)
        isBroken = true
        yield* Fiber.join(waiting)
        expect(time.elapsed).toBeGreaterThanOrEqual(100_000)
        expect(time.elapsed).toBeLessThan(101_000)
      }).pipe(warned([])),
    )
  })

  it("by a defect, or in the middle of the work, holds up nobody either", () => {
    const warnings: Array<string> = []
    let turn = 0
    const through = (log: PacingLedger.Log): PacingLedger.Log => ({
      ...log,
      append: (entry) => (turn++ === 3 ? Effect.die(new Error("torn")) : log.append(entry)),
    })
    const { end, starts } = run((ledger, time) =>
      Shared.together(time, ledger, windows, numbered(many(0, 10)), { through }).pipe(warned(warnings)),
    )
    expect(starts.length).toBe(10)
    expect(end).toBeLessThan(4200)
    expect(violations(windows, starts)).toEqual([])
    expect(warnings).toEqual([expect.stringContaining("torn")])
  })
})
