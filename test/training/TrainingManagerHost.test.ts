/** What a manager tells a trainer that is elsewhere, and what it takes from it. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Stream from "effect/Stream"
import * as ModelStore from "../../src/training/ModelStore.js"
import * as Trainer from "../../src/training/Trainer.js"
import { TrainingManager } from "../../src/training/TrainingManager.js"
import * as ScriptedTrainer from "../utils/ScriptedTrainer.js"
import * as Strategies from "../utils/Strategies.js"
import * as Trainings from "../utils/Trainings.js"

const both = { kind: "host", url: "http://a:1,http://b:2" } as const
const second = { kind: "host", url: "http://b:2" } as const

/** A trainer at one of two hosts, and the jobs that it was given. */
const elsewhere = (where?: typeof second) => {
  const jobs: Array<Trainer.Job> = []
  const trainer: Trainer.Service = {
    where: both,
    train: (job) => {
      jobs.push(job)
      const events = ScriptedTrainer.make().train(job)
      return where === undefined
        ? events
        : Stream.map(events, (event) =>
            event._tag === "Finished"
              ? Trainer.Event.Finished({ trained: { ...event.trained, where } })
              : event,
          )
    },
  }
  return { jobs, trainer }
}

const train = (operationId: string, resumedFrom?: string, earlier?: ReadonlyArray<string>) =>
  Effect.flatMap(TrainingManager, (manager) =>
    manager.train(
      { strategy: Trainings.strategy(), allowGaps: false },
      { operationId, resumedFrom, earlier },
    ),
  )

describe("TrainingManager with a trainer that is elsewhere", () => {
  it.effect("names the operations that it goes on from, and the bars, for the host may have more", () => {
    const { jobs, trainer } = elsewhere()
    return Effect.gen(function* () {
      yield* Trainings.ready
      yield* train("op_1")
      const report = yield* train("op_4", "op_3", ["op_2", "op_1"])
      expect(jobs.map(({ earlier, operation }) => [operation, earlier])).toEqual([
        ["op_1", []],
        ["op_4", ["op_3", "op_2", "op_1"]],
      ])
      const end = Strategies.monday + (Trainings.count - 1) * Strategies.hour + 1
      expect(jobs[0]?.range).toEqual({ start: Strategies.monday, end })
      expect(report.warnings).toEqual([
        "op_3 left no checkpoint here: unless its host has one, the training begins anew",
      ])
    }).pipe(Effect.provide(Trainings.layer({ trainer })), Logger.withMinimumLogLevel(LogLevel.None))
  })

  it.effect("writes down where it was trained: where the trainer says, or says afterwards", () =>
    Effect.gen(function* () {
      for (const [where, expected] of [
        [undefined, both],
        [second, second],
      ] as const) {
        const found = yield* Effect.gen(function* () {
          yield* Trainings.ready
          const { trainer } = yield* train("op_1")
          const models = yield* ModelStore.ModelStore
          const { receipt } = yield* models.read((yield* models.ids)[0]!)
          return [trainer, receipt.trainer]
        }).pipe(Effect.provide(Trainings.layer({ trainer: elsewhere(where).trainer })))
        expect(found).toEqual([expected, expected])
      }
    }),
  )
})
