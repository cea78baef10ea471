/**
 * The limiter behind `Pacing.make`: whoever comes or goes lets start who may; a fiber of its own wakes up when
 * the rules have room again. With a log that others share it is that fiber alone who lets start.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Pacing, Permit, Plan, Rules, Started } from "../Pacing.js"
import type { Log } from "../PacingLedger.js"
import * as Progress from "../Progress.js"
import { breathe } from "./breathe.js"
import type { SteadyClock } from "./pacingClock.js"
import { Held } from "./pacingHeld.js"
import { planning } from "./pacingPlan.js"
import { type Decision, type Hold, Schedule, type Waiter } from "./pacingSchedule.js"
import { Shared } from "./pacingShared.js"
import * as Tree from "./progressTree.js"

export class Limiter<Request> implements Pacing<Request> {
  readonly rules: Rules<Request>
  readonly #time: SteadyClock
  readonly #schedule: Schedule<Request>
  readonly #shared: Shared<Request> | undefined
  readonly #tickets = new Map<Waiter<Request>, Ticket<Request>>()
  /** Those that no decision has been made on. */
  readonly #fresh = new Set<Ticket<Request>>()
  /** Those that would say how long they wait, and cannot yet. */
  readonly #uncertain = new Map<Ticket<Request>, Effect.Latch>()
  readonly #alarm = Effect.unsafeMakeLatch(false)
  #started: Array<Started<Request>> = []
  #startedBound = 1024
  /** When the fiber that wakes up next does so. */
  #wakeAt = Number.POSITIVE_INFINITY
  #open = 0
  #limit: number
  /** Quick answers since the last change. */
  #quick = 0
  /** How often the number of open requests was halved. */
  #generation = 0

  constructor(rules: Rules<Request>, time: SteadyClock, log?: Log) {
    for (const { name, limit, windowMillis, marginMillis = 0 } of rules.windows) {
      if (!(limit >= 1 && windowMillis > 0 && marginMillis >= 0)) throw unsound(`the rule ${name}`)
    }
    if (!(rules.maxOpen >= 1)) throw unsound(`${rules.maxOpen} open requests`)
    this.rules = rules
    this.#time = time
    this.#schedule = new Schedule(rules.windows)
    this.#shared = log === undefined ? undefined : new Shared(log, rules.windows, this.#schedule, this.#time)
    this.#limit = Math.floor(rules.maxOpen)
  }

  readonly run = <A, E, R>(
    request: Request,
    use: (permit: Permit) => Effect.Effect<A, E, R>,
  ): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const ticket = this.#enter(request)
        const turn = ticket.isGranted
          ? Effect.void
          : Effect.onInterrupt(restore(this.#await(ticket)), () => Effect.sync(() => this.#withdraw(ticket)))
        const work = Effect.suspend(() => {
          ticket.beganAt = this.#time.now()
          return use({ slower: (pauseMillis) => this.#slower(ticket, pauseMillis) })
        })
        const begun = Effect.onExit(restore(work), (exit) => Effect.sync(() => this.#leave(ticket, exit)))
        const shared = this.#shared
        if (shared === undefined) return Effect.zipRight(turn, begun)
        const inTime = Effect.suspend(() => {
          if (ticket.started === undefined || shared.isInTime(ticket.waiter, ticket.started.at)) return begun
          this.#leave(ticket, Exit.void)
          return restore(this.run(request, use))
        })
        return Effect.zipRight(turn, inTime)
      }),
    )

  readonly log: Effect.Effect<ReadonlyArray<Started<Request>>> = Effect.sync(() =>
    this.#recent().map(({ request, at }) => ({ request, at: this.#time.toEpoch(at) })),
  )

  readonly plan = (requests: ReadonlyArray<Request>): Effect.Effect<Plan> =>
    Effect.gen(this, function* () {
      yield* this.#shared?.refresh ?? Effect.void
      const now = yield* Clock.currentTimeMillis
      const past = this.#schedule.taken(this.#time.now())
      const origin = this.#time.toEpoch(0)
      const taken = past.map((one) => ({ ...one, at: origin + one.at }))
      const work = planning(this.rules.windows, requests, now, taken)
      for (;;) {
        const turn = yield* breathe(() => work.next())
        if (turn.done === true) return turn.value
      }
    })

  readonly state: Pacing<Request>["state"] = Effect.sync(() => ({
    limit: this.#limit,
    open: this.#open,
    waiting: this.#tickets.size,
    logs: this.#schedule.size,
  }))

  readonly wakeUp: Effect.Effect<never> = Effect.suspend(() => {
    this.#alarm.unsafeClose()
    if (this.#shared !== undefined) {
      return Effect.flatMap(this.#dispatchShared(this.#shared), (at) => this.#sleepUntil(at))
    }
    this.#wakeAt = this.#dispatch()
    return this.#sleepUntil(this.#wakeAt)
  }).pipe(Effect.forever)

  #sleepUntil(at: number): Effect.Effect<void> {
    return at === Number.POSITIVE_INFINITY
      ? this.#alarm.await
      : Effect.raceFirst(this.#time.sleepUntil(at), this.#alarm.await)
  }

  #enter(request: Request): Ticket<Request> {
    const uses = this.#schedule.usesOf(request)
    const greedy = uses.find(({ cost, log }) => !(cost >= 0 && cost <= log.limit))
    if (greedy !== undefined) throw unsound(`a cost of ${greedy.cost} under a limit of ${greedy.log.limit}`)
    const waiter = this.#schedule.add(request, this.#time.now(), uses)
    const ticket = new Ticket(waiter)
    this.#tickets.set(waiter, ticket)
    if (this.#shared !== undefined) this.#fresh.add(ticket)
    this.#work()
    return ticket
  }

  #work(): void {
    if (this.#shared !== undefined || this.#dispatch() < this.#wakeAt) this.#alarm.unsafeOpen()
  }

  /** Lets start whoever may, and returns when to look again. */
  #dispatch(): number {
    const now = this.#time.now()
    for (;;) {
      const { at, next } = this.#decide(now)
      if (next !== undefined) this.#grant(next, this.#time.stamp())
      else {
        this.#clarify(now)
        return at
      }
    }
  }

  #dispatchShared(shared: Shared<Request>): Effect.Effect<number> {
    return Effect.gen(this, function* () {
      for (;;) {
        const { at, next } = this.#decide(this.#time.now(), shared.hold)
        if (next === undefined) {
          if (!(yield* shared.tell(this.#heldBack(0)))) continue
          if (this.#uncertain.size > 0) this.#clarify(this.#time.now())
          for (const ticket of this.#fresh) ticket.decided.unsafeOpen()
          this.#fresh.clear()
          return Math.min(at, shared.tellAgainAt)
        }
        const startsAt = yield* shared.start(next, this.#heldBack(1, next))
        if (startsAt === undefined) continue
        if (this.#tickets.has(next) && this.#isReady()) this.#grant(next, startsAt)
        else this.#schedule.observe(next.uses, startsAt)
      }
    })
  }

  #decide(now: number, hold?: Hold<Request>): Decision<Request> {
    return this.#open < this.#limit && this.#tickets.size > 0
      ? this.#schedule.decide(now, hold)
      : { next: undefined, at: Number.POSITIVE_INFINITY }
  }

  /** Whether more than rules may let one start while `more` others do. */
  #isReady(more = 0): boolean {
    const { pausedUntil } = this.#schedule
    const isPaused = pausedUntil > Number.NEGATIVE_INFINITY && pausedUntil > this.#time.now()
    return this.#open + more < this.#limit && !isPaused
  }

  /** Who waits longest because of rules, once `more` have started, of which one is `but`. */
  #heldBack(more: number, but?: Waiter<Request>): Waiter<Request> | undefined {
    return this.#isReady(more) ? this.#schedule.oldest(but) : undefined
  }

  /** Those that could not say how long they wait may be able to. */
  #clarify(now: number): void {
    for (const [ticket, latch] of this.#uncertain) {
      if (this.#schedule.waitOf(ticket.waiter).until > now) latch.unsafeOpen()
    }
  }

  #grant(waiter: Waiter<Request>, at: number): void {
    const ticket = this.#tickets.get(waiter)
    this.#tickets.delete(waiter)
    this.#schedule.start(waiter, at)
    this.#open++
    if (this.#started.length >= this.#startedBound) {
      this.#startedBound = Math.max(1024, 2 * this.#recent().length)
    }
    const started = { request: waiter.request, at }
    this.#started.push(started)
    ticket?.grant(started, this.#generation)
  }

  #await(ticket: Ticket<Request>): Effect.Effect<void> {
    const turn = this.#awaitGrant(ticket)
    return this.#shared === undefined
      ? turn
      : Effect.flatMap(ticket.decided.await, () => (ticket.isGranted ? Effect.void : turn))
  }

  /** Waits for the grant; where anybody looks on, says why and until when. */
  #awaitGrant(ticket: Ticket<Request>): Effect.Effect<void> {
    const granted = Effect.zipRight(
      Effect.flatMap(Held, ({ letGo }) => letGo),
      ticket.granted.await,
    )
    return Effect.flatMap(Progress.current, (step) =>
      step === Tree.silent
        ? granted
        : Effect.zipRight(
            Effect.raceFirst(granted, this.#explain(ticket)),
            Effect.suspend(() =>
              ticket.reason === undefined
                ? Effect.void
                : Progress.waiting(ticket.reason, this.#time.toEpoch(this.#time.now())),
            ),
          ),
    )
  }

  #explain(ticket: Ticket<Request>): Effect.Effect<never> {
    return Effect.suspend(() => {
      const { rule, until } = this.#schedule.waitOf(ticket.waiter)
      if (until > this.#time.now()) {
        ticket.reason = rule === undefined ? pause : this.rules.windows[rule]!.name
        const said = Progress.waiting(ticket.reason, this.#time.toEpoch(until))
        return Effect.zipRight(said, this.#time.sleepUntil(until))
      }
      const latch = Effect.unsafeMakeLatch(false)
      this.#uncertain.set(ticket, latch)
      return Effect.ensuring(
        latch.await,
        Effect.sync(() => this.#uncertain.delete(ticket)),
      )
    }).pipe(Effect.forever)
  }

  /** One that was interrupted before it began, whether or not its turn had come. */
  #withdraw(ticket: Ticket<Request>): void {
    this.#fresh.delete(ticket)
    if (ticket.started === undefined) {
      this.#tickets.delete(ticket.waiter)
      this.#schedule.remove(ticket.waiter)
      this.#work()
    } else this.#leave(ticket, Exit.void)
  }

  #leave(ticket: Ticket<Request>, exit: Exit.Exit<unknown, unknown>): void {
    this.#open--
    if (ticket.beganAt === undefined) {
      if (this.#shared === undefined) this.#retract(ticket)
    } else if (Exit.isFailure(exit)) {
      if (!Cause.isInterruptedOnly(exit.cause)) this.#quick = 0
    } else this.#answered(ticket.isQuick && this.#time.now() - ticket.beganAt <= this.rules.quickMillis)
    this.#work()
  }

  #retract(ticket: Ticket<Request>): void {
    this.#schedule.retract(ticket.waiter)
    this.#started = this.#started.filter((started) => started !== ticket.started)
  }

  #answered(isQuick: boolean): void {
    this.#quick = isQuick ? this.#quick + 1 : 0
    if (this.#quick < this.#limit || this.#limit >= Math.floor(this.rules.maxOpen)) return
    this.#quick = 0
    this.#limit++
  }

  #slower(ticket: Ticket<Request>, pauseMillis = 0): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#quick = 0
      ticket.isQuick = false
      if (ticket.generation === this.#generation) {
        this.#generation++
        this.#limit = Math.max(1, Math.floor(this.#limit / 2))
      }
      const until = this.#time.stamp() + pauseMillis
      if (pauseMillis <= 0) return
      this.#schedule.pausedUntil = Math.max(this.#schedule.pausedUntil, until)
      this.#shared?.pause(until)
      if (this.#shared !== undefined) this.#alarm.unsafeOpen()
    })
  }

  #recent(): ReadonlyArray<Started<Request>> {
    const since = this.#time.now() - this.#schedule.patience
    this.#started = this.#started.filter(({ at }) => at > since)
    return this.#started
  }
}

// -----------------------------------------------------------------------------

const pause = "the host asked for a pause"

/** A request on its way through. */
class Ticket<Request> {
  readonly granted = Effect.unsafeMakeLatch(false)
  /** Open once it is known whether it has to wait. */
  readonly decided = Effect.unsafeMakeLatch(false)
  started: Started<Request> | undefined = undefined
  beganAt: number | undefined = undefined
  generation = 0
  /** False once it has said that it was one too many. */
  isQuick = true
  /** What was said of its wait. */
  reason: string | undefined = undefined

  constructor(readonly waiter: Waiter<Request>) {}

  get isGranted(): boolean {
    return this.started !== undefined
  }

  grant(started: Started<Request>, generation: number): void {
    this.started = started
    this.generation = generation
    this.granted.unsafeOpen()
    this.decided.unsafeOpen()
  }
}

const unsound = (found: string): Cause.IllegalArgumentException =>
  new Cause.IllegalArgumentException(`Pacing can let nothing through: ${found}`)
