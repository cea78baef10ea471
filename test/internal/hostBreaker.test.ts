import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import * as HostConfig from "../../src/HostConfig.js"
import * as HostError from "../../src/HostError.js"
import * as HostBreaker from "../../src/internal/hostBreaker.js"
import { turn } from "../utils/Archive.js"

const settings: HostBreaker.Settings = { threshold: 3, cooldownMillis: 1000 }

/** Time goes by, an attempt asks to pass, or the one that has been under way for longest ends. */
const event = fc.oneof(
  fc.record({ type: fc.constant("time" as const), millis: fc.integer({ min: 0, max: 3000 }) }),
  fc.record({ type: fc.constant("enter" as const) }),
  fc.record({
    type: fc.constant("end" as const),
    verdict: fc.constantFrom("failed" as const, "failed" as const, "answered" as const, "nothing" as const),
  }),
)

interface Play {
  readonly state: HostBreaker.State
  readonly now: number
  /** Tickets of the attempts under way. */
  readonly open: ReadonlyArray<HostBreaker.Ticket>
}

/** The state before and after each event. */
const play = (events: ReadonlyArray<typeof event extends fc.Arbitrary<infer E> ? E : never>) => {
  let { state, now, open }: Play = { state: HostBreaker.initial, now: 0, open: [] }
  let tickets = 0
  return events.map((event) => {
    const before: Play = { state, now, open }
    let ended: HostBreaker.Ticket | undefined
    if (event.type === "time") now += event.millis
    if (event.type === "enter" && HostBreaker.admits(state, now)) {
      const ticket = state._tag === "Open" ? ++tickets : HostBreaker.plain
      state = HostBreaker.enter(state, ticket, now)
      open = [...open, ticket]
    }
    if (event.type === "end" && open.length > 0) {
      ended = open[0]!
      state = HostBreaker.settle(settings, state, ended, event.verdict, now)
      open = open.slice(1)
    }
    return { event, before, after: { state, now, open } satisfies Play, ended }
  })
}

const isProbeOf = (state: HostBreaker.State, ticket: HostBreaker.Ticket) =>
  state._tag === "Probing" && state.ticket === ticket

describe("the circuit", () => {
  it.prop(
    "lets nothing through before its time, and one attempt at a time then",
    [fc.array(event)],
    ([events]) => {
      for (const { before, after } of play(events)) {
        const entered = after.open.length > before.open.length
        if (entered && before.state._tag !== "Closed") {
          expect(before.state._tag).toBe("Open")
          expect(before.state._tag === "Open" && before.now >= before.state.untilMillis).toBe(true)
          expect(after.state._tag).toBe("Probing")
        }
        expect(after.open.filter((ticket) => isProbeOf(after.state, ticket)).length).toBe(
          after.state._tag === "Probing" ? 1 : 0,
        )
      }
    },
  )

  it.prop(
    "opens at the threshold of failures in a row, and at nothing else",
    [fc.array(event)],
    ([events]) => {
      let row = 0
      for (const { after, before, ended, event } of play(events)) {
        if (ended === undefined || event.type !== "end") continue
        if (event.verdict === "answered") row = 0
        if (event.verdict === "failed") row += 1
        if (before.state._tag !== "Closed") continue
        expect(after.state._tag).toBe(row >= settings.threshold ? "Open" : "Closed")
        expect(after.state.failures).toBe(row)
      }
    },
  )

  it.prop("closes with any answer, and with nothing else", [fc.array(event)], ([events]) => {
    for (const { after, before, ended, event } of play(events)) {
      const answered = ended !== undefined && event.type === "end" && event.verdict === "answered"
      if (answered) expect(after.state).toBe(HostBreaker.initial)
      else if (before.state._tag !== "Closed") expect(after.state._tag).not.toBe("Closed")
    }
  })

  it.prop("is open for twice as long after each probe that failed", [fc.array(event)], ([events]) => {
    for (const { after, before, ended, event } of play(events)) {
      if (after.state._tag !== "Open" || event.type !== "end" || ended === undefined) continue
      const isProbe = isProbeOf(before.state, ended)
      if (before.state._tag === "Closed") {
        expect(after.state).toMatchObject({ cooldownMillis: 1000, untilMillis: after.now + 1000 })
      } else if (isProbe && event.verdict === "failed") {
        const { cooldownMillis } = after.state
        expect(cooldownMillis).toBe(Math.min(30_000, before.state.cooldownMillis * 2))
        expect(after.state.untilMillis).toBe(after.now + cooldownMillis)
      } else if (isProbe) {
        expect(HostBreaker.admits(after.state, after.now)).toBe(true)
      } else {
        expect(after.state).toEqual({ ...before.state, failures: after.state.failures })
      }
    }
  })

  it("is not kept open by a clock that was put back, and a late probe waits for its turn", () => {
    const state = HostBreaker.State.Open({ failures: 3, cooldownMillis: 1000, untilMillis: 9000 })
    expect([8000, 7999, 0].map((now) => HostBreaker.admits(state, now))).toEqual([false, true, true])
    expect([8000, 7999].map((now) => HostBreaker.circuit(state, now))).toEqual(["open", "half_open"])
    const late = HostBreaker.settle(settings, HostBreaker.enter(state, 1, 9000), 1, "late", 9500)
    expect(late).toEqual({ ...state, untilMillis: 10_500 })
  })

  it("doubles up to 30 seconds", () => {
    let state: HostBreaker.State = HostBreaker.State.Closed({ failures: 2 })
    const cooldowns: Array<number> = []
    for (let ticket = 0, now = 0; ticket < 8; ticket++) {
      state = HostBreaker.settle(settings, state, ticket, "failed", now)
      if (state._tag !== "Open") throw new Error(state._tag)
      cooldowns.push(state.cooldownMillis)
      now = state.untilMillis
      state = HostBreaker.enter(state, ticket + 1, now)
    }
    expect(cooldowns).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  })
})

const make = () => {
  const told: Array<boolean> = []
  const options = { baseUrl: "http://127.0.0.1:1", breakerThreshold: 1 }
  const config = Either.getOrThrow(HostConfig.make("archive", options))
  return { told, breaker: new HostBreaker.Breaker(config, (isOpen) => told.push(isOpen)) }
}

describe("a breaker", () => {
  const refused = HostError.about({ host: "archive", method: "GET", path: "/" })({
    reason: "ConnectionRefused",
    expected: "a connection",
    found: "ECONNREFUSED",
    advice: "Start the host",
    attempts: 1,
  })
  it.effect("is waited for until it may be tried, a probe has ended, or it closes", () =>
    Effect.gen(function* () {
      const { breaker, told } = make()
      breaker.ended(breaker.enter(0), Option.some(refused), 0)
      const first = yield* Effect.fork(breaker.wait(0, 60_000))
      yield* turn
      yield* TestClock.adjust("999 millis")
      yield* turn
      expect(first.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(first)
      const probe = breaker.enter(1000)
      expect(probe).not.toBe(HostBreaker.plain)
      const others = yield* Effect.replicateEffect(Effect.fork(breaker.wait(1000, 60_000)), 3)
      yield* turn
      yield* TestClock.adjust("10 seconds")
      yield* turn
      expect(others.map((fiber) => fiber.unsafePoll())).toEqual([null, null, null])
      breaker.ended(probe, Option.some(refused), 11_000)
      yield* Fiber.joinAll(others)
      const last = yield* Effect.fork(breaker.wait(11_000, 60_000))
      yield* turn
      breaker.answered()
      yield* Fiber.join(last)
      yield* breaker.wait(11_000, 60_000)
      expect(told).toEqual([true, false])
    }),
  )

  it("takes a call without any answer by its deadline for a failure, and one with its head for none", () => {
    const late = new HostError.HostError({ ...refused, reason: "DeadlineExceeded" })
    for (const isHeard of [true, false]) {
      const { breaker } = make()
      breaker.ended(breaker.enter(0), Option.some(late), 0, isHeard)
      expect(breaker.isClosed).toBe(isHeard)
    }
  })

  it("refuses with the last failure and the time of the next try", () => {
    const { breaker } = make()
    breaker.ended(breaker.enter(0), Option.some(refused), 0)
    expect(breaker.refusal(400)).toMatchObject({
      reason: "Unavailable",
      found: "the circuit open since a failure, the last: expected a connection, found ECONNREFUSED",
      nextTryMillis: 1000,
      retryAfterMillis: 600,
    })
    expect(breaker.refusal(400).advice).toContain("1970-01-01T00:00:01.000Z")
  })
})
