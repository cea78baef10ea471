/**
 * What a host client counts: for its own `stats`, and as metrics that carry the label `host`.
 */
import * as MetricBoundaries from "effect/MetricBoundaries"
import type { Reason } from "../HostError.js"
import { counter, gauge, histogram } from "./labelledMetric.js"

export interface HostMetrics {
  readonly counts: {
    requests: number
    retries: number
    inFlight: number
    readonly failures: { [R in Reason]?: number }
  }
  readonly begin: () => void
  readonly end: (latencyMillis: number) => void
  readonly failure: (reason: Reason) => void
  readonly retry: () => void
}

/**
 * `host_requests`, `host_failures` (also by `reason`), `host_retries`: counters;
 * `host_in_flight`: a gauge; `host_latency_millis`: a histogram over attempts from 0.5 ms to 32 s.
 */
export const make = (host: string): HostMetrics => {
  const requests = counter("host_requests", "Attempts to reach a host", { host })
  const retries = counter("host_retries", "Attempts that repeat an earlier one", { host })
  const inFlight = gauge("host_in_flight", "Attempts under way", { host })
  const latency = histogram(
    "host_latency_millis",
    "Time of an attempt, its body included",
    MetricBoundaries.exponential({ start: 0.5, factor: 2, count: 17 }),
    { host },
  )
  const failures = new Map<Reason, ReturnType<typeof counter>>()
  const counts: HostMetrics["counts"] = { requests: 0, retries: 0, inFlight: 0, failures: {} }
  return {
    counts,
    begin: () => {
      counts.requests += 1
      counts.inFlight += 1
      requests.unsafeUpdate(1, [])
      inFlight.unsafeModify(1, [])
    },
    end: (latencyMillis) => {
      counts.inFlight -= 1
      inFlight.unsafeModify(-1, [])
      latency.unsafeUpdate(latencyMillis, [])
    },
    failure: (reason) => {
      counts.failures[reason] = (counts.failures[reason] ?? 0) + 1
      const failure =
        failures.get(reason) ?? counter("host_failures", "Attempts that failed", { host, reason })
      failures.set(reason, failure)
      failure.unsafeUpdate(1, [])
    },
    retry: () => {
      counts.retries += 1
      retries.unsafeUpdate(1, [])
    },
  }
}

/** Counts a connection that was opened. */
export const connections = (host: string): (() => void) => {
  const opened = counter("host_connections_opened", "Connections opened to a host", { host })
  return () => opened.unsafeUpdate(1, [])
}
