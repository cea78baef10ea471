/**
 * What a host client counts: for its own `stats`, and as metrics that carry the label `host`.
 */
import * as MetricBoundaries from "effect/MetricBoundaries"
import type { HostError, Reason } from "../HostError.js"
import { counter, gauge, histogram } from "./labelledMetric.js"

/** An attempt that failed, and when (epoch ms). */
export interface LastError {
  readonly reason: Reason
  readonly message: string
  readonly at: number
}

export interface HostMetrics {
  readonly counts: {
    requests: number
    retries: number
    inFlight: number
    readonly failures: { [R in Reason]?: number }
    lastError: LastError | null
  }
  /** An attempt begins; `again` if it repeats one. */
  readonly begin: (again: boolean) => void
  readonly end: (latencyMillis: number) => void
  readonly failure: (error: HostError, now: number) => void
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
  const counts: HostMetrics["counts"] = {
    requests: 0,
    retries: 0,
    inFlight: 0,
    failures: {},
    lastError: null,
  }
  return {
    counts,
    begin: (again) => {
      counts.requests += 1
      if (again) {
        counts.retries += 1
        retries.unsafeUpdate(1, [])
      }
      counts.inFlight += 1
      requests.unsafeUpdate(1, [])
      inFlight.unsafeModify(1, [])
    },
    end: (latencyMillis) => {
      counts.inFlight -= 1
      inFlight.unsafeModify(-1, [])
      latency.unsafeUpdate(latencyMillis, [])
    },
    failure: (error, now) => {
      const { reason } = error
      counts.lastError = { reason, message: error.message, at: now }
      counts.failures[reason] = (counts.failures[reason] ?? 0) + 1
      const failure =
        failures.get(reason) ?? counter("host_failures", "Attempts that failed", { host, reason })
      failures.set(reason, failure)
      failure.unsafeUpdate(1, [])
    },
  }
}

/** `host_circuit_open`: a gauge, 1 while calls do not go to this URL of the host as they come. */
export const circuit = (host: string, url: string): ((isOpen: boolean) => void) => {
  const open = gauge("host_circuit_open", "1 while a host is left alone after failures", { host, url })
  const set = (isOpen: boolean) => open.unsafeUpdate(isOpen ? 1 : 0, [])
  set(false)
  return set
}

/** Counts a connection that was opened. */
export const connections = (host: string): (() => void) => {
  const opened = counter("host_connections_opened", "Connections opened to a host", { host })
  return () => opened.unsafeUpdate(1, [])
}
