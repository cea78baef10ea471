/**
 * Which hosts this process has clients of, and how each of them is: for people who ask.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { Reason } from "./HostError.js"

/** One URL of a host, as a client of it sees it. Instants are epoch milliseconds. */
export class View extends Schema.Class<View>("ktrdr/Hosts/View")({
  /** The host's name in the configuration. */
  name: Schema.String,
  url: Schema.String,
  /** Whether calls go to it (`closed`), fail at once (`open`), or wait for one of them to tell (`half_open`). */
  state: Schema.Literal("closed", "open", "half_open"),
  /** When it is tried again, while `state` is `open`. */
  next_try: Schema.NullOr(Schema.Number),
  connections_open: Schema.Number,
  connections_opened: Schema.Number,
  /** Attempts made; those that failed, by reason; those that repeated another. */
  requests: Schema.Number,
  failures: Schema.Record({ key: Schema.String, value: Schema.Number }),
  retries: Schema.Number,
  in_flight: Schema.Number,
  last_error: Schema.NullOr(Schema.Struct({ reason: Reason, message: Schema.String, at: Schema.Number })),
  /** The outcome of the last health check, and when it was; `at` is `null` where there was none. */
  health: Schema.Struct({
    status: Schema.Literal("ok", "failed", "unknown"),
    at: Schema.NullOr(Schema.Number),
  }),
}) {}

export interface Service {
  /** The view is part of the list until the scope closes. */
  readonly register: (view: Effect.Effect<View>) => Effect.Effect<void, never, Scope.Scope>
  /** In the order in which they were registered. */
  readonly list: Effect.Effect<ReadonlyArray<View>>
}

/** Host clients that are made where this service is present register themselves, one view for each URL. */
export class Hosts extends Context.Tag("ktrdr/Hosts")<Hosts, Service>() {}

export const layer: Layer.Layer<Hosts> = Layer.sync(Hosts, () => {
  const views = new Set<Effect.Effect<View>>()
  return {
    register: (view) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          views.add(view)
        }),
        () =>
          Effect.sync(() => {
            views.delete(view)
          }),
      ),
    list: Effect.suspend(() => Effect.all([...views])),
  }
})
