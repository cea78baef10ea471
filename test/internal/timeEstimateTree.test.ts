import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { toSnapshot } from "../../src/internal/progressSnapshot.js"
import * as Tree from "../../src/internal/progressTree.js"
import type { Run } from "../../src/internal/timeEstimateHistory.js"
import { habitOf, workedUnits } from "../../src/internal/timeEstimateTree.js"
import * as ProgressRenderer from "../../src/ProgressRenderer.js"
import type { Eta } from "../../src/ProgressSnapshot.js"

/** A tree with a clock that is set by hand; looks once a second, as an observer would. */
const watched = () => {
  let now = 0
  const root = new Tree.Root(undefined, "", "", undefined, () => now)
  const look = (): Eta | null => toSnapshot(root).eta
  const go = (seconds: number): Eta | null => {
    for (let second = 0; second < seconds; second++) {
      now += 1000
      look()
    }
    return look()
  }
  const set = (millis: number) => {
    now = millis
  }
  return { root, step: root.step, look, go, set }
}

const items = (step: Tree.Step, total: number, unit = "item") =>
  step.update((open) => {
    open.total = total
    open.unit = unit
  })

const operation = (parent: Tree.Step, runs: ReadonlyArray<Run>, units: number, unit?: string) =>
  parent.open("operation", { render: ProgressRenderer.standard, expected: { runs, units, unit } })

const runs = (units: number, millis: number, count = 10): ReadonlyArray<Run> =>
  Array.from({ length: count }, () => ({ units, millis }))

/** The time left in the middle of 40 items, of which every fourth is followed by a wait. */
const half = (waits: boolean) => {
  const { go, root, step } = watched()
  items(step, 40)
  for (let item = 0; item < 20; item++) {
    go(1)
    step.advance()
    if (waits && item % 4 === 3) {
      step.update((open) => {
        open.waiting = { reason: "pacing", until: root.now() + 10_000 }
      })
      go(10)
    }
  }
  return go(0)!.p50
}

describe("the run's own pace", () => {
  it("tells nothing before anything was worked off, and nothing without a total", () => {
    const { go, step } = watched()
    expect(go(10)).toBeNull()
    step.advance(5)
    expect(go(10)).toBeNull()
    items(step, 100)
    expect(watched().look()).toBeNull()
  })

  it("is that of the items", () => {
    const { go, step } = watched()
    items(step, 100)
    let eta = go(1)
    for (let item = 0; item < 20; item++) {
      step.advance()
      eta = go(1)
    }
    expect(eta!.p50).toBeGreaterThan(75_000)
    expect(eta!.p50).toBeLessThan(83_000)
    expect(eta!.low).toBeLessThan(79_000)
    expect(eta!.high).toBeGreaterThan(81_000)
  })

  it("leaves out what was found already done", () => {
    const { go, step } = watched()
    items(step, 1000)
    for (let found = 0; found < 900; found++) {
      step.skip(1)
      if (found % 10 === 0) go(1)
    }
    for (let item = 0; item < 20; item++) {
      step.advance()
      go(1)
    }
    expect(go(0)!.p50 / 80_000).toBeCloseTo(1, 1)
  })

  it("adds the wait that is known of to the work that is left", () => {
    const { go, root, step } = watched()
    items(step, 20)
    for (let item = 0; item < 10; item++) {
      go(1)
      step.advance()
    }
    const before = go(0)!
    step.update((open) => {
      open.waiting = { reason: "pacing", until: root.now() + 60_000 }
    })
    const held = go(0)!
    expect(held.low).toBeGreaterThanOrEqual(60_000)
    expect(held.p50).toBeGreaterThan(before.p50 + 55_000)
    const later = go(30)!
    expect(later.low).toBeGreaterThanOrEqual(30_000)
    expect(later.p50).toBeLessThan(held.p50 - 25_000)
    go(30)
    step.advance()
    expect(go(0)!.p50).toBeLessThan(20_000)
  })

  it("expects waits to come again once they have", () => {
    expect(half(true)).toBeGreaterThan(half(false) + 20_000)
  })

  it("grows while the next item is overdue", () => {
    const { go, step } = watched()
    items(step, 20)
    for (let item = 0; item < 10; item++) {
      go(1)
      step.advance()
    }
    expect(go(60)!.p50).toBeGreaterThan(go(0)!.p50 - 1)
    expect(go(60)!.p50).toBeGreaterThan(20_000)
  })

  it("goes on when the clock is set back, in the middle of a wait even", () => {
    const { go, root, set, step } = watched()
    set(1e9)
    items(step, 20)
    const work = (count: number) => {
      for (let item = 0; item < count; item++) {
        go(1)
        step.advance()
        step.update((open) => {
          open.waiting = { reason: "pacing", until: root.now() + 2000 }
        })
        go(2)
      }
    }
    work(5)
    const before = go(0)!
    step.update((open) => {
      open.waiting = { reason: "pacing", until: root.now() + 2000 }
    })
    go(1)
    set(5e8)
    work(5)
    const eta = go(0)!
    expect(before.p50).toBeGreaterThan(30_000)
    expect(before.p50).toBeLessThan(60_000)
    expect(eta.p50).toBeGreaterThan(20_000)
    expect(eta.p50).toBeLessThan(40_000)
  })
})

describe("earlier runs", () => {
  it("tell the time from the start, where the work is known beforehand", () => {
    const { look, step } = watched()
    operation(step, runs(10, 20_000), 30)
    expect(look()!.p50).toBe(60_000)
    const unknown = watched()
    operation(unknown.step, runs(10, 20_000), 0, "segment")
    expect(unknown.look()).toBeNull()
  })

  it("tell it as soon as the work is counted, what was found done left out", () => {
    const { look, step } = watched()
    const load = operation(step, runs(10, 20_000), 0, "segment")
    load.plan(["read", { name: "fetch", weight: 8 }, "check"])
    load.open("read", {}).close("succeeded")
    const fetch = load.open("fetch", {})
    items(fetch, 40, "segment")
    expect(look()!.p50 / 80_000).toBeCloseTo(1, 1)
    fetch.skip(30)
    expect(look()!.p50 / 20_000).toBeCloseTo(1, 1)
  })

  it("give way to the pace of this one, the more of it was seen", () => {
    const { go, step } = watched()
    items(operation(step, runs(100, 10_000), 100), 100)
    const child = step.children!.values().next().value!
    const middles: Array<number> = []
    for (let item = 0; item < 50; item++) {
      go(1)
      child.advance()
      middles.push(go(0)!.p50 / (99 - item))
    }
    expect(middles[0]).toBeLessThan(800)
    expect(middles[4]).toBeGreaterThan(middles[0]!)
    expect(middles[49]).toBeGreaterThan(850)
    expect(middles[49]).toBeLessThan(1050)
  })

  it("tell how long the steps take that count nothing", () => {
    const long = { firstHalf: 0.5, waiting: 0, counting: 0.1, besides: 9 }
    const { go, step } = watched()
    const train = operation(
      step,
      runs(10, 100_000).map((run) => ({ ...run, habit: long })),
      10,
    )
    train.plan(["fetch", "fit"])
    const fetch = train.open("fetch", { total: 10 })
    for (let item = 0; item < 10; item++) {
      go(1)
      fetch.advance()
    }
    fetch.close("succeeded")
    train.open("fit", {})
    expect(go(0)!.p50).toBeGreaterThan(50_000)
    expect(go(40)!.p50).toBeLessThan(60_000)
  })

  it("of a part stand for the parts that have not begun", () => {
    const { look, step } = watched()
    const many = operation(step, runs(100, 100_000), 0, "segment")
    many.plan(["a", "b", "c", "d"])
    const one = operation(many.open("a", {}), [], 0, "segment")
    items(one, 10, "segment")
    expect(look()!.p50 / 40_000).toBeCloseTo(1, 1)
    const counted = watched()
    const whole = operation(counted.step, runs(100, 100_000), 0, "segment")
    items(whole, 500, "series")
    items(operation(whole.open("a", {}), [], 0, "segment"), 10, "segment")
    expect(counted.look()!.p50 / 5_000_000).toBeCloseTo(1, 1)
  })
})

describe("what is learned of a run", () => {
  it("is what its parts worked off, whatever was found done", () => {
    const { step } = watched()
    const many = operation(step, [], 0, "segment")
    for (const [total, skipped] of [
      [10, 4],
      [7, 0],
      [3, 3],
    ] as const) {
      const one = operation(many, [], 0, "segment")
      const fetch = one.open("fetch", { total, unit: "segment" })
      fetch.skip(skipped)
      fetch.advance(total - skipped)
      fetch.close("succeeded")
      expect(workedUnits(one)).toBe(total - skipped)
      one.close("succeeded")
    }
    expect(workedUnits(many)).toBe(13)
  })

  it("is how it slowed, how much it waited, and how long it counted", () => {
    const { go, root, step } = watched()
    const load = operation(step, [], 20)
    load.plan(["look", "fetch"])
    const first = load.open("look", {})
    go(10)
    first.close("succeeded")
    const fetch = load.open("fetch", { total: 20 })
    for (let item = 0; item < 20; item++) {
      go(item < 10 ? 1 : 3)
      fetch.advance()
      go(0)
    }
    fetch.update((open) => {
      open.waiting = { reason: "pacing", until: root.now() + 10_000 }
    })
    go(10)
    const habit = habitOf(load, root.now())!
    expect(habit.firstHalf).toBeCloseTo(0.25, 1)
    expect(habit.waiting).toBeCloseTo(10 / 40, 1)
    expect(habit.counting).toBeCloseTo(50 / 60, 1)
    expect(habit.besides).toBeCloseTo(0, 1)
  })
})

type Happening =
  | { readonly kind: "go" | "wait" | "advance" | "skip" | "grow"; readonly amount: number }
  | { readonly kind: "next"; readonly amount: number }

const happening: FastCheck.Arbitrary<Happening> = FastCheck.record({
  kind: FastCheck.constantFrom("go", "wait", "advance", "skip", "grow", "next"),
  amount: FastCheck.integer({ min: 0, max: 50 }),
})

it.prop(
  "whatever happens: low <= p50 <= high, whole, finite and no less than the present wait",
  [
    FastCheck.array(happening, { maxLength: 60 }),
    FastCheck.array(
      FastCheck.record({
        units: FastCheck.integer({ min: 1, max: 1000 }),
        millis: FastCheck.integer({ min: 1, max: 1e7 }),
      }),
      { maxLength: 20 },
    ),
  ],
  ([happenings, learned]) => {
    const { go, look, root, step } = watched()
    const load = operation(step, learned, 50, "segment")
    load.plan(["a", { name: "b", weight: 5 }, "c"])
    const names = ["a", "b", "c", "d", "e"]
    let at = load.open("a", { total: 10, unit: "segment" })
    for (const { amount, kind } of happenings) {
      if (kind === "go") go(amount % 10)
      if (kind === "wait")
        at.update((open) => (open.waiting = { reason: "", until: root.now() + amount * 997 }))
      if (kind === "advance") at.advance(amount)
      if (kind === "skip") at.skip(amount)
      if (kind === "grow") items(at, (at.total ?? 0) + amount, "segment")
      if (kind === "next") {
        at.close(amount % 3 === 0 ? "failed" : "succeeded")
        at = load.open(names[amount % 5]!, amount % 2 === 0 ? {} : { total: amount, unit: "segment" })
      }
      const eta = look()
      if (eta === null) continue
      expect([eta.low, eta.p50, eta.high].every(Number.isSafeInteger)).toBe(true)
      const wait = Tree.waitOf(step)
      expect(eta.low).toBeGreaterThanOrEqual(Math.max(0, (wait?.until ?? 0) - root.now()))
      expect(eta.p50).toBeGreaterThanOrEqual(eta.low)
      expect(eta.high).toBeGreaterThanOrEqual(eta.p50)
    }
  },
  { fastCheck: { numRuns: 200 } },
)
