/**
 * Loads that somebody watches, as operations of the registry.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import { LoadData, type Payload } from "../data/LoadData.js"
import * as LoadMany from "../data/LoadMany.js"
import type * as Operation from "../Operation.js"
import type { OperationError } from "../OperationError.js"
import type { OperationRecord } from "../OperationRecord.js"
import { Operations, type Running, type StartOptions } from "../Operations.js"

export type Outcome = LoadMany.Outcome

/** Somebody else cancelled the operation that was waited for. */
export class Cancelled extends Data.TaggedError("Cancelled")<{ readonly record: OperationRecord }> {}

export interface Options extends StartOptions {
  /** The reason for which the operation is cancelled when whoever waits for it is interrupted. */
  readonly reason?: string
}

export interface RunOptions extends Options {
  /** As one operation that loads many series, however few there are. */
  readonly together?: boolean
}

/**
 * Loads every series as one operation that succeeds when all of them do; one that fails does not stop the
 * others. The outcomes come in the order of the payloads, here and to `LoadMany.Listener`.
 */
export const run = (
  payloads: ReadonlyArray<Payload>,
  { together = false, ...options }: RunOptions = {},
): Effect.Effect<ReadonlyArray<Outcome>, Cancelled | OperationError, Operations> =>
  Effect.gen(function* () {
    const [first, ...others] = payloads
    if (first === undefined) return []
    const operations = yield* Operations
    return yield* kindOf(payloads, together) === LoadData.kind
      ? one(first, operations.start(LoadData, first, options), options)
      : many(operations.start(LoadMany.LoadMany, { loads: [first, ...others] }, options), options)
  })

/** Of the operation that loads so many series. */
export const kindOf = (payloads: ReadonlyArray<Payload>, together = false): string =>
  (payloads.length === 1 && !together ? LoadData : LoadMany.LoadMany).kind

/** True of the kinds of operation that load. */
export const isLoad = (kind: string): boolean => kind === LoadData.kind || kind === LoadMany.LoadMany.kind

/** Starts a load of that kind with a payload from outside. */
export const start = (
  kind: string,
  payload: unknown,
  options: Options = {},
): Effect.Effect<ReadonlyArray<Outcome>, Cancelled | OperationError, Operations> =>
  Effect.flatMap(Operations, (operations) =>
    outcomesOf(kind, payload, operations.startKind(kind, payload, options), options),
  )

/** Goes on with a load that failed or was cancelled, or starts it from its beginning, as a new operation. */
export const again = (
  id: string,
  how: "resume" | "retry",
  options: Options = {},
): Effect.Effect<ReadonlyArray<Outcome>, Cancelled | OperationError, Operations> =>
  Effect.gen(function* () {
    const operations = yield* Operations
    const { kind, payload } = yield* operations.get(id)
    return yield* outcomesOf(kind, payload, operations[how](id, options), options)
  })

/**
 * Waits for an operation that was just started, and ends as it does: interrupted, it cancels it. Fails with
 * `Cancelled` when somebody else did.
 */
export const follow = <A, E>(
  started: Effect.Effect<Running<A, E>, OperationError, Operations>,
  { reason = "interrupted at the terminal that started it" }: { readonly reason?: string } = {},
): Effect.Effect<A, E | Cancelled | OperationError, Operations> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const operations = yield* Operations
      const { id, exit } = yield* started
      const ended = yield* Effect.onInterrupt(restore(exit), () =>
        Effect.ignore(operations.cancel(id, { reason })),
      )
      return Exit.isInterrupted(ended)
        ? yield* new Cancelled({ record: yield* operations.get(id) })
        : yield* ended
    }),
  )

// ---------------------------------------------------------------------------------------------------------

type Started<Member extends Operation.Any> = Effect.Effect<
  Running<Operation.SuccessOf<Member>, Operation.FailureOf<Member>>,
  OperationError
>

const outcomesOf = (
  kind: string,
  payload: unknown,
  started: Effect.Effect<Running<unknown, unknown>, OperationError>,
  options: Options,
): Effect.Effect<ReadonlyArray<Outcome>, Cancelled | OperationError, Operations> =>
  kind === LoadMany.LoadMany.kind
    ? many(started as Started<typeof LoadMany.LoadMany>, options)
    : Effect.flatMap(LoadData.decode(payload), (decoded) =>
        one(decoded, started as Started<typeof LoadData>, options),
      )

const one = (payload: Payload, started: Started<typeof LoadData>, options: Options) =>
  Effect.gen(function* () {
    const { settled, told } = yield* LoadMany.Listener
    const result = yield* follow(started, options).pipe(
      Effect.map(Either.right),
      Effect.catchTag("DataError", (error) => Effect.succeed(Either.left(error))),
    )
    const outcome: Outcome = { payload, result }
    yield* settled(outcome)
    yield* told(outcome)
    return [outcome]
  })

const many = (started: Started<typeof LoadMany.LoadMany>, options: Options) =>
  Effect.catchTag(follow(started, options), "LoadManyError", ({ outcomes }) => Effect.succeed(outcomes))
