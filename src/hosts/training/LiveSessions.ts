/**
 * How far the sessions of this process are, to the batch: what their trainer says and what was kept of them, taken down
 * where it passes.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { Checkpoints } from "../../training/Checkpoint.js"
import type { Position } from "../../training/Receipt.js"
import * as Trainer from "../../training/Trainer.js"
import type { EpochReport } from "../../training/TrainingRun.js"
import type * as TrainingHostApi from "./TrainingHostApi.js"
import { TrainingSession } from "./TrainingSession.js"

/** How many of the newest batches are remembered. */
export const mostBatches = 100

/** What is known of a session beside its record. */
export interface Facts {
  /** Of this run, in order. */
  readonly epochs: ReadonlyArray<EpochReport>
  /** The newest of them last. */
  readonly batches: ReadonlyArray<typeof TrainingHostApi.Batch.Type>
  /** The newest checkpoint that is on the disk. */
  readonly checkpoint: { readonly serial: number; readonly position: Position } | undefined
}

/** A session of this process, from before it runs until long after it has ended. */
export class Live implements Facts {
  readonly epochs: Array<EpochReport> = []
  readonly batches: Array<typeof TrainingHostApi.Batch.Type> = []
  checkpoint: Facts["checkpoint"]
  /** Grows with each change. */
  version = 0
  /** When it changed last, epoch milliseconds. */
  updated: number
  isOver = false
  #changed = Deferred.unsafeMake<void>(FiberId.none)

  constructor(begun: number) {
    this.updated = begun
  }

  /** Takes a change down, and tells of it. */
  readonly change = (take: (now: number) => void = () => {}): Effect.Effect<void> =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      take(now)
      this.version += 1
      this.updated = now
      const changed = this.#changed
      this.#changed = Deferred.unsafeMake<void>(FiberId.none)
      Deferred.unsafeDone(changed, Effect.void)
    })

  /** Returns once there is something after `version`. */
  readonly after = (version: number): Effect.Effect<void> =>
    Effect.suspend(() => (this.version > version ? Effect.void : Deferred.await(this.#changed)))
}

export interface Service {
  /** Takes down what becomes of an operation. Of those that are over only the newest are remembered. */
  readonly begin: (operation: string) => Effect.Effect<Live>
  /** Nothing becomes of it: it was not started. */
  readonly drop: (operation: string) => Effect.Effect<void>
  readonly get: (operation: string) => Live | undefined
}

export class LiveSessions extends Context.Tag("ktrdr/hosts/training/LiveSessions")<LiveSessions, Service>() {}

export const layer: Layer.Layer<LiveSessions> = Layer.sync(LiveSessions, () => {
  const all = new Map<string, Live>()
  return {
    begin: (operation) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const live = new Live(now)
        all.set(operation, live)
        const over = [...all].filter(([, { isOver }]) => isOver)
        for (const [oldest] of over.slice(0, -mostRemembered)) all.delete(oldest)
        return live
      }),
    drop: (operation) => Effect.sync(() => void all.delete(operation)),
    get: (operation) => all.get(operation),
  }
})

/** The trainer, and what it says of sessions taken down. */
export const layerTrainer: Layer.Layer<Trainer.Trainer, never, Trainer.Trainer | LiveSessions> = Layer.effect(
  Trainer.Trainer,
  Effect.gen(function* () {
    const sessions = yield* LiveSessions
    const { train, where } = yield* Trainer.Trainer
    return {
      where,
      train: (job) => {
        const live = sessions.get(job.operation)
        return live === undefined ? train(job) : Stream.tap(train(job), (event) => take(live, event))
      },
    }
  }),
)

/** The checkpoints, and those of sessions taken down once they are on the disk. */
export const layerCheckpoints: Layer.Layer<Checkpoints, never, Checkpoints | LiveSessions> = Layer.effect(
  Checkpoints,
  Effect.gen(function* () {
    const sessions = yield* LiveSessions
    const checkpoints = yield* Checkpoints
    return {
      ...checkpoints,
      write: (checkpoint) =>
        Effect.gen(function* () {
          const begun = yield* Clock.currentTimeMillis
          const place = yield* checkpoints.write(checkpoint)
          const live = sessions.get(checkpoint.operation)
          if (live === undefined) return place
          const { epoch, phase, cursor } = checkpoint.position
          yield* live.change(() => {
            const serial = Math.max(begun, (live.checkpoint?.serial ?? 0) + 1)
            live.checkpoint = { serial, position: { epoch, phase, cursor } }
          })
          return place
        }),
      remove: (operation) =>
        Effect.tap(checkpoints.remove(operation), () => {
          const live = sessions.get(operation)
          return live === undefined
            ? Effect.void
            : live.change(() => {
                live.checkpoint = undefined
              })
        }),
    }
  }),
)

// ---------------------------------------------------------------------------------------------------------

/** As many as one may still ask about in all detail. */
const mostRemembered = 30

const take = (live: Live, event: Trainer.Event): Effect.Effect<void> => {
  switch (event._tag) {
    case "Batch": {
      const { _tag: _, ...batch } = event
      const taken = live.change(() => {
        live.batches.push(batch)
        if (live.batches.length > mostBatches) live.batches.shift()
      })
      const facts = { work: batch.work, work_total: batch.workTotal }
      return Effect.zipRight(taken, TrainingSession.annotate(facts))
    }
    case "Epoch":
      return live.change(() => void live.epochs.push(event.report))
    case "Finished":
      return Effect.void
  }
}
