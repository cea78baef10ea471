import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import { planning } from "../src/internal/pacingPlan.js"
import * as Pacing from "../src/Pacing.js"
import * as Progress from "../src/Progress.js"
import * as ProgressRenderer from "../src/ProgressRenderer.js"
import { violations } from "./utils/PacingChecker.js"
import { VirtualTime } from "./utils/VirtualTime.js"

interface Request {
  readonly id: number
  readonly one: string
  readonly two: string | undefined
  readonly cost: number
}

interface Arrival extends Request {
  readonly at: number
  /** How long it is open once it started. */
  readonly lasts: number
  /** How long after it came it is interrupted, if it still waits or is open. */
  readonly patience: number | undefined
}

const keys = {
  all: () => "",
  one: ({ one }: Request) => one,
  two: ({ two }: Request) => two,
  both: ({ one, two }: Request) => `${one} ${two}`,
}

const rule = (limit: number, windowMillis: number, more: Partial<Pacing.Rule<Request>> = {}) => ({
  name: `${limit} in ${windowMillis}`,
  limit,
  windowMillis,
  key: keys.all,
  ...more,
})

const someRules = fc.array(
  fc
    .record({
      limit: fc.integer({ min: 2, max: 6 }),
      windowMillis: fc.integer({ min: 1, max: 60 }),
      marginMillis: fc.constantFrom(undefined, 0, 3),
      key: fc.constantFrom(...Object.values(keys)),
      cost: fc.constantFrom(undefined, ({ cost }: Request) => cost),
    })
    .map((drawn): Pacing.Rule<Request> => rule(drawn.limit, drawn.windowMillis, drawn)),
  { minLength: 1, maxLength: 4 },
)

const someRequests = (waits: fc.Arbitrary<number>) =>
  fc
    .array(
      fc.record({
        wait: waits,
        lasts: fc.constantFrom(0, 0, 1, 20),
        patience: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined, freq: 3 }),
        one: fc.constantFrom("a", "b", "c"),
        two: fc.constantFrom("x", "y", undefined),
        cost: fc.constantFrom(1, 1, 2),
      }),
      { minLength: 1, maxLength: 40 },
    )
    .map((all) => {
      let at = 0
      return all.map((one, id): Arrival => ({ ...one, id, at: (at += one.wait) }))
    })

const arriving = someRequests(fc.constantFrom(0, 0, 0, 1, 7, 30))

interface Run {
  readonly starts: ReadonlyArray<{ readonly at: number; readonly request: Arrival }>
  readonly startOf: (request: Arrival) => number | undefined
  readonly end: number
  readonly state: Pacing.State
}

interface Setting {
  readonly maxOpen?: number
  /** At `at` the clock is set back by `by`. */
  readonly setBack?: { readonly at: number; readonly by: number }
}

/** What a limiter makes of the arrivals, in time that is not the limiter's own. */
const runAll = (
  windows: ReadonlyArray<Pacing.Rule<Request>>,
  arrivals: ReadonlyArray<Arrival>,
  { maxOpen = 1000, setBack }: Setting = {},
): Run => {
  const time = new VirtualTime()
  const starts: Array<{ readonly at: number; readonly request: Arrival }> = []
  const program = Effect.gen(function* () {
    const pacing = yield* Pacing.make<Request>({ windows, maxOpen, quickMillis: 10 })
    if (setBack !== undefined) {
      const step = Effect.sync(() => {
        time.shift -= setBack.by
      })
      yield* Effect.forkScoped(Effect.delay(step, setBack.at))
    }
    yield* Effect.forEach(
      arrivals,
      (request) =>
        Effect.gen(function* () {
          yield* Effect.sleep(request.at)
          const fiber = yield* Effect.fork(
            pacing.run(request, () =>
              Effect.suspend(() => {
                starts.push({ at: time.elapsed, request })
                return Effect.sleep(request.lasts)
              }),
            ),
          )
          if (request.patience === undefined) return yield* Fiber.join(fiber)
          yield* Effect.raceFirst(Fiber.await(fiber), Effect.sleep(request.patience))
          yield* Fiber.interrupt(fiber)
        }),
      { concurrency: "unbounded", discard: true },
    )
    const longest = Math.max(...windows.map(({ windowMillis }) => windowMillis)) + 10
    const end = time.elapsed
    yield* Effect.sleep(longest)
    yield* pacing.run(arrivals[0]!, () => Effect.void)
    yield* Effect.sleep(longest)
    yield* Effect.ignore(Effect.interruptible(pacing.run(outside, () => Effect.void)))
    return { end, state: yield* pacing.state }
  }).pipe(Effect.scoped)
  const { end, state } = Exit.getOrElse(time.run(program), (cause) => {
    throw new Error(String(cause))
  })
  const at = new Map(starts.map(({ at, request }) => [request.id, at]))
  return { starts, startOf: ({ id }) => at.get(id), end, state }
}

const outside: Request = { id: -1, one: "outside", two: undefined, cost: 1 }

const cost = ({ cost }: Request) => cost

const slower = (permit: Pacing.Permit) => Effect.zipRight(Effect.sleep(5), permit.slower())

/** A request that costs three, through a limiter of its own. */
const runOne = (windows: ReadonlyArray<Pacing.Rule<Request>>, maxOpen = 5) =>
  Effect.scoped(
    Effect.flatMap(Pacing.make<Request>({ windows, maxOpen, quickMillis: 1 }), ({ run }) =>
      run({ ...outside, cost: 3 }, () => Effect.void),
    ),
  )

const withMargin = (windows: ReadonlyArray<Pacing.Rule<Request>>) =>
  windows.map((one) => ({ ...one, windowMillis: one.windowMillis + (one.marginMillis ?? 0) }))

describe("the judge of limiters", () => {
  it.prop("finds what a look at every instant finds", [someRules, arriving], ([windows, arrivals]) => {
    const starts = arrivals.map((request) => ({ at: request.at, request }))
    for (const window of windows) {
      const { cost, key, limit, windowMillis } = window
      const found = violations([window], starts)
      const keys = new Set(arrivals.map(key))
      for (const one of keys) {
        if (one === undefined) continue
        const same = arrivals.filter((request) => key(request) === one)
        const within = (from: number) =>
          same
            .filter(({ at }) => at >= from && at < from + windowMillis)
            .reduce((sum, request) => sum + (cost?.(request) ?? 1), 0)
        const isTooFull = same.some(({ at }) =>
          Array.from({ length: windowMillis }, (_, back) => within(at - back)).some((sum) => sum > limit),
        )
        expect(found.some((of) => of.key === one)).toBe(isTooFull)
      }
    }
  })
})

describe("a limiter", () => {
  it.prop(
    "lets no window of any rule be too full, and lets everybody start, whoever is interrupted",
    [someRules, arriving, fc.constantFrom(1000, 3, 1)],
    ([windows, arrivals, maxOpen]) => {
      const { starts, startOf, state } = runAll(windows, arrivals, { maxOpen })
      expect(violations(withMargin(windows), starts)).toEqual([])
      expect(new Set(starts.map(({ request }) => request.id)).size).toBe(starts.length)
      for (const one of arrivals) {
        if (one.patience === undefined) expect(startOf(one)).toBeGreaterThanOrEqual(one.at)
      }
      expect(state).toMatchObject({ open: 0, waiting: 0 })
      expect(state.logs).toBeLessThanOrEqual(windows.length)
    },
    { fastCheck: { numRuns: 50 } },
  )

  it.prop(
    "keeps nobody waiting who could start, unless for one who has waited longer than the longest window",
    [someRules, arriving],
    ([windows, arrivals]) => {
      const whole = withMargin(windows)
      const longest = Math.max(...whole.map(({ windowMillis }) => windowMillis))
      const { starts, startOf } = runAll(windows, arrivals)
      const leaves = (one: Arrival) =>
        Math.min(
          startOf(one) ?? Number.POSITIVE_INFINITY,
          one.at + (one.patience ?? Number.POSITIVE_INFINITY),
        )
      for (const one of arrivals) {
        for (let at = one.at; at < Math.min(leaves(one), one.at + 200); at++) {
          const isAged = arrivals.some(
            (other) => other.id < one.id && leaves(other) > at && at - other.at >= longest,
          )
          if (isAged) break
          const then = starts.filter((start) => start.at <= at)
          expect([at, violations(whole, [...then, { at, request: one }]).length]).not.toEqual([at, 0])
        }
      }
    },
    { fastCheck: { numRuns: 50 } },
  )

  it.prop(
    "lets those that ask for the same start in the order in which they came",
    [someRules, arriving],
    ([windows, arrivals]) => {
      const { startOf } = runAll(windows, arrivals)
      const last = new Map<string, number>()
      for (const one of arrivals) {
        const at = startOf(one)
        const same = JSON.stringify([one.one, one.two, one.cost])
        if (at === undefined) continue
        expect(at).toBeGreaterThanOrEqual(last.get(same) ?? 0)
        last.set(same, at)
      }
    },
    { fastCheck: { numRuns: 50 } },
  )

  it.prop(
    "lets nothing more through when the clock is set back, and lets nobody wait for it",
    [someRules, arriving, fc.integer({ min: 1, max: 150 }), fc.constantFrom(1, 40, 3_600_000)],
    ([windows, arrivals, at, by]) => {
      const patient = arrivals.map((one): Arrival => ({ ...one, patience: undefined }))
      const { starts, end } = runAll(windows, patient, { setBack: { at, by } })
      expect(violations(withMargin(windows), starts)).toEqual([])
      expect(starts.length).toBe(patient.length)
      const longest = Math.max(...withMargin(windows).map(({ windowMillis }) => windowMillis))
      expect(end).toBeLessThanOrEqual(runAll(windows, patient).end + 2 * longest)
    },
    { fastCheck: { numRuns: 50 } },
  )

  it("keeps to a rule that had room when a request came, and was used up while another held it back", () => {
    const windows = [rule(1, 10, { key: keys.one }), rule(3, 100)]
    const arrivals = ["a", "a", "b", "c"].map((one, id): Arrival => ({ ...blank, one, id, at: id }))
    const { startOf } = runAll(windows, arrivals)
    expect(arrivals.map(startOf)).toEqual([0, 100, 2, 3])
  })

  it("starves nobody: neither who needs two rules that others use in turn, nor who costs two", () => {
    const windows = [rule(1, 10, { key: ({ one }) => (one === "b" ? undefined : "") })]
    windows.push(rule(1, 10, { key: ({ one }) => (one === "a" ? undefined : "") }))
    const stream = (one: string, from: number) =>
      Array.from({ length: 60 }, (_, n) => ({ ...blank, one, at: from + 9 * n }))
    const wanting = { ...blank, one: "both", at: 6 }
    const turns = [...stream("a", 0), ...stream("b", 5), wanting].map((one, id) => ({ ...one, id }))
    const first = runAll(windows, turns)
    expect(violations(windows, first.starts)).toEqual([])
    expect(first.startOf(turns.at(-1)!)).toBeLessThanOrEqual(40)

    const costly = [rule(2, 10, { cost: ({ cost }) => cost })]
    const single = Array.from({ length: 100 }, (_, n) => ({ ...blank, at: 4 * n }))
    const dear = [...single, { ...blank, cost: 2, at: 1 }].map((one, id) => ({ ...one, id }))
    const second = runAll(costly, dear)
    expect(violations(costly, second.starts)).toEqual([])
    expect(second.startOf(dear.at(-1)!)).toBeLessThanOrEqual(31)
  })

  it("halves how many may be open once for all that were open together, and grows by quick answers", () => {
    const time = new VirtualTime()
    const exit = time.run(
      Effect.gen(function* () {
        const pacing = yield* Pacing.make<Request>({ windows: [], maxOpen: 8, quickMillis: 10 })
        const limit = Effect.map(pacing.state, (state) => state.limit)
        const limits: Array<number> = []
        const open = (use: (permit: Pacing.Permit) => Effect.Effect<void>) =>
          Effect.forEach(Array.from({ length: 8 }), () => pacing.run(outside, use), {
            concurrency: "unbounded",
          })
        yield* open(slower)
        limits.push(yield* limit)
        yield* pacing.run(outside, slower)
        yield* pacing.run(outside, slower)
        yield* pacing.run(outside, slower)
        limits.push(yield* limit)
        for (const lasts of [5, 5, 5, 500, 5, 5, 5]) {
          yield* pacing.run(outside, () => Effect.sleep(lasts))
          limits.push(yield* limit)
        }
        yield* Effect.repeatN(
          open(() => Effect.void),
          40,
        )
        limits.push(yield* limit)
        const before = time.elapsed
        yield* pacing.run(outside, (permit) => permit.slower(1000))
        yield* pacing.run(outside, () => Effect.void)
        return { limits, pause: time.elapsed - before }
      }).pipe(Effect.scoped),
    )
    expect(exit).toEqual(Exit.succeed({ limits: [4, 1, 2, 2, 3, 3, 3, 3, 4, 8], pause: 1000 }))
  })

  it.scoped("is exact under a test clock, and says why it waits and until when", () =>
    Effect.gen(function* () {
      const windows = [rule(2, 600_000, { name: "2 requests in 10 minutes" })]
      const pacing = yield* Pacing.make<Request>({ windows, maxOpen: 5, quickMillis: 10 })
      const started: Array<number> = []
      const note = Effect.map(
        Effect.clockWith((clock) => clock.currentTimeMillis),
        (at) => started.push(at),
      )
      const messages: Array<string> = []
      const fiber = yield* Effect.forEach([1, 2, 3], () => pacing.run(outside, () => note)).pipe(
        Progress.step("fetch"),
        Progress.observe({
          interval: 93_000,
          observer: ({ message, waiting }) =>
            Effect.sync(() => messages.push(waiting === null ? "" : message)),
        }),
        Effect.fork,
      )
      yield* TestClock.adjust(558_000)
      expect(messages.at(-1)).toBe("fetch · waiting 42s: 2 requests in 10 minutes")
      yield* TestClock.adjust(41_999)
      expect(started).toEqual([0, 0])
      yield* TestClock.adjust(1)
      yield* Fiber.join(fiber)
      expect(started).toEqual([0, 0, 600_000])
    }),
  )

  it.scoped("an interrupted waiter leaves no hole, one whose turn had come gives its room back", () =>
    Effect.gen(function* () {
      const pacing = yield* Pacing.make<Request>({ windows: [rule(1, 1000)], maxOpen: 5, quickMillis: 10 })
      const started: Array<string> = []
      const run = (name: string) => pacing.run(outside, () => Effect.sync(() => started.push(name)))
      yield* run("first")
      const second = yield* Effect.fork(run("second"))
      const third = yield* Effect.fork(run("third"))
      yield* TestClock.adjust(500)
      expect(yield* pacing.state).toMatchObject({ waiting: 2, open: 0 })
      yield* Fiber.interrupt(second)
      expect(yield* pacing.state).toMatchObject({ waiting: 1 })
      yield* TestClock.adjust(500)
      yield* Fiber.join(third)
      expect(started).toEqual(["first", "third"])

      const hanging = yield* Deferred.make<void>()
      const holder = yield* Effect.fork(pacing.run(outside, () => Deferred.await(hanging)))
      yield* TestClock.adjust(1000)
      yield* Fiber.interrupt(holder)
      expect(yield* pacing.state).toMatchObject({ waiting: 0, open: 0 })
      expect((yield* pacing.log).map(({ at }) => at)).toEqual([2000])
    }),
  )

  it.effect("a request that no rule could ever let through is a defect, and so are such rules", () =>
    Effect.gen(function* () {
      for (const program of [
        runOne([rule(2, 10, { cost })]),
        runOne([rule(0, 10)]),
        runOne([rule(1, 0)]),
        runOne([], 0),
      ]) {
        expect(Exit.isFailure(yield* Effect.exit(program))).toBe(true)
      }
      yield* runOne([rule(3, 10, { cost })])
    }),
  )
})

describe("a plan", () => {
  it.prop(
    "is what the limiter does, and never below its floor",
    [someRules, someRequests(fc.constant(0))],
    ([windows, requests]) => {
      const all = requests.map((one): Arrival => ({ ...one, lasts: 0, patience: undefined }))
      const planned = Pacing.plan(windows, all, 0)
      const { startOf } = runAll(windows, all)
      expect(Array.from(planned.starts)).toEqual(all.map(startOf))
      expect(planned.end).toBe(Math.max(...planned.starts))
      expect(planned.end).toBeGreaterThanOrEqual(planned.floor.millis)
    },
    { fastCheck: { numRuns: 50 } },
  )

  it.prop(
    "goes on after the log, and reaches the floor of a single rule",
    [
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.integer({ min: 0, max: 30 })),
      fc.integer({ min: 1, max: 20 }),
    ],
    ([limit, gaps, count]) => {
      const windows = [rule(limit, 20)]
      const past: Array<{ readonly at: number; readonly request: Request }> = []
      let now = 0
      for (const gap of gaps) {
        const next = Pacing.plan(windows, [outside], (now += gap), past)
        past.push({ at: next.end, request: outside })
        now = Math.max(now, next.end)
      }
      const requests = Array.from({ length: count }, () => outside)
      const planned = Pacing.plan(windows, requests, now, past)
      const whole = [...past, ...Array.from(planned.starts, (at) => ({ at, request: outside }))]
      expect(violations(windows, whole)).toEqual([])
      expect(planned.floor.millis).toBe(planned.end - now)
    },
    { fastCheck: { numRuns: 50 } },
  )

  it("names the rule that makes the floor", () => {
    const windows = [
      rule(60, 600_000, { name: "60 requests in 10 minutes", marginMillis: 250 }),
      rule(5, 2000, { name: "5 requests in 2 seconds", key: keys.one }),
    ]
    const requests = Array.from({ length: 1638 }, (_, id) => ({ ...outside, id }))
    const { floor, end, starts } = Pacing.plan(windows, requests, 1_000)
    expect(floor).toEqual({ millis: 16_200_000, rule: "60 requests in 10 minutes" })
    expect(end - 1000).toBe(27 * 600_250 + 2000 * 3)
    expect(starts[0]).toBe(1000)
    expect(ProgressRenderer.duration(floor.millis)).toBe("4h 30m")
    const bounds = [
      { rule: "60 requests in 10 minutes", millis: 16_200_000, cost: 1638 },
      { rule: "5 requests in 2 seconds", millis: 654_000, cost: 1638 },
    ]
    expect(Pacing.plan(windows, requests, 0).bounds).toEqual(bounds)
    expect(Pacing.plan(windows.toReversed(), requests, 0)).toMatchObject({ bounds, floor })
    expect(Pacing.plan(windows, requests.slice(0, 6), 0).bounds).toEqual([
      { ...bounds[1], millis: 2000, cost: 6 },
    ])
    expect(Pacing.plan(windows, [], 7)).toMatchObject({ end: 7, floor: { millis: 0, rule: undefined } })
  })
})

/** Of a plan of many kinds of requests no turn looks at more of them than some milliseconds are good for. */
it("a plan over many keys works in short turns", () => {
  const [kinds, each] = [400, 10]
  const windows = [rule(60, 600_000), rule(1, 10, { key: keys.one })]
  const requests = Array.from({ length: kinds * each }, (_, id) => ({ ...outside, id, one: `${id % kinds}` }))
  const work = planning(windows, requests, 0, [])
  let turns = 0
  while (work.next().done !== true) turns++
  expect(turns).toBeGreaterThan((kinds * requests.length) / 2 / 25_000)
})

const blank: Arrival = { ...outside, one: "a", two: undefined, at: 0, lasts: 0, patience: undefined }
