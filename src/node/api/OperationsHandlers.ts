/**
 * What the routes of `OperationsApi` do.
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { OperationError } from "../../OperationError.js"
import * as Record from "../../OperationRecord.js"
import * as OperationStore from "../../OperationStore.js"
import * as Operations from "../../Operations.js"
import { Api } from "../Api.js"
import { isoOrNull } from "../Instants.js"
import * as Complaint from "./Complaint.js"
import type * as OperationsApi from "./OperationsApi.js"
import { defaultLimit, maxLimit } from "./OperationsApi.js"
import * as OperationWire from "./OperationWire.js"
import * as Refusal from "./Refusal.js"

/** What another owner has to know to go on with what the server runs; what the operation was started with by default. */
export class Settings extends Context.Reference<Settings>()("ktrdr/node/api/Settings", {
  defaultValue: (): { readonly settings?: { readonly [name: string]: string } } => ({}),
}) {}

export const layer = HttpApiBuilder.group(Api, "operations", (handlers) =>
  Effect.gen(function* () {
    const operations = yield* Operations.Operations
    const settings = yield* Settings
    return handlers
      .handle("list", ({ urlParams }) => Refusal.refusing(list(operations, urlParams)))
      .handle("get", ({ path }) => Refusal.refusing(told(operations, path.id)))
      .handle("start", ({ path, payload }) =>
        Refusal.refusing(
          Effect.flatMap(operations.startKind(path.kind, payload), ({ id }) => told(operations, id)),
        ),
      )
      .handle("cancel", ({ path, payload, request }) =>
        Refusal.refusing(cancel(operations, path.id, payload, request)),
      )
      .handle("retry", ({ path }) =>
        Refusal.refusing(again(operations, path.id, "retried", operations.retry(path.id, settings))),
      )
      .handle("resume", ({ path }) =>
        Refusal.refusing(again(operations, path.id, "resumed", operations.resume(path.id, settings))),
      )
      .handle("results", ({ path }) => Refusal.refusing(results(operations, path.id)))
      .handle("children", ({ path }) => Refusal.refusing(children(operations, path.id)))
      .handle("metrics", ({ path, urlParams }) =>
        Refusal.refusing(metrics(operations, path.id, urlParams.cursor ?? 0)),
      )
  }),
)

// ---------------------------------------------------------------------------------------------------------

const success = true as const

const told = (operations: Operations.Service, id: string) =>
  Effect.map(operations.get(id), (record) => ({ success, data: OperationWire.operationOf(record) }))

const list = Effect.fn("Api.list")(function* (operations: Operations.Service, given: OperationsApi.Filters) {
  const { active_only: activeOnly = false, limit = defaultLimit, offset = 0, operation_type: kind } = given
  const query: OperationStore.Query = { statuses: statusesOf(given.status, activeOnly), kind, limit, offset }
  const page = yield* operations.list(query)
  if (kind !== undefined && page.total === 0 && !operations.operations.has(kind)) {
    yield* refuseKind(operations, kind)
  }
  return OperationWire.pageOf(page, yield* Clock.currentTimeMillis)
})

const statusesOf = (
  status: OperationWire.Status | undefined,
  activeOnly: boolean,
): ReadonlyArray<Record.Status> | undefined => {
  if (status === undefined && !activeOnly) return undefined
  const named: ReadonlyArray<Record.Status> =
    status === undefined
      ? Record.Status.literals
      : status === "running"
        ? ["running", "cancelling"]
        : [status]
  return activeOnly ? named.filter((one) => !Record.isTerminal({ status: one })) : named
}

/** Unless there are operations of it, of other programs for instance, a kind has to be known. */
const refuseKind = (
  operations: Operations.Service,
  kind: string,
): Effect.Effect<void, OperationError | Refusal.Refusal> =>
  Effect.flatMap(operations.list({ kind, limit: 1 }), ({ total }) =>
    total > 0
      ? Effect.void
      : Effect.fail(
          Refusal.invalid([
            Complaint.at(
              Complaint.oneOf([...operations.operations.keys()], "enum"),
              ["query", "operation_type"],
              kind,
            ),
          ]),
        ),
  )

/** How long a forced cancel is waited for. */
const forcedBound = "250 millis"

const cancel = Effect.fn("Api.cancel")(function* (
  operations: Operations.Service,
  id: string,
  given: typeof OperationsApi.CancelRequest.Type | null,
  request: HttpServerRequest.HttpServerRequest,
) {
  const reason = given?.reason ?? undefined
  const from = Option.getOrElse(request.remoteAddress, () => "an unknown address")
  const asked = operations.cancel(id, {
    by: `a client of the API at ${from}`,
    ...(reason === undefined ? {} : { reason }),
  })
  const answer = yield* (
    given?.force === true
      ? Effect.flatMap(Effect.timeoutOption(asked, forcedBound), (done) =>
          Option.isSome(done)
            ? Effect.succeed(done.value)
            : Effect.map(operations.get(id), (record) => ({ record, isFirst: true })),
        )
      : asked
  ).pipe(inState(operations, id, "cancelled"))
  const { record, isFirst } = answer
  if (Record.isTerminal(record) && record.status !== "cancelled") {
    return yield* Effect.fail(wrongState("OPERATION-Finished", record, "cancelled"))
  }
  return {
    success,
    data: {
      success,
      operation_id: id,
      status: OperationWire.statusOf(record.status),
      cancelled_at: isoOrNull(record.completed),
      cancellation_reason: reason === undefined && isFirst ? null : (record.cancellation?.reason ?? null),
      task_cancelled: record.status === "cancelled",
      training_session_cancelled: false,
    },
  }
})

type Done = "cancelled" | "retried" | "resumed"

const again = <A extends { readonly id: string }>(
  operations: Operations.Service,
  id: string,
  done: Done,
  starting: Effect.Effect<A, OperationError>,
) =>
  starting.pipe(
    inState(operations, id, done),
    Effect.flatMap((running) => told(operations, running.id)),
  )

/** Says of an operation whose state does not allow what was asked for which state that is. */
const inState =
  (operations: Operations.Service, id: string, done: Done) =>
  <A>(effect: Effect.Effect<A, OperationError>): Effect.Effect<A, OperationError | Refusal.Refusal> =>
    Effect.catchAll(effect, (error): Effect.Effect<never, OperationError | Refusal.Refusal> => {
      const refusal = Refusal.of(error)
      return refusal.status === 400
        ? Effect.flatMap(operations.get(id), (record) =>
            Effect.fail(wrongState(`OPERATION-${error.reason}`, record, done, refusal)),
          )
        : Effect.fail(error)
    })

const wrongState = (
  code: `OPERATION-${string}`,
  { id, status }: Record.OperationRecord,
  done: Done,
  refusal?: Refusal.Refusal,
): Refusal.Refusal => {
  const detail = `Operation ${id} cannot be ${done} (status: ${OperationWire.statusOf(status)})`
  return new Refusal.Refusal(400, code, refusal?.error.message ?? detail, {
    detail,
    details: refusal?.error.details ?? { status },
  })
}

const results = Effect.fn("Api.results")(function* (operations: Operations.Service, id: string) {
  const { kind, status, result, ...record } = yield* operations.get(id)
  if (!Record.isTerminal({ status })) {
    return yield* Effect.fail(
      new Refusal.Refusal(
        400,
        "OPERATION-NotFinished",
        `Operation ${record.id} is not completed (status: ${status})`,
      ),
    )
  }
  return {
    success,
    data: { operation_id: id, operation_type: kind, status: OperationWire.statusOf(status), results: result },
  }
})

const children = Effect.fn("Api.children")(function* (operations: Operations.Service, id: string) {
  yield* operations.get(id)
  const page = yield* operations.list({ parent: id, limit: maxLimit })
  const active = yield* operations.list({ parent: id, statuses: Record.active, limit: 1 })
  return OperationWire.pageOf({ ...page, active: active.total }, yield* Clock.currentTimeMillis)
})

/** What is remembered of the moments between the cursor and now. */
const metrics = Effect.fn("Api.metrics")(function* (
  operations: Operations.Service,
  id: string,
  cursor: number,
) {
  const { sequence, status } = yield* operations.get(id)
  const moments =
    cursor >= sequence
      ? []
      : yield* operations.changes(id, cursor).pipe(
          Stream.takeUntil((change) => change.sequence >= sequence),
          Stream.interruptAfter("1 second"),
          Stream.map(OperationWire.metricOf),
          Stream.runCollect,
        )
  const data = {
    operation_id: id,
    status: OperationWire.statusOf(status),
    metrics: [...moments],
    cursor: Math.max(cursor, sequence),
  }
  return { success, data }
})
