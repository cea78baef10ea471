/**
 * The places where one host listens, what is known of each, and which of them a call goes to.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Struct from "effect/Struct"
import type { Stats } from "../HostClient.js"
import type { HostConfig } from "../HostConfig.js"
import { View } from "../Hosts.js"
import type { Counts } from "./connections.js"
import type { Expiry } from "./expiry.js"
import { Breaker } from "./hostBreaker.js"
import * as HostExchange from "./hostExchange.js"
import * as HostMetrics from "./hostMetrics.js"

/** One place, with what is known of it. */
export interface Target {
  /** That of the host, with `baseUrl` the place. */
  readonly config: HostConfig
  readonly metrics: HostMetrics.HostMetrics
  readonly breaker: Breaker
  readonly exchange: HostExchange.Exchange
  readonly connections: Counts
  health: View["health"]
}

export const make = (
  config: HostConfig,
  http: HttpClient.HttpClient,
  expiry: Expiry,
  connections: ReadonlyMap<string, Counts>,
): Target => {
  const metrics = HostMetrics.make(config.name)
  const breaker = new Breaker(config, HostMetrics.circuit(config.name, config.baseUrl))
  return {
    config,
    metrics,
    breaker,
    exchange: HostExchange.make(config, http, metrics, expiry, breaker),
    connections: connections.get(new URL(config.baseUrl).origin) ?? { opened: 0, open: 0 },
    health: { status: "unknown", at: null },
  }
}

/** A health check of the target has ended; an interruption tells nothing. */
export const checked = (target: Target, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Exit.isInterrupted(exit)
    ? Effect.void
    : Effect.map(Clock.currentTimeMillis, (at) => {
        target.health = { status: Exit.isSuccess(exit) ? "ok" : "failed", at }
      })

/** Where a call may go: to the target that worked last, then to the others in their order. */
export class Targets {
  readonly all: readonly [Target, ...ReadonlyArray<Target>]
  #preferred: Target

  constructor(all: readonly [Target, ...ReadonlyArray<Target>]) {
    this.all = all
    this.#preferred = all[0]
  }

  get preferred(): Target {
    return this.#preferred
  }

  /** The target is preferred from now on. */
  worked(target: Target): void {
    this.#preferred = target
  }

  /** One whose circuit is closed, else one that may be probed; none of those that were tried. */
  choose(tried: ReadonlyArray<Target>, now: number): Target | undefined {
    const preferred = this.#preferred
    if (preferred.breaker.isClosed && tried.length === 0) return preferred
    const able = this.inOrder.filter((target) => !tried.includes(target) && target.breaker.admits(now))
    return able.find(({ breaker }) => breaker.isClosed) ?? able[0]
  }

  /** The one whose circuit lets an attempt through before the others do. */
  soonest(now: number): Target {
    return this.inOrder.reduce((best, target) =>
      target.breaker.nextTryMillis(now) < best.breaker.nextTryMillis(now) ? target : best,
    )
  }

  get inOrder(): readonly [Target, ...ReadonlyArray<Target>] {
    return [this.#preferred, ...this.all.filter((target) => target !== this.#preferred)]
  }
}

/** The sums over the targets; the state is that of the best of them, the last error the latest. */
export const stats = (targets: Targets): Effect.Effect<Stats> =>
  Effect.map(Clock.currentTimeMillis, (now) =>
    targets.all.map((target) => statsOf(target, now)).reduce((one, other) => sum(one, other)),
  )

/** How the target is, as people see it. */
export const view = (target: Target): Effect.Effect<View> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const stats = statsOf(target, now)
    return new View({
      name: target.config.name,
      url: stats.url,
      state: stats.state,
      next_try: stats.nextTryMillis,
      connections_open: stats.connectionsOpen,
      connections_opened: stats.connectionsOpened,
      requests: stats.requests,
      failures: stats.failures,
      retries: stats.retries,
      in_flight: stats.inFlight,
      last_error: stats.lastError,
      health: target.health,
    })
  })

// -----------------------------------------------------------------------------

const statsOf = ({ breaker, config, connections, metrics }: Target, now: number): Stats => {
  const { failures, ...counts } = metrics.counts
  const state = breaker.circuit(now)
  return {
    url: config.baseUrl,
    ...counts,
    failures: { ...failures },
    connectionsOpened: connections.opened,
    connectionsOpen: connections.open,
    state,
    nextTryMillis: state === "open" ? breaker.nextTryMillis(now) : null,
  }
}

const ranks = { closed: 0, half_open: 1, open: 2 } as const

const sum = (one: Stats, other: Stats): Stats => {
  const better = ranks[one.state] <= ranks[other.state] ? one.state : other.state
  const nextTry = Math.min(one.nextTryMillis ?? Infinity, other.nextTryMillis ?? Infinity)
  const failures = { ...one.failures }
  for (const [reason, count] of Struct.entries(other.failures)) {
    failures[reason] = (failures[reason] ?? 0) + (count ?? 0)
  }
  return {
    url: `${one.url},${other.url}`,
    requests: one.requests + other.requests,
    failures,
    retries: one.retries + other.retries,
    inFlight: one.inFlight + other.inFlight,
    connectionsOpened: one.connectionsOpened + other.connectionsOpened,
    connectionsOpen: one.connectionsOpen + other.connectionsOpen,
    state: better,
    nextTryMillis: better === "open" ? nextTry : null,
    lastError: (one.lastError?.at ?? 0) >= (other.lastError?.at ?? 0) ? one.lastError : other.lastError,
  }
}
