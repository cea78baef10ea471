/**
 * Sliding logs: what a rule has let through of late, per key, in the order of the starts.
 */

/** A request that started: when (ms), and what it cost. */
export interface Entry {
  readonly at: number
  readonly cost: number
}

/** The log of one key of one rule. Its entries are in order of time. `Waiter` is whoever waits. */
export class SlidingLog<Waiter> {
  /** What the entries cost together. */
  used = 0
  /** How many requests wait that take of it, and what they cost together. */
  waiters = 0
  wanted = 0
  /** Those of them that came while the log had room for all, and so need not look at it. */
  readonly careless = new Set<Waiter>()
  readonly entries: Array<Entry> = []
  #head = 0

  constructor(
    readonly id: number,
    readonly limit: number,
    readonly spanMillis: number,
  ) {}

  get isEmpty(): boolean {
    return this.#head === this.entries.length
  }

  /** Has room for all that wait, in whatever order they start. */
  get isAmple(): boolean {
    return this.used + this.wanted <= this.limit
  }

  /**
   * The first instant at which `cost` has room: long ago where it has room already, never where it is more
   * than the limit. With `ahead`, as if that had been started at `now`.
   */
  freeAt(cost: number, ahead = 0, now = 0): number {
    if (cost > this.limit) return Number.POSITIVE_INFINITY
    let excess = this.used + ahead + cost - this.limit
    if (excess <= 0) return Number.NEGATIVE_INFINITY
    for (let index = this.#head; index < this.entries.length; index++) {
      const entry = this.entries[index]!
      excess -= entry.cost
      if (excess <= 0) return entry.at + this.spanMillis
    }
    return now + this.spanMillis
  }

  add(entry: Entry): void {
    insert(this.entries, entry, this.#head)
    this.used += entry.cost
  }

  /** What still counts. */
  recent(now: number): ReadonlyArray<Entry> {
    return this.entries.slice(this.#head).filter(({ at }) => at + this.spanMillis > now)
  }

  /** Takes back what did not start after all. */
  remove(entry: Entry): boolean {
    const index = this.entries.lastIndexOf(entry)
    if (index < this.#head) return false
    this.entries.splice(index, 1)
    this.used -= entry.cost
    return true
  }

  /** Forgets what no window that is still to come can hold. */
  prune(now: number): void {
    for (let entry = this.entries[this.#head]; entry !== undefined; entry = this.entries[this.#head]) {
      if (entry.at + this.spanMillis > now) break
      this.used -= entry.cost
      this.#head++
    }
    if (this.#head * 2 > this.entries.length) {
      this.entries.splice(0, this.#head)
      this.#head = 0
    }
  }
}

/** The logs of one rule by key. A log that is empty and that nobody waits for is dropped. */
export class RuleLogs<Waiter> {
  readonly logs = new Map<string, SlidingLog<Waiter>>()
  readonly #order: Array<{ readonly at: number; readonly key: string }> = []
  #head = 0

  constructor(
    readonly limit: number,
    readonly spanMillis: number,
    readonly nextId: () => number,
  ) {}

  get(key: string): SlidingLog<Waiter> {
    const known = this.logs.get(key)
    if (known !== undefined) return known
    const log = new SlidingLog<Waiter>(this.nextId(), this.limit, this.spanMillis)
    this.logs.set(key, log)
    return log
  }

  started(key: string, at: number): void {
    insert(this.#order, { at, key }, this.#head)
  }

  release(key: string): void {
    const log = this.logs.get(key)
    if (log !== undefined && log.waiters === 0 && log.isEmpty) this.logs.delete(key)
  }

  prune(now: number): void {
    for (let first = this.#order[this.#head]; first !== undefined; first = this.#order[this.#head]) {
      if (first.at + this.spanMillis > now) break
      this.logs.get(first.key)?.prune(now)
      this.release(first.key)
      this.#head++
    }
    if (this.#head * 2 > this.#order.length) {
      this.#order.splice(0, this.#head)
      this.#head = 0
    }
  }
}

// -----------------------------------------------------------------------------

/** Behind all that are no later, which are nearly always all there are. */
const insert = <A extends { readonly at: number }>(sorted: Array<A>, item: A, from: number): void => {
  let index = sorted.length
  while (index > from && sorted[index - 1]!.at > item.at) index--
  if (index === sorted.length) sorted.push(item)
  else sorted.splice(index, 0, item)
}
