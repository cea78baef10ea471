/**
 * Who may start next: the waiting requests of a set of rules, and the logs of those that started. Pure but for
 * its own state; time comes in from outside, in milliseconds, and never falls.
 */
import type { Rule } from "../Pacing.js"
import { type Entry, RuleLogs, type SlidingLog } from "./pacingLog.js"

/** What a request takes of one rule. */
export interface Take {
  readonly rule: number
  readonly key: string
  readonly cost: number
}

export interface Use<Request> extends Take {
  readonly log: SlidingLog<Waiter<Request>>
}

/** What was taken. */
export interface Taken extends Take {
  readonly at: number
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

/** The instant before which those of a group are not to start, whatever the logs say. */
export type Hold<Request> = (group: Group<Request>, now: number) => number

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
  readonly patience: number
  readonly #nowhere: Group<Request> = { uses: [], name: "", waiting: [], head: 0 }
  #ids = 0
  #order = 0

  constructor(rules: ReadonlyArray<Rule<Request>>) {
    const nextId = () => this.#ids++
    this.#rules = rules
    this.#logs = rules.map((rule) => new RuleLogs(rule.limit, spanOf(rule), nextId))
    this.patience = Math.max(0, ...rules.map(spanOf))
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
      this.#alert(log)
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
  decide(now: number, hold?: Hold<Request>): Decision<Request> {
    for (const logs of this.#logs) logs.prune(now)
    if (this.pausedUntil > now)
      return { next: undefined, at: this.#groups.size > 0 ? this.pausedUntil : never }
    const oldest = this.oldest()
    const promised = oldest !== undefined && now - oldest.arrived >= this.patience ? oldest.group : undefined
    let next: Waiter<Request> | undefined
    let at = never
    for (const group of this.#groups.values()) {
      const free = hold === undefined ? freeAt(group) : Math.max(freeAt(group), hold(group, now))
      if (free > now) at = Math.min(at, free)
      else {
        const first = group.waiting[group.head]!
        if (next !== undefined && next.order < first.order) continue
        if (promised === undefined || promised === group || !putsOff(group, promised, now)) next = first
      }
    }
    return { next, at }
  }

  /** Takes it out of those that wait, and into the logs as started at `at`. */
  start(waiter: Waiter<Request>, at: number): void {
    waiter.taken = waiter.uses.map(({ rule, key, log, cost }) => {
      const entry = { at, cost }
      log.add(entry)
      this.#logs[rule]!.started(key, at)
      return entry
    })
    this.remove(waiter)
  }

  /** Takes into the logs what one has started with that did not wait here. */
  observe(takes: ReadonlyArray<Take>, at: number): void {
    for (const { rule, key, cost } of takes) {
      const log = this.#logs[rule]!.get(key)
      log.add({ at, cost })
      this.#logs[rule]!.started(key, at)
      this.#alert(log)
    }
  }

  /** All that the rules still count. */
  taken(now: number): ReadonlyArray<Taken> {
    return this.#logs.flatMap(({ logs }, rule) =>
      [...logs].flatMap(([key, log]) => log.recent(now).map(({ at, cost }) => ({ rule, key, at, cost }))),
    )
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

  /**
   * When `takes` have room, if a start of the group at `now` would put that off: long ago where they have it
   * already.
   */
  freeIfPutOff(group: Group<Request>, takes: ReadonlyArray<Take>, now: number): number | undefined {
    const wanted = takes.map(({ rule, key, cost }) => ({ rule, key, cost, log: this.#logs[rule]!.get(key) }))
    const free = freeAt({ uses: wanted })
    return free < never && putsOff(group, { uses: wanted }, now) ? free : undefined
  }

  /** Of those that wait the one that came first; `but` is left out, which is the first of its group. */
  oldest(but?: Waiter<Request>): Waiter<Request> | undefined {
    let oldest: Waiter<Request> | undefined
    for (const { waiting, head } of this.#groups.values()) {
      const first = waiting[head] === but ? waiting[head + 1] : waiting[head]
      if (first !== undefined && (oldest === undefined || first.order < oldest.order)) oldest = first
    }
    return oldest
  }

  /** Lets those look at a log who did not need to, unless it has room for all of them still. */
  #alert(log: SlidingLog<Waiter<Request>>): void {
    if (log.isAmple || log.careless.size === 0) return
    const waiters = [...log.careless]
    log.careless.clear()
    for (const waiter of waiters) {
      this.#leave(waiter)
      this.#join(waiter)
    }
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
}

export const spanOf = ({ windowMillis, marginMillis }: Rule<never>): number =>
  windowMillis + (marginMillis ?? 0)

// -----------------------------------------------------------------------------

const never = Number.POSITIVE_INFINITY

type Uses<Request> = Pick<Group<Request>, "uses">

export const freeAt = <Request>({ uses }: Uses<Request>): number => {
  let free = Number.NEGATIVE_INFINITY
  for (const { log, cost } of uses) free = Math.max(free, log.freeAt(cost))
  return free
}

/** Whether a start of `group` at `now` would make `promised` wait for longer than it must. */
const putsOff = <Request>(group: Uses<Request>, promised: Uses<Request>, now: number): boolean => {
  const free = Math.max(now, freeAt(promised))
  return promised.uses.some(({ log, cost }) => {
    const shared = group.uses.find((use) => use.log === log)
    return shared !== undefined && log.freeAt(cost, shared.cost, now) > free
  })
}
