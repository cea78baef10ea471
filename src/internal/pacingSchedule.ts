/**
 * Who may start next: the waiting requests of a set of rules, and the logs of those that started. Pure but for
 * its own state; time comes in from outside, in milliseconds, and never falls.
 */
import type { Rule } from "../Pacing.js"
import { type Entry, RuleLogs, type SlidingLog } from "./pacingLog.js"

/** What a request takes of one rule. */
export interface Use<Request> {
  readonly rule: number
  readonly key: string
  readonly log: SlidingLog<Waiter<Request>>
  readonly cost: number
}

export interface Waiter<Request> {
  readonly request: Request
  readonly order: number
  readonly arrived: number
  readonly uses: ReadonlyArray<Use<Request>>
  group: Group<Request>
  /** What it took when it started, one for each use. */
  taken: ReadonlyArray<Entry>
}

/**
 * Requests that take the same of the same logs: where one may start, each may. Logs that have room for all who
 * wait are left out, or requests that no other is like would each be a group.
 */
export interface Group<Request> {
  readonly uses: ReadonlyArray<Use<Request>>
  readonly name: string
  waiting: Array<Waiter<Request>>
  head: number
}

/** What holds a request back. */
export interface Wait {
  readonly until: number
  /** Which rule; none for a pause. */
  readonly rule: number | undefined
}

/** Somebody may start now, or nobody before `at`. */
export interface Decision<Request> {
  readonly next: Waiter<Request> | undefined
  readonly at: number
}

export class Schedule<Request> {
  /** Nobody starts before. */
  pausedUntil = Number.NEGATIVE_INFINITY
  readonly #rules: ReadonlyArray<Rule<Request>>
  readonly #logs: ReadonlyArray<RuleLogs<Waiter<Request>>>
  readonly #groups = new Map<string, Group<Request>>()
  /** The longest span of a rule: who has waited for longer is not overtaken any more. */
  readonly #patience: number
  readonly #nowhere: Group<Request> = { uses: [], name: "", waiting: [], head: 0 }
  #ids = 0
  #order = 0

  constructor(rules: ReadonlyArray<Rule<Request>>) {
    const nextId = () => this.#ids++
    this.#rules = rules
    this.#logs = rules.map((rule) => new RuleLogs(rule.limit, spanOf(rule), nextId))
    this.#patience = Math.max(0, ...rules.map(spanOf))
  }

  /** How many logs are kept, over all rules. */
  get size(): number {
    return this.#logs.reduce((sum, { logs }) => sum + logs.size, 0)
  }

  /** How many kinds of requests wait, all of which a decision looks at. */
  get groups(): number {
    return this.#groups.size
  }

  usesOf(request: Request): ReadonlyArray<Use<Request>> {
    return this.#rules.flatMap(({ key: keyOf, cost }, rule) => {
      const key = keyOf(request)
      return key === undefined
        ? []
        : [{ rule, key, log: this.#logs[rule]!.get(key), cost: cost?.(request) ?? 1 }]
    })
  }

  /** Puts a request behind those that wait; only `uses` are looked at. */
  add(
    request: Request,
    now: number,
    uses: ReadonlyArray<Use<Request>> = this.usesOf(request),
  ): Waiter<Request> {
    for (const { log, cost } of uses) {
      log.waiters++
      log.wanted += cost
      if (log.isAmple || log.careless.size === 0) continue
      const waiters = [...log.careless]
      log.careless.clear()
      for (const waiter of waiters) {
        this.#leave(waiter)
        this.#join(waiter)
      }
    }
    const waiter = { request, order: this.#order++, arrived: now, uses, group: this.#nowhere, taken: [] }
    for (const { log } of uses) if (log.isAmple) log.careless.add(waiter)
    this.#join(waiter)
    return waiter
  }

  /** Takes a request out that waits. */
  remove(waiter: Waiter<Request>): void {
    this.#leave(waiter)
    for (const { log, rule, key, cost } of waiter.uses) {
      log.waiters--
      log.wanted -= cost
      log.careless.delete(waiter)
      this.#logs[rule]!.release(key)
    }
  }

  /**
   * Of those that may start now, the one that came first. One that has waited for longer than the longest
   * window is no longer overtaken by any that would put it off.
   */
  decide(now: number): Decision<Request> {
    for (const logs of this.#logs) logs.prune(now)
    if (this.pausedUntil > now)
      return { next: undefined, at: this.#groups.size > 0 ? this.pausedUntil : never }
    const oldest = this.#oldest()
    const promised = oldest !== undefined && now - oldest.arrived >= this.#patience ? oldest.group : undefined
    let next: Waiter<Request> | undefined
    let at = never
    for (const group of this.#groups.values()) {
      const free = freeAt(group)
      if (free > now) at = Math.min(at, free)
      else {
        const first = group.waiting[group.head]!
        if (next !== undefined && next.order < first.order) continue
        if (promised === undefined || promised === group || !putsOff(group, promised, now)) next = first
      }
    }
    return { next, at }
  }

  /** Takes it out of those that wait, and into the logs as started at `at`, not before any other. */
  start(waiter: Waiter<Request>, at: number): void {
    waiter.taken = waiter.uses.map(({ rule, key, log, cost }) => {
      const entry = { at, cost }
      log.add(entry)
      this.#logs[rule]!.started(key, at)
      return entry
    })
    this.remove(waiter)
  }

  /** Takes back one that started but was not sent. */
  retract(waiter: Waiter<Request>): void {
    waiter.uses.forEach(({ log, rule, key }, index) => {
      if (log.remove(waiter.taken[index]!)) this.#logs[rule]!.release(key)
    })
  }

  /** What holds a waiting request back the longest as things stand; those ahead of it may make it longer. */
  waitOf({ group }: Waiter<Request>): Wait {
    let wait: Wait = { until: this.pausedUntil, rule: undefined }
    for (const { log, cost, rule } of group.uses) {
      const until = log.freeAt(cost)
      if (until > wait.until) wait = { until, rule }
    }
    return wait
  }

  /** Into the group of those that look at the same logs, in the order of arrival. */
  #join(waiter: Waiter<Request>): void {
    const uses = waiter.uses.filter(({ log }) => !log.careless.has(waiter))
    const name = uses.map(({ log, cost }) => `${log.id}*${cost}`).join()
    const group = this.#groups.get(name) ?? { uses, name, waiting: [], head: 0 }
    this.#groups.set(name, group)
    let index = group.waiting.length
    while (index > group.head && group.waiting[index - 1]!.order > waiter.order) index--
    group.waiting.splice(index, 0, waiter)
    waiter.group = group
  }

  #leave(waiter: Waiter<Request>): void {
    const { group } = waiter
    const index = group.waiting.indexOf(waiter, group.head)
    if (index === group.head) group.head++
    else if (index > 0) group.waiting.splice(index, 1)
    if (group.head * 2 > group.waiting.length) {
      group.waiting.splice(0, group.head)
      group.head = 0
    }
    if (group.waiting.length === 0) this.#groups.delete(group.name)
  }

  #oldest(): Waiter<Request> | undefined {
    let oldest: Waiter<Request> | undefined
    for (const { waiting, head } of this.#groups.values()) {
      const first = waiting[head]!
      if (oldest === undefined || first.order < oldest.order) oldest = first
    }
    return oldest
  }
}

export const spanOf = ({ windowMillis, marginMillis }: Rule<never>): number =>
  windowMillis + (marginMillis ?? 0)

// -----------------------------------------------------------------------------

const never = Number.POSITIVE_INFINITY

const freeAt = <Request>({ uses }: Group<Request>): number => {
  let free = Number.NEGATIVE_INFINITY
  for (const { log, cost } of uses) free = Math.max(free, log.freeAt(cost))
  return free
}

/** Whether a start of `group` at `now` would make `promised` wait for longer than it must. */
const putsOff = <Request>(group: Group<Request>, promised: Group<Request>, now: number): boolean => {
  const free = Math.max(now, freeAt(promised))
  return promised.uses.some(({ log, cost }) => {
    const shared = group.uses.find((use) => use.log === log)
    return shared !== undefined && log.freeAt(cost, shared.cost, now) > free
  })
}
