/** What two ask of a training host at once, of whom only one can have his way. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { PCGRandom } from "effect/Utils"
import * as TrainerJobs from "../../utils/TrainerJobs.js"
import * as Hosts from "./TrainingHosts.js"

/** The first is stopped at once, the last when it has ended, the others about when they end. */
const races = 15

describe("a training host that is asked two things at once", () => {
  it.scopedLive(
    "says of a session that is stopped as it ends the same to all, for good",
    () =>
      Effect.gen(function* () {
        const base = yield* Hosts.serve({ maxSessions: 4, trainer: Hosts.calm })
        const { job } = TrainerJobs.make({ rows: 300, training: { epochs: 20 } })
        const began = performance.now()
        yield* Hosts.start(base, job, { session_id: "measure" })
        yield* Hosts.until(base, "measure", Hosts.isOver)
        const took = performance.now() - began
        const random = new PCGRandom(1)
        const one = (index: number) =>
          Effect.gen(function* () {
            const session_id = `race-${index}`
            yield* Hosts.start(base, job, { session_id })
            const isLast = index === races - 1
            yield* isLast
              ? Hosts.until(base, session_id, Hosts.isOver)
              : Effect.sleep(index === 0 ? 0 : (0.3 + 2 * random.number()) * took)
            const stopped = yield* Hosts.ask(base, "POST", "/training/stop", { body: { session_id } })
            const { body } = yield* Hosts.until(base, session_id, Hosts.isOver)
            const result = yield* Hosts.ask(base, "GET", `/training/result/${session_id}`)
            const again = yield* Hosts.ask(base, "POST", "/training/stop", { body: { session_id } })
            expect(stopped.status === 200 ? "stopped" : "completed").toBe(body.status)
            expect([result.status, again.status]).toEqual([body.status === "stopped" ? 409 : 200, 409])
            expect((yield* Hosts.ask(base, "GET", `/training/status/${session_id}`)).body.status).toBe(
              body.status,
            )
            return body.status as string
          })
        const ends = yield* Effect.forEach(Array.from({ length: races }), (_, index) => one(index), {
          concurrency: 3,
        })
        expect(new Set(ends)).toEqual(new Set(["stopped", "completed"]))
      }),
    60_000,
  )

  it.scopedLive(
    "starts a session under a name that is forgotten meanwhile, or says that it is taken",
    () =>
      Effect.gen(function* () {
        const base = yield* Hosts.serve({ maxSessions: 2, trainer: Hosts.calm })
        const { job } = TrainerJobs.make({ rows: 60, training: { epochs: 1 } })
        const random = new PCGRandom(2)
        for (let round = 0; round < 6; round++) {
          const session_id = "name"
          expect((yield* Hosts.start(base, job, { session_id })).status).toBe(200)
          yield* Hosts.until(base, session_id, Hosts.isOver)
          const [removed, started] = yield* Effect.all(
            [
              Effect.delay(
                Hosts.ask(base, "DELETE", `/training/sessions/${session_id}`),
                random.number() * 4,
              ),
              Effect.delay(Hosts.start(base, job, { session_id }), random.number() * 4),
            ],
            { concurrency: 2 },
          )
          expect(removed.status).toBe(200)
          expect([200, 409]).toContain(started.status)
          const status = yield* Hosts.ask(base, "GET", `/training/status/${session_id}`)
          expect([started.status, status.status]).toEqual([
            started.status,
            started.status === 200 ? 200 : 404,
          ])
          if (started.status === 200) {
            yield* Hosts.until(base, session_id, Hosts.isOver)
            yield* Hosts.ask(base, "DELETE", `/training/sessions/${session_id}`)
          }
        }
      }),
    60_000,
  )
})
