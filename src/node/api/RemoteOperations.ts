/**
 * The operations of a server, as if they were those of this process.
 */
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { HostError } from "../../HostError.js"
import type * as Operation from "../../Operation.js"
import { OperationError } from "../../OperationError.js"
import type * as Record from "../../OperationRecord.js"
import * as Operations from "../../Operations.js"
import * as Client from "./Client.js"

/**
 * The registry of the server at a URL, with the token of the environment. It has no definitions of its own: the
 * `exit` of what is started here succeeds with an encoded result, or fails with the failure as the record tells it;
 * with the error itself where the operation was given, and not its kind alone, and the record has that. To wait for an operation fails as `StoreUnreadable` where the server cannot be reached.
 */
export const layer = (url: string): Layer.Layer<Operations.Operations, HostError | ConfigError> =>
  Layer.scoped(Operations.Operations, Effect.map(Client.fromUrl(url), make))

export const make = (client: Client.ApiClient): Operations.Service => {
  const told = <A>(effect: Effect.Effect<A, Client.Failure>) => Effect.mapError(effect, ofFailure(client.url))
  const { operations } = client

  const changes: Operations.Service["changes"] = (id, sequence) =>
    Stream.mapError(operations.changes(id, sequence), ofFailure(client.url))

  const awaited: Operations.Service["await"] = (id) =>
    Effect.zipRight(Stream.runDrain(changes(id)), told(operations.get(id)))

  const running = (
    starting: Effect.Effect<Record.OperationRecord, Client.Failure>,
    options: Operations.StartOptions = {},
    definition?: Operation.Any["definition"],
  ): Effect.Effect<Operations.Running<unknown, unknown>, OperationError> =>
    Effect.map(told(starting), ({ id }) => ({
      id,
      exit: Effect.zipRight(
        Stream.runForEach(changes(id), (change) => options.observer?.(change.snapshot()) ?? Effect.void),
        Effect.map(told(operations.get(id)), (record) => exitOf(record, definition)),
      ).pipe(Effect.catchAll((error) => Effect.succeed(Exit.fail(error)))),
    }))

  return {
    operations: new Map(),
    start: ((operation, payload, options) =>
      Effect.flatMap(Effect.orDie(Schema.encodeUnknown(operation.definition.payload)(payload)), (encoded) =>
        running(operations.start(operation.kind, encoded), options, operation.definition),
      )) as Operations.Service["start"],
    startKind: (kind, payload, options) => running(operations.start(kind, payload), options),
    get: (id) => told(operations.get(id)),
    list: (query) => told(operations.list(query)),
    changes,
    await: awaited,
    cancel: (id, options) => told(operations.cancel(id, options)),
    resume: (id, options) => running(operations.resume(id), options),
    retry: (id, options) => running(operations.retry(id), options),
  }
}

// ---------------------------------------------------------------------------------------------------------

/** A server that does not answer is a store that cannot be read. */
const ofFailure =
  (url: string) =>
  (error: Client.Failure): OperationError =>
    error._tag === "OperationError"
      ? error
      : new OperationError({
          reason: "StoreUnreadable",
          place: error._tag === "HostError" ? `ktrdr API at ${url}` : error.place,
          expected: error.expected,
          found: error.found,
          advice: error.advice,
        })

const exitOf = (
  record: Record.OperationRecord,
  definition: Operation.Any["definition"] | undefined,
): Exit.Exit<unknown, unknown> =>
  record.status === "completed"
    ? Exit.succeed(record.result)
    : record.status === "failed"
      ? Exit.fail(errorOf(record.failure, definition))
      : Exit.interrupt(FiberId.none)

const errorOf = (failure: Record.Failure | null, definition: Operation.Any["definition"] | undefined) =>
  definition === undefined || failure?.error === undefined
    ? failure
    : Option.getOrElse(Schema.decodeUnknownOption(definition.error)(failure.error), () => failure)
