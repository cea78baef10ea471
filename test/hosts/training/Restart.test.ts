/** What is left of a host that was killed. */
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Handed from "../../../src/training/Dataset/Handed.js"
import * as Weights from "../../../src/training/Network/Weights.js"
import * as Command from "../../utils/Command.js"
import * as TrainerJobs from "../../utils/TrainerJobs.js"
import * as Hosts from "./TrainingHosts.js"

describe("a training host that was killed", () => {
  let command: ReturnType<typeof Command.home>

  beforeAll(() => {
    Command.prepare()
    command = Command.home()
  })
  afterAll(() => command.dispose())

  it.scopedLive("knows its sessions again, and goes on from their checkpoints to the same bytes", () =>
    Effect.gen(function* () {
      const running = command.start(["host", "training", "--port", "0"])
      const [url] = yield* Effect.promise(() => running.shown(/http:\S+/))
      const { job } = TrainerJobs.make({ rows: 1500, training: { epochs: 1500 } })
      const quick = TrainerJobs.make({ training: { epochs: 2 } })
      yield* Hosts.start(url, quick.job, { session_id: "quick" }, { "idempotency-key": "k-0" })
      yield* Hosts.until(url, "quick", Hosts.isOver)
      yield* Hosts.start(url, job, { session_id: "first" }, { "idempotency-key": "k-1" })
      const { body: before } = yield* Hosts.until(url, "first", ({ ktrdr }) => ktrdr.checkpoint !== null)
      running.child.kill("SIGKILL")
      yield* Effect.promise(() => running.ended)

      const base = yield* Hosts.serve({ directory: command.path, trainer: Hosts.calm })
      const { body } = yield* Hosts.ask(base, "GET", "/training/sessions")
      expect(body.sessions.map((one: any) => [one.session_id, one.status])).toEqual([
        ["quick", "completed"],
        ["first", "failed"],
      ])
      const { body: lost } = yield* Hosts.ask(base, "GET", "/training/status/first?epochs_from=0")
      expect(lost.error).toMatch(/^process \d+ on .*, which ran it, /)
      expect(lost.ktrdr.error).toBe(null)
      expect(lost.ktrdr.checkpoint.serial).toBeGreaterThanOrEqual(before.ktrdr.checkpoint.serial)
      expect(lost.ktrdr.epochs.length).toBeGreaterThanOrEqual(lost.ktrdr.checkpoint.position.epoch - 1)
      const { body: result } = yield* Hosts.ask(base, "GET", "/training/result/quick")
      expect(result.trained.history).toEqual(TrainerJobs.expected(quick.job).history)
      expect((yield* Hosts.ask(base, "GET", "/training/checkpoint/first")).status).toBe(200)

      const dataset = yield* Hosts.handOver(base, yield* Handed.encode(quick.job.dataset))
      const again = { body: Hosts.startOf(quick.job, dataset, { session_id: "quick" }) }
      const repeated = yield* Hosts.ask(base, "POST", "/training/start", {
        ...again,
        headers: { "idempotency-key": "k-0" },
      })
      expect([repeated.status, repeated.body.session_id]).toEqual([200, "quick"])

      const resume = { sessions: ["first"], state: null }
      yield* Hosts.start(base, job, { session_id: "second", resume })
      const { body: last } = yield* Hosts.until(base, "second", Hosts.isOver)
      expect([last.status, last.error]).toEqual(["completed", null])
      expect(last.ktrdr.epochs_total).toBeLessThan(1500)
      const { bytes } = yield* Hosts.ask(base, "GET", "/training/result/second/weights")
      expect(Either.getOrThrow(Weights.decode(bytes, "second"))).toEqual(TrainerJobs.expected(job).weights)
    }),
  )
})
