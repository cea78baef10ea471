import { readdirSync } from "node:fs"
import { readdir } from "node:fs/promises"
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Local from "../../../src/training/Trainer/Local.js"
import { contract } from "../../contract/Trainer.js"
import * as Command from "../../utils/Command.js"
import * as TrainerJobs from "../../utils/TrainerJobs.js"

/** The thread's program as the command has it, which starts faster than the sources do. */
const bundled = new URL("../../../dist/Worker.js", import.meta.url)

const eager: Local.Options = { reportEvery: 0, keepEpochsEvery: 0, keepBatchesEvery: 10, program: bundled }
const endless = { rows: 3000, training: { epochs: 100_000 } }

/** Another program for a thread. */
const program = (text: string): URL => {
  const head = `import { parentPort, workerData } from "node:worker_threads"; const { signal } = workerData; `
  return new URL(`data:text/javascript,${encodeURIComponent(head + text)}`)
}

const begin = "Atomics.store(signal, 0, 1); "
const report = (epoch: number): string =>
  `parentPort.postMessage({ _tag: "Report", epochs: [], batch: { epoch: ${epoch}, batch: 4 } }); `
const keep = `parentPort.postMessage({ _tag: "Kept", snapshot: { state: new Uint8Array(1), position: {} } }); `

/** Trains by such a program until its first event, and is then interrupted. */
const interrupted = (text: string, options: Local.Options = {}) =>
  Effect.gen(function* () {
    const recorded = TrainerJobs.make()
    const seen = yield* Deferred.make<void>()
    const events = Local.make({ ...options, program: program(text) }).train(recorded.job)
    const fiber = yield* Effect.fork(Stream.runForEach(events, () => Deferred.succeed(seen, undefined)))
    yield* Deferred.await(seen)
    return { ...recorded, ending: yield* Effect.fork(Fiber.interrupt(fiber)) }
  })

const threads = (): number => readdirSync("/proc/self/task").length

describe("the local trainer", () => {
  let before = 0

  beforeAll(async () => {
    Command.prepare()
    await readdir(".")
    before = threads()
  })
  afterAll(() => expect(threads()).toBeLessThanOrEqual(before))

  contract("in a thread", Local.layer(eager))

  it.live("trains from the sources as well, and pauses between two reports and two snapshots", () =>
    Effect.gen(function* () {
      const { job, kept } = TrainerJobs.make({ training: { epochs: 12 } })
      const options = {
        reportEvery: "1 hour",
        keepEpochsEvery: "1 hour",
        keepBatchesEvery: "1 hour",
      } as const
      const events = [...(yield* Stream.runCollect(Local.make(options).train(job)))]
      const names = [...Array.from({ length: 12 }, () => "Epoch"), "Batch", "Finished"]
      expect(events.map(({ _tag }) => _tag)).toEqual(names)
      expect(events.at(-1)).toEqual({ _tag: "Finished", trained: TrainerJobs.expected(job) })
      expect(kept.length).toBe(1)
    }),
  )

  it.live("keeps the newest snapshot where one takes long, and loses none that is the last", () =>
    Effect.gen(function* () {
      const { job, kept } = TrainerJobs.make({ training: { epochs: 30 } }, undefined, Effect.sleep(30))
      yield* Stream.runDrain(Local.make(eager).train(job))
      expect(kept.length).toBeGreaterThan(1)
      expect(kept.length).toBeLessThan(30)
      expect(kept.at(-1)?.position).toMatchObject({ epoch: 30, phase: "ending" })
    }),
  )

  it.live("ends soon after it is interrupted, thread and all", () =>
    Effect.gen(function* () {
      const seen = yield* Deferred.make<void>()
      const { job } = TrainerJobs.make(endless)
      const events = Local.make(eager).train(job)
      const fiber = yield* Effect.fork(Stream.runForEach(events, () => Deferred.succeed(seen, undefined)))
      yield* Deferred.await(seen)
      const running = threads()
      const [elapsed] = yield* Effect.timed(Fiber.interrupt(fiber))
      expect(threads()).toBeLessThan(running)
      expect(Duration.toMillis(elapsed)).toBeLessThan(250)
    }),
  )

  it.effect("ends a thread by force that does not end by itself, after two seconds and not before", () =>
    Effect.gen(function* () {
      const { ending, kept, released, journal } = yield* interrupted(
        `${begin}${keep}${report(1)} for (;;) {}`,
      )
      yield* TestClock.adjust(1999)
      expect(yield* ending.status).toMatchObject({ _tag: "Suspended" })
      expect(released).toEqual([])
      yield* TestClock.adjust(1)
      expect(Exit.isInterrupted(yield* Fiber.join(ending))).toBe(true)
      expect(released).toEqual([{ _tag: "Terminated", afterMillis: 2000 }])
      expect(kept.length).toBe(1)
      expect(journal).toEqual(["keep", "kept", "released"])
    }),
  )

  it.effect("gives a thread as long to end as it is told to", () =>
    Effect.gen(function* () {
      const { ending, released } = yield* interrupted(`${begin}${report(1)} for (;;) {}`, { stopWithin: 50 })
      yield* TestClock.adjust(49)
      expect(released).toEqual([])
      yield* TestClock.adjust(1)
      yield* Fiber.join(ending)
      expect(released).toEqual([{ _tag: "Terminated", afterMillis: 50 }])
    }),
  )

  it.effect("does not wait for a thread that has not begun, which has nothing to keep", () =>
    Effect.gen(function* () {
      const { ending, kept, released } = yield* interrupted(`${report(1)} for (;;) {}`)
      yield* Fiber.join(ending)
      expect(released).toEqual([{ _tag: "Stopped" }])
      expect(kept).toEqual([])
    }),
  )

  it.live("keeps what a thread had come to that ended before anybody heard of it", () =>
    Effect.gen(function* () {
      const before = threads()
      const recorded = TrainerJobs.make()
      const held = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(
        Stream.runForEach(Local.make(eager).train(recorded.job), () =>
          Effect.zipRight(Deferred.succeed(held, undefined), Effect.never),
        ),
      )
      yield* Deferred.await(held)
      while (threads() > before) yield* Effect.sleep(2)
      yield* Effect.sleep(5)
      yield* Fiber.interrupt(fiber)
      expect(recorded.released).toEqual([{ _tag: "Stopped" }])
      const again = TrainerJobs.again(recorded)
      const events = [...(yield* Stream.runCollect(Local.make(eager).train(again.job)))]
      expect(events).toEqual([{ _tag: "Finished", trained: TrainerJobs.expected(recorded.job) }])
    }),
  )

  it.effect("does not say that a thread has stopped which broke meanwhile", () =>
    Effect.gen(function* () {
      const text = `${begin}${report(1)} while (Atomics.load(signal, 0) !== 2); throw new Error("broken")`
      const { ending, released } = yield* interrupted(text)
      yield* Fiber.join(ending)
      expect(released).toEqual([{ _tag: "NotKept" }])
    }),
  )

  it.live.each([
    [`throw new TypeError("no such thing")`, "before its first batch", "no such thing"],
    [`${report(3)} process.exit(7)`, "epoch 3 batch 4", "it ended with code 7"],
    ["", "before its first batch", "it ended with code 0"],
    [`Promise.reject(new Error("later"))`, "before its first batch", "later"],
    [
      `throw Object.assign(new Error("heap"), { code: "ERR_WORKER_OUT_OF_MEMORY" })`,
      "before its first batch",
      "too little memory",
    ],
  ])("says what became of a thread that died: %s", ([text, place, found]) =>
    Effect.gen(function* () {
      const { job, kept, released } = TrainerJobs.make()
      const trainer = Local.make({ program: program(`${keep}${text}`) })
      const error = yield* Effect.flip(Stream.runDrain(trainer.train(job)))
      expect(error).toMatchObject({ reason: "TrainerFailed", place: `training thread, ${place}`, found })
      expect(error.message).not.toMatch(/\bat \S+:\d+/)
      expect(kept.length).toBe(1)
      expect(released).toEqual([])
    }),
  )

  it.live.each(["file:///no/such/program.js", "https://example.test/program.js"])(
    "says so where there is no program to start: %s",
    (url) =>
      Effect.gen(function* () {
        const { job } = TrainerJobs.make()
        const error = yield* Effect.flip(Stream.runDrain(Local.make({ program: new URL(url) }).train(job)))
        expect(error).toMatchObject({ reason: "TrainerFailed" })
      }),
  )
})
