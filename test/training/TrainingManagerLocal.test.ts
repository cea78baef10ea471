import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Checkpoint from "../../src/training/Checkpoint.js"
import * as LocalTrainer from "../../src/training/Trainer/Local.js"
import type * as Trainer from "../../src/training/Trainer.js"
import { TrainingManager } from "../../src/training/TrainingManager.js"
import * as Command from "../utils/Command.js"
import * as Trainings from "../utils/Trainings.js"

const long = { strategy: Trainings.strategy([["epochs: 3", "epochs: 200"]]), allowGaps: false }

const train = (operationId: string, resumedFrom?: string) =>
  Effect.flatMap(TrainingManager, (manager) => manager.train(long, { operationId, resumedFrom }))

/** The thread's program as the command has it, which starts faster than the sources do. */
const program = new URL("../../dist/Worker.js", import.meta.url)

describe("the thread of the local trainer", () => {
  beforeAll(Command.prepare)

  it.live("comes to the same report as steps in the process, though it was interrupted", () => {
    const thread = LocalTrainer.make({ keepBatchesEvery: 0, keepEpochsEvery: 0, program })
    const kept = Deferred.unsafeMake<void>(FiberId.none)
    const trainer: Trainer.Service = {
      ...thread,
      train: (job) =>
        thread.train({
          ...job,
          keep: (snapshot) => Effect.zipRight(job.keep(snapshot), Deferred.succeed(kept, undefined)),
        }),
    }
    const straight = Effect.zipRight(Trainings.load(), train("op_0"))
    const resumed = Effect.gen(function* () {
      yield* Trainings.load()
      const fiber = yield* Effect.fork(train("op_1"))
      yield* Effect.raceFirst(Deferred.await(kept), Fiber.join(fiber))
      yield* Fiber.interrupt(fiber)
      const head = yield* (yield* Checkpoint.Checkpoints).find("op_1")
      expect(Option.getOrThrow(head).position.epoch).toBeLessThan(200)
      return yield* train("op_2", "op_1")
    })
    return Effect.gen(function* () {
      const report = yield* Effect.provide(resumed, Trainings.layer({ trainer }))
      expect(report.interruptions).toBe(1)
      expect(Trainings.essence(report)).toEqual(
        Trainings.essence(yield* Effect.provide(straight, Trainings.layer())),
      )
    })
  })
})
