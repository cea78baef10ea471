/**
 * One cancel of a load: when it is asked for, by whom, how long it takes until nothing of the load is left and its
 * end is recorded, and whether everybody says the same of it.
 */
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as CandleSource from "../../src/data/CandleSource.js"
import * as IbPacing from "../../src/hosts/ib/IbPacing.js"
import * as Main from "../../src/node/Main.js"
import type { OperationRecord } from "../../src/OperationRecord.js"
import * as OperationStore from "../../src/OperationStore.js"
import * as Operations from "../../src/Operations.js"
import * as Ends from "../utils/Ends.js"
import { LiveFibers } from "../utils/LiveFibers.js"
import type { Answer, Request } from "./cancelChild.js"
import * as Left from "./cancelLeft.js"
import type { Load } from "./cancelLoads.js"
import * as Part from "./part.js"

/** A whole system in a home of its own, and a look at its records over a connection of its own. */
export interface System {
  readonly home: string
  readonly operations: Operations.Service
  readonly records: OperationStore.Service
}

export const system = <E>(
  home: string,
  source: Layer.Layer<CandleSource.CandleSource, E>,
  mode: IbPacing.Mode = "none",
) =>
  Effect.gen(function* () {
    const made = yield* Layer.build(Main.layerSystemAt(home, source))
    const records = yield* Layer.build(Main.layerRecordsOf(Main.layerDatabaseAt(home)))
    return {
      home,
      operations: Context.get(made, Operations.Operations),
      records: Context.get(records, OperationStore.OperationStore),
    } satisfies System
  }).pipe(Effect.provideService(IbPacing.PacingMode, mode))

/** Cancels from another process. */
export type Canceller = (request: Omit<Request, "number">) => Effect.Effect<Answer>

/** The other process, which ends with the scope; a defect for all that wait for it where it ends before. */
export const canceller = Effect.gen(function* () {
  const part = yield* Part.start("cancel-cancel")
  yield* part.next()
  const asked = new Map<number, Deferred.Deferred<Answer>>()
  let requests = 0
  const reader = yield* Effect.forkScoped(
    Effect.forever(
      Effect.flatMap(part.next<Answer>(), (answer) =>
        Deferred.succeed(asked.get(answer.number)!, answer).pipe(
          Effect.tap(() => Effect.sync(() => asked.delete(answer.number))),
        ),
      ),
    ),
  )
  const cancel: Canceller = (request) =>
    Effect.gen(function* () {
      const number = ++requests
      const answer = yield* Deferred.make<Answer>()
      asked.set(number, answer)
      yield* part.say({ number, ...request })
      return yield* Effect.raceFirst(Deferred.await(answer), Fiber.join(reader))
    })
  return { cancel, open: (home: string) => part.say({ number: 0, home, id: "", reason: "" }) }
})

export interface Trial {
  readonly by: "here" | "there"
  readonly kind: string
  /** False where it had ended before. */
  readonly isCancelled: boolean
  /** From the request to the recorded end with nothing of it left, milliseconds. */
  readonly millis: number
  /** Until whoever asked was told. */
  readonly answerMillis: number
  /** What the load was at. */
  readonly at: string
  readonly faults: ReadonlyArray<string>
  readonly home: string
  readonly id: string
  /** Its record, once it had ended. */
  readonly record: string
}

/** Starts a load, and cancels it after `delay`. */
export const run = (
  on: System,
  others: Canceller,
  load: Load,
  by: Trial["by"],
  delay: Effect.Effect<unknown>,
): Effect.Effect<Trial> =>
  Effect.gen(function* () {
    const live = new LiveFibers()
    const reason = `trial ${yield* Random.nextIntBetween(0, 1e9)}`
    const { id, exit } = yield* Effect.supervised(Effect.orDie(load.start(on.operations)), live)
    yield* delay
    const over = yield* Effect.fork(
      Effect.gen(function* () {
        const ended = yield* exit
        while (!(yield* Left.isOver(live))) yield* Effect.sleep(1)
        return { ended, at: Part.now() }
      }),
    )
    const answer =
      by === "there"
        ? yield* others({ home: on.home, id, reason })
        : yield* cancelHere(on.operations, id, reason)
    const released = Option.getOrUndefined(yield* Effect.timeoutOption(Fiber.join(over), "30 seconds"))
    const record = Option.getOrUndefined(yield* Effect.orDie(on.records.get(id)))
    const faults =
      released === undefined || record === undefined
        ? ["it did not end, or something of it was left"]
        : faultsOf(record, released.ended, answer.state, reason)
    return {
      by,
      kind: load.kind,
      isCancelled: record?.status === "cancelled",
      millis:
        Math.max(released?.at ?? Number.POSITIVE_INFINITY, by === "here" ? answer.answered : 0) -
        answer.requested,
      answerMillis: answer.answered - answer.requested,
      at: record?.progress?.path.findLast((name) => !/\d/.test(name)) ?? "before its first step",
      faults: faults.map((fault) => `${id}: ${fault}`),
      home: on.home,
      id,
      record: JSON.stringify(record),
    }
  })

/** Which records are not as they were. */
export const altered = (
  records: OperationStore.Service,
  trials: ReadonlyArray<Trial>,
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(
    Effect.forEach(trials, ({ id, record }) =>
      Effect.map(Effect.orDie(records.get(id)), (read) =>
        JSON.stringify(Option.getOrUndefined(read)) === record
          ? []
          : [`${id}: its record changed after its end`],
      ),
    ),
    (_) => _.flat(),
  )

/** The same once everything is closed, over connections of their own; and what has not ended then. */
export const alteredSince = (trials: ReadonlyArray<Trial>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(
    Effect.forEach(Object.entries(Arr.groupBy(trials, ({ home }) => home)), ([home, own]) =>
      Effect.gen(function* () {
        const records = yield* OperationStore.OperationStore
        const { active } = yield* Effect.orDie(records.list({ limit: 1 }))
        const faults = active === 0 ? [] : [`${active} operations of ${home} have not ended`]
        return [...faults, ...(yield* altered(records, own))]
      }).pipe(Effect.provide(Main.layerRecordsOf(Main.layerDatabaseAt(home)))),
    ),
    (_) => _.flat(),
  )

// ---------------------------------------------------------------------------------------------------------

const cancelHere = (operations: Operations.Service, id: string, reason: string) =>
  Effect.suspend(() => {
    const requested = Part.now()
    return operations.cancel(id, { reason }).pipe(
      Effect.match({
        onSuccess: ({ record }) => record.status as string,
        onFailure: (error) => error.reason as string,
      }),
      Effect.map((state) => ({ requested, answered: Part.now(), state })),
    )
  })

const faultsOf = (
  record: OperationRecord,
  exit: Exit.Exit<unknown, unknown>,
  told: string,
  reason: string,
): ReadonlyArray<string> => {
  const { cancellation, status } = record
  const faults = [...Ends.faultsOf(record, exit)]
  if (told !== status && !(told === "Finished" && status !== "cancelled")) {
    faults.push(`recorded as ${status}, told as ${told}`)
  }
  if (status === "cancelled" && cancellation?.reason !== reason) {
    faults.push(`cancelled for ${JSON.stringify(cancellation?.reason)}, not ${JSON.stringify(reason)}`)
  }
  return faults
}
