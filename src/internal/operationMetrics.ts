/**
 * What a registry of operations counts, as metrics that carry the label `kind`; what has ended also `status`.
 *
 * An operation goes `waiting` -> `started` -> `ended`, or from `waiting` straight to `ended` where it never ran:
 * with each called once, both gauges are back at 0 when nothing is left to do.
 */
import * as Effect from "effect/Effect"
import * as MetricBoundaries from "effect/MetricBoundaries"
import type { Ending } from "../OperationRecord.js"
import { counter, gauge, histogram } from "./labelledMetric.js"

type EndStatus = Ending["status"]

/** A new operation is recorded and waits for its turn. */
export const waiting = (kind: string): Effect.Effect<void> =>
  Effect.sync(() => of(kind).waiting.unsafeModify(1, []))

/** Its turn has come: it runs. */
export const started = (kind: string): Effect.Effect<void> =>
  Effect.sync(() => {
    const metrics = of(kind)
    metrics.waiting.unsafeModify(-1, [])
    metrics.active.unsafeModify(1, [])
    metrics.started.unsafeUpdate(1, [])
  })

/** It has its terminal state, `millis` after it started; without `millis` it ended while it was waiting. */
export const ended = (kind: string, status: EndStatus, millis: number | undefined): Effect.Effect<void> =>
  Effect.sync(() => {
    const metrics = of(kind)
    metrics[millis === undefined ? "waiting" : "active"].unsafeModify(-1, [])
    metrics.ended[status].unsafeUpdate(1, [])
    if (millis !== undefined) metrics.duration[status].unsafeUpdate(seconds(millis), [])
  })

/** Somebody asked to cancel it: the first request, the one that counts. */
export const cancelRequested = (kind: string): Effect.Effect<void> =>
  Effect.sync(() => of(kind).cancelRequests.unsafeUpdate(1, []))

/** A request to cancel has led to the terminal record, `millis` after it was made. */
export const cancelTook = (kind: string, millis: number): Effect.Effect<void> =>
  Effect.sync(() => of(kind).cancelLatency.unsafeUpdate(seconds(millis), []))

// ---------------------------------------------------------------------------------------------------------

const byKind = new Map<string, ReturnType<typeof make>>()

const of = (kind: string): ReturnType<typeof make> => {
  const known = byKind.get(kind)
  if (known !== undefined) return known
  const made = make(kind)
  byKind.set(kind, made)
  return made
}

const make = (kind: string) => ({
  waiting: gauge("ktrdr_operations_waiting", "Operations that wait for their turn", { kind }),
  active: gauge("ktrdr_operations_active", "Operations that run or are being cancelled", { kind }),
  started: counter("ktrdr_operations_started", "Operations that began to run", { kind }),
  ended: perStatus((status) =>
    counter("ktrdr_operations_ended", "Operations that came to a terminal state", { kind, status }),
  ),
  duration: perStatus((status) =>
    histogram("ktrdr_operations_duration_seconds", "Time from start to end", durations, { kind, status }),
  ),
  cancelRequests: counter("ktrdr_operations_cancel_requests", "Operations asked to be cancelled", { kind }),
  cancelLatency: histogram(
    "ktrdr_operations_cancel_latency_seconds",
    "Time from a request to cancel to the terminal record",
    latencies,
    { kind },
  ),
})

const perStatus = <A>(of: (status: EndStatus) => A): Record<EndStatus, A> => ({
  completed: of("completed"),
  failed: of("failed"),
  cancelled: of("cancelled"),
})

const seconds = (millis: number): number => Math.max(0, millis) / 1000

/** 10 ms to 6 hours. */
const durations = MetricBoundaries.fromIterable([
  0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600,
])

/** 1 ms to 10 s, with the bounds that a cancel is promised to keep: 250 ms, 2 s, 5 s. */
const latencies = MetricBoundaries.fromIterable([
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10,
])
