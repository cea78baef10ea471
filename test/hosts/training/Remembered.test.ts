/** What a training host remembers of sessions, and for how long. */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as EarlyStops from "../../../src/hosts/training/EarlyStops.js"
import * as LiveSessions from "../../../src/hosts/training/LiveSessions.js"

it.effect("sessions that run, however many there were since, and the newest 30 that are over", () =>
  Effect.gen(function* () {
    const sessions = yield* LiveSessions.LiveSessions
    const running = yield* sessions.begin("running")
    for (let index = 0; index < 40; index++) {
      const live = yield* sessions.begin(`over-${index}`)
      live.isOver = true
    }
    yield* sessions.begin("failed")
    yield* sessions.drop("failed")
    expect(sessions.get("running")).toBe(running)
    expect(sessions.get("failed")).toBe(undefined)
    expect([sessions.get("over-9"), sessions.get("over-10")?.isOver]).toEqual([undefined, true])
  }).pipe(Effect.provide(LiveSessions.layer)),
)

it("early stops for a minute, a thousand of them at most, by names only that a session can have", () => {
  const early = EarlyStops.make(60_000)
  early.add("../up", 0)
  early.add("a", 0)
  expect([early.has("../up", 1), early.has("a", 59_999), early.has("a", 60_000)]).toEqual([
    false,
    true,
    false,
  ])
  early.add("b", 1)
  early.add("a", 2)
  for (let index = 1; index < EarlyStops.most; index++) early.add(`more-${index}`, 3)
  expect([early.has("b", 3), early.has("a", 3)]).toEqual([false, true])
})
