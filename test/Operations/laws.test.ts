/**
 * The laws of operations, over random interleavings of all that may happen to them: in processes that share a
 * store, some of which are suspended, killed or closed, or find the store in a bad mood.
 */
import { beforeEach, describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { makeMemory } from "../../src/internal/operationMemory.js"
import type { OperationError } from "../../src/OperationError.js"
import { isTerminal, type OperationRecord, type Status } from "../../src/OperationRecord.js"
import * as Operations from "../../src/Operations.js"
import {
  Crowd,
  group,
  handlersOf,
  Job,
  type JobError,
  limit,
  type Payload,
  Solo,
} from "../utils/OperationJobs.js"
import { OperationProcess } from "../utils/OperationProcess.js"
import { type Mood, moody, Witness } from "../utils/OperationWitness.js"
import { VirtualTime } from "../utils/VirtualTime.js"

// ---------------------------------------------------------------------------------------------------------
// what may happen
// ---------------------------------------------------------------------------------------------------------

const somePayload = fc.record<Payload>({
  works: fc.constantFrom(0, 0, 1, 100, 130, 300),
  sealed: fc.constantFrom(0, 0, 0, 20, 300),
  ends: fc.constantFrom("value", "value", "error", "defect", "interrupt", "never"),
  releases: fc.constantFrom(0, 0, 0, 1, 90, 300),
  key: fc.constantFrom("a", "b"),
  hasPart: fc.boolean(),
})

const who = fc.nat({ max: 1 })
const which = fc.nat({ max: 7 })
const reason = fc.constantFrom("first", "second", "third")

const someAction = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant("start" as const),
      who,
      payload: somePayload,
      solo: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ does: fc.constant("cancel" as const), who, which, reason }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("request" as const), which, reason }) },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constantFrom("resume" as const, "retry" as const), who, which }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("watch" as const), who, which }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("abandon" as const), who, payload: somePayload }) },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant("run" as const),
      who,
      payload: somePayload,
      patience: fc.constantFrom(0, 1, 200),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant("suspend" as const),
      who,
      millis: fc.constantFrom(50, 1000, 14_990, 20_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant("mood" as const),
      who,
      mood: fc.constantFrom<Mood>("refuses", "lies"),
      millis: fc.constantFrom(1, 200, 1500),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constantFrom("kill" as const, "close" as const), who }) },
)
type Action = typeof someAction extends fc.Arbitrary<infer A> ? A : never

const someCourse = fc.record({
  actions: fc.array(
    fc.record({ after: fc.constantFrom(0, 0, 0, 0, 1, 99, 100, 101, 400), action: someAction }),
    {
      minLength: 2,
      maxLength: 7,
    },
  ),
  every: fc.constantFrom(17, 60, 2048, 2048),
  /** Whether it is tried in the end if all turns were given back. */
  isProbed: fc.constantFrom(true, false, false, false, false),
})
type Course = typeof someCourse extends fc.Arbitrary<infer A> ? A : never

// ---------------------------------------------------------------------------------------------------------
// what became of it
// ---------------------------------------------------------------------------------------------------------

interface Started {
  readonly process: OperationProcess
  readonly id: string
  exit: Exit.Exit<unknown, unknown> | undefined
}

interface Watched {
  readonly process: OperationProcess
  readonly id: string
  readonly changes: Array<Operations.Change>
  exit: Exit.Exit<void, OperationError> | undefined
}

const rank: Readonly<Record<Status, number>> = {
  pending: 0,
  running: 1,
  cancelling: 2,
  completed: 3,
  failed: 3,
  cancelled: 3,
}

const isGrowing = (values: ReadonlyArray<number>): boolean =>
  values.every((value, index) => index === 0 || value >= values[index - 1]!)

/**
 * What a record may say of an exit: of one that was interrupted and died, either; of a failure in a process that was
 * so shaken that it may not have been able to record it, that its owner was lost.
 */
const toldBy = (
  exit: Exit.Exit<unknown, unknown>,
  { failure, status }: OperationRecord,
  isShaken: boolean,
): Partial<OperationRecord> => {
  if (Exit.isSuccess(exit)) return { status: "completed", result: exit.value, failure: null }
  const error = Cause.failureOption(exit.cause)
  if (Option.isSome(error)) {
    const { _tag: tag, reason, message } = error.value as JobError | OperationError
    return isShaken && failure?.reason === "OwnerLost"
      ? { status: "failed", failure: expect.objectContaining({ tag: "OperationError" }), result: null }
      : { status: "failed", failure: { tag, reason, message }, result: null }
  }
  const isDead = !Chunk.isEmpty(Cause.defects(exit.cause))
  return Cause.isInterrupted(exit.cause) && !(isDead && status === "failed")
    ? { status: "cancelled", cancellation: expect.anything(), failure: null, result: null }
    : {
        status: "failed",
        failure: { tag: "TypeError", reason: null, message: "no such thing" },
        result: null,
      }
}

const play = ({ actions, every, isProbed }: Course): void => {
  const time = new VirtualTime()
  time.shift = Date.UTC(2026, 0, 5)
  const started: Array<Started> = []
  const watched: Array<Watched> = []
  const moods: Array<Mood> = ["well", "well"]
  const crowds = [new Crowd(), new Crowd()]
  /** A registry that ends while its store takes nothing cannot have recorded how its operations ended. */
  let spoilt = false
  /** Processes that something befell which can cost them their lease, or what they tell the store. */
  const shaken = new Set<OperationProcess>()

  const pick = (which: number): string | undefined =>
    started.length === 0 ? undefined : started[which % started.length]!.id

  /** Remembers what was started, and how it ends. */
  const follow = (process: OperationProcess) => (running: Operations.Running<unknown, unknown>) =>
    Effect.suspend(() => {
      const one: Started = { process, id: running.id, exit: undefined }
      started.push(one)
      return Effect.map(running.exit, (exit) => {
        one.exit = exit
      })
    })

  const course = Effect.gen(function* () {
    const witness = new Witness(yield* makeMemory, time)
    const make = (index: number) =>
      OperationProcess.make(group, handlersOf(crowds[index]!), {
        store: moody(
          {
            ...witness.service,
            insert: (record) => {
              inserted[index]!.push(record.id)
              return witness.service.insert(record)
            },
          },
          () => moods[index]!,
        ),
        options: { limits: { job: limit }, closingReason: "closed" },
        every,
      })
    const inserted: ReadonlyArray<Array<string>> = [[], []]
    const processes = [yield* make(0), yield* make(1)]
    const act = (action: Action) =>
      Effect.gen(function* () {
        const process = "who" in action ? processes[action.who]! : processes[0]!
        const id = "which" in action ? pick(action.which) : undefined
        if (/^(suspend|mood|kill|close)$/.test(action.does)) shaken.add(process)
        switch (action.does) {
          case "start":
            return yield* process.fork(
              Effect.flatMap(
                process.operations.start(action.solo ? Solo : Job, action.payload),
                follow(process),
              ),
            )
          case "abandon": {
            const fiber = yield* process.fork(process.operations.start(Job, action.payload))
            return yield* process.fork(fiber.interruptAsFork(fiber.id()))
          }
          case "run": {
            const run = Operations.run(Job, action.payload, { reason: "no patience" })
            return yield* process.fork(Effect.timeout(run, action.patience))
          }
          case "cancel":
            if (id === undefined) return
            return yield* process.fork(process.operations.cancel(id, { reason: action.reason }))
          case "request": {
            if (id === undefined) return
            const cancellation = { reason: action.reason, requested: 0, by: "another" }
            return yield* Effect.orDie(witness.service.requestCancel(id, cancellation))
          }
          case "resume":
          case "retry":
            if (id === undefined) return
            return yield* process.fork(Effect.flatMap(process.operations[action.does](id), follow(process)))
          case "watch": {
            if (id === undefined) return
            const one: Watched = { process, id, changes: [], exit: undefined }
            watched.push(one)
            const stream = process.operations.changes(id)
            const watching = Stream.runForEach(stream, (change) =>
              Effect.sync(() => void one.changes.push(change)),
            )
            return yield* process.fork(
              Effect.map(Effect.exit(watching), (exit) => {
                one.exit = exit
              }),
            )
          }
          case "suspend":
            process.suspend()
            return yield* Effect.forkDaemon(
              Effect.delay(
                Effect.sync(() => process.wake()),
                action.millis,
              ),
            )
          case "mood":
            if (process.isClosed) spoilt = true
            moods[action.who] = action.mood
            return yield* Effect.forkDaemon(
              Effect.delay(
                Effect.sync(() => {
                  moods[action.who] = "well"
                }),
                action.millis,
              ),
            )
          case "kill":
            return process.kill()
          case "close":
            if (process.isClosed || process.isKilled) return
            if (moods[action.who] !== "well") spoilt = true
            return yield* Effect.forkDaemon(process.close)
        }
      })

    for (const { after, action } of actions) {
      yield* after === 0 ? Effect.yieldNow() : Effect.sleep(after)
      yield* act(action)
    }
    yield* Effect.sleep(200)
    moods.fill("well")
    for (const [index, process] of processes.entries()) {
      if (!isProbed || process.isKilled || process.isClosed) continue
      const { cancel, start } = process.operations
      const probes = [start(Job, quick), start(Job, quick), start(Solo, quick)]
      const probing = Effect.sleep(300).pipe(
        Effect.zipRight(
          Effect.suspend(() => Effect.forEach(inserted[index]!, (id) => Effect.ignore(cancel(id)))),
        ),
        Effect.zipRight(
          Effect.forEach(
            probes,
            Effect.flatMap(({ exit }) => exit),
          ),
        ),
      )
      for (const exit of yield* Effect.flatten(process.fork(probing)))
        expect(exit, "a turn for a probe").toEqual(Exit.succeed({ value: 0 }))
    }
    for (const process of processes) {
      if (!process.isKilled && !process.isClosed) yield* process.close
    }
    yield* Effect.sleep(22_000)
    yield* Effect.orDie(witness.service.sweep)

    for (const [index, process] of processes.entries()) {
      if (!process.isKilled) expect(process.fibers, "fibers left").toBe(0)
      if (!process.isKilled) expect([...crowds[index]!.now.values()].every((now) => now === 0)).toBe(true)
      for (const [name, most] of crowds[index]!.most) {
        if (name !== "part") expect(most, name).toBeLessThanOrEqual(name === "job" ? limit : 1)
      }
    }
    const records = new Map<string, OperationRecord>()
    for (const [id, seen] of witness.seen) {
      const record = Option.getOrThrow(yield* Effect.orDie(witness.store.get(id)))
      records.set(id, record)
      expect(isTerminal(record), "terminal in the end").toBe(true)
      expect(isGrowing(seen.states.map(({ status }) => rank[status])), "states in order").toBe(true)
      expect(isGrowing(seen.states.map(({ sequence }) => sequence)), "sequences grow").toBe(true)
      expect(seen.states.filter(isTerminal).length, "one terminal state").toBe(1)
      expect(seen.altered, "absorbed").toBe(0)
      const isLost = record.failure?.reason === "OwnerLost"
      expect(seen.finished, "written once").toBe(isLost ? 0 : 1)
      const requests = new Set(
        seen.states.map(({ cancellation }) => cancellation).filter((one) => one !== null),
      )
      expect(requests.size, "the first request counts").toBeLessThanOrEqual(1)
    }
    for (const { process, id, exit } of started) {
      const record = records.get(id)!
      if (exit === undefined) expect(process.isKilled, "an exit for all that live").toBe(true)
      else if (!spoilt)
        expect(record, Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "").toMatchObject(
          toldBy(exit, record, shaken.has(process)),
        )
    }
    for (const { process, id, changes, exit } of watched) {
      const record = records.get(id)!
      expect(isGrowing(changes.map(({ status }) => rank[status])), "watched states in order").toBe(true)
      expect(isGrowing(changes.map(({ sequence }) => sequence)), "watched sequences grow").toBe(true)
      if (exit === undefined) expect(process.isKilled).toBe(true)
      else if (Exit.isSuccess(exit) && !spoilt) {
        expect(changes.filter(isTerminal).map(({ status }) => status)).toEqual([record.status])
        expect(changes.at(-1)!.snapshot().status).toBe(record.status)
      } else if (Exit.isFailure(exit)) {
        const errors = Chunk.toReadonlyArray(Cause.failures(exit.cause)).map(({ reason }) => reason)
        expect(["Closing", "StoreUnwritable"]).toContain(errors[0])
      }
    }
    for (const record of records.values()) {
      const whole = record.parent === null ? undefined : records.get(record.parent)
      if (whole === undefined || whole.failure?.reason === "OwnerLost") continue
      expect(record.completed, "a part ends no later").toBeLessThanOrEqual(whole.completed!)
    }
    for (const process of processes) if (process.isKilled) yield* process.bury
  })
  const quiet = Logger.withMinimumLogLevel(course, LogLevel.None)
  const exit = time.run(Effect.withRandom(quiet, Random.make(7)))
  if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
}

const quick: Payload = { works: 0, sealed: 0, ends: "value", releases: 0, key: "a", hasPart: false }

describe("laws of operations", () => {
  /** Lets the runner hear of the test before: these leave the event loop no turn. */
  beforeEach(() => new Promise<void>((resolve) => setImmediate(resolve)))

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("hold over 250 interleavings of seed %i", { timeout: 60_000 }, (seed) => {
    fc.assert(fc.property(someCourse, play), { seed, numRuns: 250 })
  })
})
