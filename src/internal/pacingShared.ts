/**
 * A limiter's part in a log that it shares with others. It writes what it starts, and does so only when it has
 * read all that they did; what it cannot write, it does alone and tells them later.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { OperationError } from "../OperationError.js"
import type { Rule } from "../Pacing.js"
import type { Entry, Log, Take as Named, Written } from "../PacingLedger.js"
import type { SteadyClock } from "./pacingClock.js"
import { Rivals } from "./pacingRivals.js"
import { type Hold, type Schedule, spanOf, type Take, type Waiter } from "./pacingSchedule.js"

/** After the log has failed it is left alone for so long, in milliseconds. */
const retryMillis = 60_000

/** Nothing takes longer to be written: the log has failed before. */
const mostWritingMillis = 10_000

export class Shared<Request> {
  readonly #log: Log
  readonly #rules: ReadonlyArray<Rule<Request>>
  readonly #schedule: Schedule<Request>
  readonly #time: SteadyClock
  readonly #rivals: Rivals<Request>
  readonly #byName: ReadonlyMap<string, number>
  /** One reads or writes at a time. */
  readonly #turn = Effect.unsafeMakeSemaphore(1)
  /** False until everything that is known to have been written has been read, and told what was done alone. */
  #isCurrent = false
  #aloneUntil = Number.NEGATIVE_INFINITY
  #isAlone = false
  #untold: Array<Entry> = []
  #pausedUntil: number | undefined
  #told: Told = nothing
  /** How long, in milliseconds, it may take from a decision to the start; more where it took longer of late. */
  #writingMillis: number
  readonly #leastWritingMillis: number

  constructor(log: Log, rules: ReadonlyArray<Rule<Request>>, schedule: Schedule<Request>, time: SteadyClock) {
    this.#log = log
    this.#rules = rules
    this.#schedule = schedule
    this.#time = time
    this.#rivals = new Rivals(schedule)
    this.#byName = new Map(rules.map(({ name }, index) => [name, index]))
    this.#leastWritingMillis = Math.max(1, Math.min(10, Math.floor(Math.min(...rules.map(spanOf)) / 100)))
    this.#writingMillis = this.#leastWritingMillis
    if (this.#byName.size < rules.length) {
      throw new Cause.IllegalArgumentException("Pacing cannot share a log: two rules have the same name")
    }
  }

  get hold(): Hold<Request> {
    return this.#rivals.hold
  }

  /**
   * Writes that `waiter` starts, and returns by when it has to; nothing where it has to be decided again, for
   * others have written.
   */
  start(waiter: Waiter<Request>, next: Waiter<Request> | undefined): Effect.Effect<number | undefined> {
    if (waiter.uses.length === 0) return Effect.sync(() => this.#time.stamp())
    return this.#together(
      Effect.gen(this, function* () {
        if (!(yield* this.#catchUp())) return undefined
        const at = this.#time.stamp() + this.#writingMillis
        const waits = this.#rivals.some(at) ? this.#waitsOf(next) : null
        if (!(yield* this.#append(this.#startOf(waiter, at, waits)))) return undefined
        this.#told = { waits, at }
        this.#rivals.started(at)
        return at
      }),
      () => {
        const at = this.#time.stamp() + this.#writingMillis
        this.#untold = [...this.#untold.filter(({ until }) => until > at), this.#startOf(waiter, at, null)]
        this.#rivals.started(at)
        return at
      },
    )
  }

  /**
   * Whether `waiter`, if it starts now, does so by `at`, as was written. Where it does not, what was written
   * stays: a request too many in the log lets nobody start too soon.
   */
  isInTime({ uses }: Waiter<Request>, at: number): boolean {
    if (uses.length === 0) return true
    const late = this.#time.stamp() - at
    const wanted = late > 0 ? 2 * (this.#writingMillis + late) : this.#writingMillis / 2
    this.#writingMillis = Math.max(this.#leastWritingMillis, Math.min(mostWritingMillis, Math.ceil(wanted)))
    return late <= 0
  }

  /**
   * Tells others what they do not know yet: that `waiter` is held back by rules, or that nobody is any more.
   * False where it has to be decided again, for others have written.
   */
  tell(waiter: Waiter<Request> | undefined): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      if (this.#rivals.isEmpty && this.#told.waits === null && this.#pausedUntil === undefined) {
        return Effect.succeed(true)
      }
      const now = this.#time.now()
      const waits = this.#rivals.some(now) ? this.#waitsOf(waiter) : null
      const isKnown = isSame(waits, this.#told.waits) && now < this.tellAgainAt
      if (isKnown && this.#pausedUntil === undefined) return Effect.succeed(true)
      return this.#together(
        Effect.gen(this, function* () {
          if (!(yield* this.#catchUp())) return false
          const pausedUntil = this.#pausedUntil ?? null
          const at = this.#time.stamp()
          const until = Math.max(this.#untilOf(at, [], waits), pausedUntil ?? 0)
          if (!(yield* this.#append({ at, until, takes: [], waits, pausedUntil }))) return false
          this.#told = { waits, at }
          if (this.#pausedUntil === pausedUntil) this.#pausedUntil = undefined
          return true
        }),
        () => {
          this.#told = nothing
          return true
        },
      )
    })
  }

  /** When those that wait have to be told of again, before the others forget them. */
  get tellAgainAt(): number {
    return this.#told.waits === null
      ? Number.POSITIVE_INFINITY
      : this.#told.at + Math.ceil(this.#schedule.patience / 2)
  }

  /** To be told with what is told next. */
  pause(until: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil ?? 0, until)
  }

  /** Learns what others have started; nothing where that cannot be read. */
  readonly refresh: Effect.Effect<void> = Effect.suspend(() =>
    this.#together(this.#log.read(this.#observe), () => undefined),
  )

  /** True where nothing had to be learned or told first. */
  #catchUp(): Effect.Effect<boolean, OperationError> {
    return Effect.gen(this, function* () {
      if (this.#isCurrent) return true
      yield* this.#log.read(this.#observe)
      for (let first = this.#untold[0]; first !== undefined; first = this.#untold[0]) {
        if (first.until <= this.#time.now() || (yield* this.#log.append(first))) this.#untold.shift()
        else yield* this.#log.read(this.#observe)
      }
      this.#isCurrent = true
      return false
    })
  }

  #append(entry: Entry): Effect.Effect<boolean, OperationError> {
    return Effect.tap(this.#log.append(entry), (isWritten) =>
      Effect.sync(() => {
        this.#isCurrent = isWritten
      }),
    )
  }

  /** Whoever has decided before has to decide again. */
  readonly #observe = (written: ReadonlyArray<Written>): void => {
    if (written.length > 0) this.#isCurrent = false
    for (const { entry, owner } of written) {
      this.#schedule.observe(this.#known(entry.takes), entry.at)
      this.#rivals.note(owner, entry, this.#known(entry.waits?.takes ?? []))
      if (entry.pausedUntil !== null) {
        this.#schedule.pausedUntil = Math.max(this.#schedule.pausedUntil, entry.pausedUntil)
      }
    }
  }

  /** With the log, unless that has failed of late, or else as it is without. */
  #together<A>(effect: Effect.Effect<A, OperationError>, alone: () => A): Effect.Effect<A> {
    return Effect.suspend(() =>
      this.#isAlone && this.#time.now() < this.#aloneUntil
        ? Effect.sync(alone)
        : effect.pipe(
            this.#turn.withPermits(1),
            Effect.tap(() => this.#comeBack),
            Effect.catchAllCause((cause) =>
              Cause.isInterruptedOnly(cause)
                ? Effect.interrupt
                : Effect.zipRight(this.#giveUp(Cause.squash(cause)), Effect.sync(alone)),
            ),
          ),
    )
  }

  #giveUp(error: unknown): Effect.Effect<void> {
    return Effect.suspend(() => {
      const isNews = !this.#isAlone
      this.#isAlone = true
      this.#isCurrent = false
      this.#aloneUntil = this.#time.now() + retryMillis
      const why = error instanceof Error ? error.message : String(error)
      return isNews
        ? Effect.logWarning(`Requests are paced without regard to those of other processes: ${why}`)
        : Effect.void
    })
  }

  readonly #comeBack: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.#isAlone) return Effect.void
    this.#isAlone = false
    return Effect.logInfo("Requests are paced together with those of other processes again")
  })

  #startOf({ uses }: Waiter<Request>, at: number, waits: Entry["waits"]): Entry {
    const takes = this.#named(uses)
    return { at, until: this.#untilOf(at, takes, waits), takes, waits, pausedUntil: null }
  }

  /** When the rules do not count any more what is taken, is wanted, and was said to be wanted before. */
  #untilOf(at: number, takes: ReadonlyArray<Named>, waits: Entry["waits"]): number {
    const all = [...takes, ...(waits?.takes ?? []), ...(this.#told.waits?.takes ?? [])]
    return at + Math.max(0, ...this.#known(all).map(({ rule }) => spanOf(this.#rules[rule]!)))
  }

  #waitsOf(waiter: Waiter<Request> | undefined): Entry["waits"] {
    return waiter === undefined || waiter.group.uses.length === 0
      ? null
      : { since: waiter.arrived, takes: this.#named(waiter.group.uses) }
  }

  #named(takes: ReadonlyArray<Take>): ReadonlyArray<Named> {
    return takes.map(({ rule, key, cost }) => ({ rule: this.#rules[rule]!.name, key, cost }))
  }

  /** Rules that only others have are left out. */
  #known(takes: ReadonlyArray<Named>): ReadonlyArray<Take> {
    return takes.flatMap(({ rule, key, cost }) => {
      const index = this.#byName.get(rule)
      return index === undefined ? [] : [{ rule: index, key, cost }]
    })
  }
}

// ---------------------------------------------------------------------------------------------------------

/** Who was said to wait, and when. */
interface Told {
  readonly waits: Entry["waits"]
  readonly at: number
}

const nothing: Told = { waits: null, at: 0 }

const isSame = (one: Entry["waits"], other: Entry["waits"]): boolean =>
  JSON.stringify(one?.takes) === JSON.stringify(other?.takes)
