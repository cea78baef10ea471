/**
 * What every trainer keeps to, wherever it trains. One call for each implementation, on the real clock: what it trains
 * on is elsewhere. It is to say and keep what it can as soon as it can.
 */
import { expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as Weights from "../../src/training/Network/Weights.js"
import { type Event, type Job, type Trained, Trainer } from "../../src/training/Trainer.js"
import * as TrainerJobs from "../utils/TrainerJobs.js"

/** Far more than is waited for. */
const endless = { rows: 3000, training: { epochs: 100_000 } }

const train = (job: Job) => Stream.unwrap(Effect.map(Trainer, (trainer) => trainer.train(job)))

const eventsOf = (job: Job) => Effect.map(Stream.runCollect(train(job)), (events) => [...events])

const lastOf = (events: ReadonlyArray<Event>): Trained => {
  const last = events.at(-1)
  if (last?._tag !== "Finished") throw new Error(`the last event is ${last?._tag}`)
  return last.trained
}

const trainedOf = (job: Job) => Effect.map(eventsOf(job), lastOf)

/** To the byte where bytes are, and all else alike. */
const expectSame = (found: Trained, expected: Trained): void => {
  expect(Weights.encode(found.weights)).toEqual(Weights.encode(expected.weights))
  expect(found).toEqual(expected)
}

/** Trains until some event is there that is waited for, and then interrupts it. */
const interrupted = (job: Job, isAwaited: (event: Event) => boolean) =>
  Effect.gen(function* () {
    const seen = yield* Deferred.make<void>()
    const fiber = yield* Effect.fork(
      Stream.runForEach(train(job), (event) =>
        isAwaited(event) ? Deferred.succeed(seen, undefined) : Effect.void,
      ),
    )
    yield* Effect.raceFirst(Deferred.await(seen), Fiber.await(fiber))
    return yield* Fiber.interrupt(fiber)
  })

const workOf = (event: Event): number => (event._tag === "Batch" ? event.work : 0)

/** What there is to tell apart: classes and values, with and without an early end, and how the rows are split. */
const shapes = [
  ["classes", {}],
  ["values", { labels: "values" }],
  [
    "an early end",
    { training: { epochs: 60, learning_rate: 0.2, early_stopping: { patience: 2, monitor: "val_loss" } } },
  ],
  ["no rows to test on", { borders: [0.7, 1] }],
] as const satisfies ReadonlyArray<readonly [string, TrainerJobs.Options]>

export const contract = (
  name: string,
  layer: Layer.Layer<Trainer>,
  /** How long a training is that is to be interrupted again and again, and how often at most. */
  { epochs = 100, rounds = 20 }: { readonly epochs?: number; readonly rounds?: number } = {},
): void => {
  for (const [shape, options] of shapes) {
    it.live(`${name}: comes to what the same steps come to here: ${shape}`, () =>
      Effect.gen(function* () {
        const recorded = TrainerJobs.make(options)
        const { job, kept, released } = recorded
        const before = { x: job.dataset.x.slice(), y: job.dataset.y.slice() }
        const events = yield* eventsOf(job)
        const trained = lastOf(events)
        expectSame(trained, TrainerJobs.expected(job))
        expect(events.flatMap((event) => (event._tag === "Epoch" ? [event.report] : []))).toEqual(
          trained.history,
        )
        expect(events.filter(({ _tag }) => _tag === "Finished").length).toBe(1)
        expect(released).toEqual([])
        expect(kept.at(-1)?.position.phase).toBe("ending")
        expect({ x: job.dataset.x, y: job.dataset.y }).toEqual(before)
        expectSame(yield* trainedOf(TrainerJobs.again(recorded).job), trained)
      }).pipe(Effect.provide(layer)),
    )
  }

  it.live(`${name}: says how far it is, which is never less than before`, () =>
    Effect.gen(function* () {
      const { job } = TrainerJobs.make({ rows: 3000, training: { epochs: 5 } })
      const batches = (yield* eventsOf(job)).flatMap((event) => (event._tag === "Batch" ? [event] : []))
      const perEpoch = Math.ceil(2100 / 32)
      expect(batches.length).toBeGreaterThan(0)
      let done = 0
      for (const { epoch, batch, batches: all, loss, rowsPerSecond, work, workTotal } of batches) {
        expect([all, workTotal]).toEqual([perEpoch, 5 * (perEpoch + 1)])
        expect(work).toBeGreaterThanOrEqual(done)
        expect([0, 1]).toContain(work - (epoch - 1) * (perEpoch + 1) - batch)
        expect(batch).toBeLessThanOrEqual(perEpoch)
        expect(loss).toBeGreaterThan(0)
        expect(rowsPerSecond).toBeGreaterThan(0)
        done = work
      }
      expect(done).toBe(5 * (perEpoch + 1))
    }).pipe(Effect.provide(layer)),
  )

  it.live(`${name}: comes to the same bytes, however often it is interrupted and goes on`, () =>
    Effect.gen(function* () {
      const whole = TrainerJobs.make({ rows: 1500, training: { epochs } })
      const steps = epochs * (Math.ceil(1050 / 32) + 1)
      let current = whole
      let interruptions = 0
      for (let round = 0; round < rounds; round++) {
        const share = (round + (yield* Random.next)) / rounds
        const exit = yield* interrupted(current.job, (event) => workOf(event) >= share * steps)
        if (Exit.isSuccess(exit)) continue
        interruptions++
        expect(Exit.isInterrupted(exit)).toBe(true)
        expect(current.released).toEqual([{ _tag: "Stopped" }])
        expect(current.journal.at(-1)).toBe("released")
        current = TrainerJobs.again(current)
      }
      expect(interruptions).toBeGreaterThan(rounds / 4)
      expectSame(yield* trainedOf(current.job), TrainerJobs.expected(whole.job))
    }).pipe(Effect.withRandom(Random.make("a contract")), Effect.provide(layer)),
  )

  it.live(
    `${name}: keeps what it has come to before its interruption is over, one snapshot after another`,
    () =>
      Effect.gen(function* () {
        const recorded = TrainerJobs.make(endless, undefined, Effect.sleep(20))
        let told = 0
        yield* interrupted(recorded.job, (event) => (told = Math.max(told, workOf(event))) >= 50)
        const { job, kept, journal, released } = recorded
        expect(released).toEqual([{ _tag: "Stopped" }])
        expect(journal).toEqual([...kept.flatMap(() => ["keep", "kept"]), "released"])
        const { state, position } = kept.at(-1)!
        const { epoch, phase, cursor } = TrainerJobs.inProcess(job, state).position()
        expect(position).toEqual({ epoch, phase, cursor })
        const batches = phase === "training" ? Math.ceil(cursor / 32) : Math.ceil(2100 / 32)
        expect((epoch - 1) * (Math.ceil(2100 / 32) + 1) + batches).toBeGreaterThanOrEqual(50)
      }).pipe(Effect.provide(layer)),
  )

  it.live(`${name}: ends where nobody listens any more, however that came`, () =>
    Effect.gen(function* () {
      const short = TrainerJobs.make(endless)
      yield* Stream.runDrain(Stream.take(train(short.job), 1))
      const broken = TrainerJobs.make(endless)
      const error = yield* Effect.flip(
        Stream.runForEach(train(broken.job), () => Effect.fail("enough" as const)),
      )
      expect(error).toBe("enough")
      for (const { kept, released } of [short, broken]) {
        expect(kept.length).toBeGreaterThan(0)
        expect(released).toEqual([{ _tag: "Stopped" }])
      }
    }).pipe(Effect.provide(layer)),
  )

  it.live(`${name}: may be interrupted at once`, () =>
    Effect.gen(function* () {
      for (const wait of [
        Effect.void,
        Effect.yieldNow(),
        Effect.sleep(0),
        Effect.sleep(5),
        Effect.sleep(40),
      ]) {
        const recorded = TrainerJobs.make(endless)
        const fiber = yield* Effect.fork(Stream.runDrain(train(recorded.job)))
        yield* wait
        expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
        expect([[], [{ _tag: "Stopped" }]]).toContainEqual(recorded.released)
      }
    }).pipe(Effect.provide(layer)),
  )

  it.live(
    `${name}: interrupted while it measures, or after it has finished, it is finished when it goes on`,
    () =>
      Effect.gen(function* () {
        const options = { rows: 200_000, borders: [0.001, 0.002], training: { epochs: 1 } } as const
        const recorded = TrainerJobs.make(options)
        const fiber = yield* Effect.fork(
          Stream.runForEach(train(recorded.job), () => Effect.zipRight(Effect.sleep(10), Effect.never)),
        )
        while (recorded.kept.at(-1)?.position.phase !== "ending") yield* Effect.sleep(1)
        yield* Fiber.interrupt(fiber)
        expect(recorded.released).toEqual([{ _tag: "Stopped" }])
        const again = TrainerJobs.again(recorded)
        const events = yield* eventsOf(again.job)
        expect(events.map(({ _tag }) => _tag)).toEqual(["Finished"])
        expectSame(lastOf(events), TrainerJobs.expected(recorded.job))
      }).pipe(Effect.provide(layer)),
  )

  it.live(`${name}: ends at a loss that is not finite as the steps here do, and keeps what led to it`, () =>
    Effect.gen(function* () {
      const recorded = TrainerJobs.make()
      const { job, kept, released } = recorded
      job.dataset.x[4 * 300] = Number.NaN
      const error = yield* Effect.flip(Stream.runDrain(train(job)))
      expect({ _tag: "NotFinite", error }).toEqual(TrainerJobs.ending(TrainerJobs.inProcess(job)))
      expect(error.message).toMatch(/^epoch 1 batch \d+: expected finite numbers, found a loss of NaN\./)
      expect(released).toEqual([])
      expect(kept.at(-1)!.position.phase).toBe("ending")
      expect(yield* Effect.flip(Stream.runDrain(train(TrainerJobs.again(recorded).job)))).toEqual(error)
    }).pipe(Effect.provide(layer)),
  )

  it.live(`${name}: refuses what cannot be trained, and says why`, () =>
    Effect.gen(function* () {
      const whole = TrainerJobs.make()
      yield* eventsOf(whole.job)
      const { state } = whole.kept.at(-1)!
      const place = "op_1.checkpoint"
      const wrong = [
        [
          TrainerJobs.make({ training: { learning_rate: Number.NaN } }),
          "InvalidInput",
          "training.learning_rate",
        ],
        [TrainerJobs.make({ training: { learning_rate: 0.02 } }, { state, place }), "OtherStrategy", place],
        [TrainerJobs.make({ rows: 500 }, { state, place }), "OtherStrategy", place],
        [TrainerJobs.make({}, { state: state.slice(0, -1), place }), "DamagedCheckpoint", place],
      ] as const
      for (const [{ job, kept, released }, reason, where] of wrong) {
        const error = yield* Effect.flip(Stream.runDrain(train(job)))
        expect(error).toMatchObject({ reason, place: where })
        expect([kept, released]).toEqual([[], []])
      }
    }).pipe(Effect.provide(layer)),
  )

  it.live(`${name}: trains several at once, each by itself`, () =>
    Effect.gen(function* () {
      const jobs = [1, 2, 3].map((seed) => TrainerJobs.make({ training: { seed } }).job)
      const trained = yield* Effect.forEach(jobs, trainedOf, { concurrency: "unbounded" })
      for (const [index, job] of jobs.entries()) expectSame(trained[index]!, TrainerJobs.expected(job))
    }).pipe(Effect.provide(layer)),
  )
}
