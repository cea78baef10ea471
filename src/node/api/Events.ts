/**
 * What becomes of an operation, as server-sent events.
 *
 * - the data of an event is the snapshot of the progress as JSON, encoded once for all who watch
 * - its name is `progress`, that of the last one the status that the operation ended with: `completed`, `failed` or
 *   `cancelled`; `error` says that the store cannot be read any more
 * - its id is the number of the snapshot; that of the last event is the number of the last snapshot and one more
 * - a comment comes every 15 seconds
 */
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HostHttp from "../../hosts/HostHttp.js"
import { fromSnapshot } from "../../internal/operationFeed.js"
import * as Record from "../../OperationRecord.js"
import type { Service } from "../../Operations.js"
import type { EventHub } from "./EventHub.js"
import { EventWatcher, frameOf } from "./EventWatcher.js"
import * as Refusal from "./Refusal.js"

export const path = "/api/v1/operations/:id/events"

/** Parameters of its query. */
export const query: ReadonlyArray<string> = ["last_event_id"]

/**
 * The events of an operation from behind the last event id that the client names, or from now on; a 204 where it has
 * had the last one. A client that does not read misses events that are not the last, and holds up nobody. Once the
 * server ends, those of an operation that runs elsewhere end without a last one.
 */
export const route = (operations: Pick<Service, "get">, hub: EventHub) =>
  Effect.gen(function* () {
    const { id = "" } = yield* HttpRouter.params
    const after = yield* lastEventId(yield* HttpServerRequest.HttpServerRequest)
    const record = yield* operations.get(id)
    const { sequence, status } = record
    const isOver = Record.isTerminal(record)
    if (isOver && after !== undefined && after > sequence) return HttpServerResponse.empty({ status: 204 })
    const now = yield* Clock.currentTimeMillis
    const newest = () => frameOf(fromSnapshot(id, sequence, status, Record.snapshotOf(record, now)))
    if (isOver) return response(new EventWatcher(sequence, [newest()], () => {}))
    return response(
      yield* after !== undefined
        ? hub.watch(id, Math.min(after, sequence))
        : sequence === 0
          ? hub.watch(id, -1, newest())
          : hub.watch(id, sequence - 1),
    )
  }).pipe(Effect.mapError(Refusal.of))

// ---------------------------------------------------------------------------------------------------------

const response = (watcher: EventWatcher): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.raw(watcher, {
    contentType: "text/event-stream; charset=utf-8",
    headers: { "x-accel-buffering": "no" },
  })

const lastEventId = (
  request: HttpServerRequest.HttpServerRequest,
): Effect.Effect<number | undefined, Refusal.Refusal> => {
  const asked = new URLSearchParams(HostHttp.address(request).query).get("last_event_id")
  const given = request.headers["last-event-id"] ?? asked
  if (given === null || given === "") return Effect.succeed(undefined)
  if (/^\d{1,15}$/.test(given)) return Effect.succeed(Number(given))
  const loc = asked === null ? ["header", "last-event-id"] : ["query", "last_event_id"]
  const msg = "Input should be a valid integer, unable to parse string as an integer"
  return Effect.fail(Refusal.invalid([{ type: "int_parsing", loc, msg, input: given }]))
}
