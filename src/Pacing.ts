/**
 * Which request may start when, under rules of the kind "at most 60 in any 10 minutes". The rules keep sliding
 * logs, so that any window of the stated length obeys, not only those that begin with the clock's.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { SteadyClock } from "./internal/pacingClock.js"
import { Limiter } from "./internal/pacingLimiter.js"
import { planning, takenBy } from "./internal/pacingPlan.js"
import type { Log } from "./PacingLedger.js"

/**
 * In any window `[t, t + windowMillis)` the requests of one key that start cost at most `limit` together.
 */
export interface Rule<in Request> {
  /** As a person reads it while waiting: `60 requests in 10 minutes`. */
  readonly name: string
  readonly limit: number
  readonly windowMillis: number
  /** How much longer a window is kept, for requests do not take equally long to arrive; 0 by default. */
  readonly marginMillis?: number | undefined
  /** Requests of the same key share the limit; without one the rule does not hold for the request. */
  readonly key: (request: Request) => string | undefined
  /** 1 by default. */
  readonly cost?: ((request: Request) => number) | undefined
}

/** A set of rules, all of which hold at once. */
export interface Rules<in Request> {
  readonly windows: ReadonlyArray<Rule<Request>>
  /** Open requests at most. How many are open adapts between 1 and this. */
  readonly maxOpen: number
  /** After a run of answers that came within this time, one more may be open. */
  readonly quickMillis: number
}

export { Held } from "./internal/pacingHeld.js"

/** A request that started, `at` in epoch milliseconds. */
export interface Started<out Request> {
  readonly request: Request
  readonly at: number
}

/** The least time between the first moment and the last start, and the rule that makes it. */
export interface Floor {
  readonly millis: number
  readonly rule: string | undefined
}

/** The least time that a single rule takes, and what the requests of the key that makes it cost together. */
export interface Bound {
  readonly rule: string
  readonly millis: number
  readonly cost: number
}

export interface Plan {
  /** When each request starts (epoch ms), in the order in which they were given. */
  readonly starts: Float64Array
  /** The last of them; the moment of planning where there is none. */
  readonly end: number
  /** One for each rule that takes time, the largest first, margins left out. */
  readonly bounds: ReadonlyArray<Bound>
  /** The largest of them: no schedule can be shorter. */
  readonly floor: Floor
}

/** Given to a request that may start. */
export interface Permit {
  /**
   * Says that it was one too many: it timed out, or was refused for its pace. The number of open requests is
   * halved, once for all that were open together; for `pauseMillis` nothing starts.
   */
  readonly slower: (pauseMillis?: number) => Effect.Effect<void>
}

/** How many requests may be open now, are open, wait, and how many logs are kept for them and for the past. */
export interface State {
  readonly limit: number
  readonly open: number
  readonly waiting: number
  readonly logs: number
}

export interface Pacing<in out Request> {
  readonly rules: Rules<Request>
  /**
   * Waits until the request may start, counts it, and runs the effect, which is open until it ends. Of several
   * that may start the one that came first does; one that may not holds up none that may, and is not overtaken
   * any more once it has waited for longer than the longest window. While it waits the current step of the
   * progress says why and until when, and what `Held` names is let go. Interrupted before its turn, it leaves
   * no trace.
   */
  readonly run: <A, E, R>(
    request: Request,
    use: (permit: Permit) => Effect.Effect<A, E, R>,
  ) => Effect.Effect<A, E, R>
  /** What this limiter let start so short ago that a rule still counts it, oldest first. */
  readonly log: Effect.Effect<ReadonlyArray<Started<Request>>>
  /** When requests would start that all came now, after what has started here and elsewhere. */
  readonly plan: (requests: ReadonlyArray<Request>) => Effect.Effect<Plan>
  readonly state: Effect.Effect<State>
}

/**
 * A limiter, at work until its scope closes. Its time never falls: a clock that is set back neither lets more
 * through nor makes a wait longer. A request that costs more than a rule's limit is a defect, and so are rules
 * that let nothing through.
 *
 * With a `log` that others have open, in this process or in another, the rules hold for all of them together,
 * each in turn where there is not room for all, and a pause that the host asks one for is kept by all. Their
 * names have to tell the rules apart. A log that fails is warned of, and left alone for a minute: until then
 * the rules hold for this limiter, and for what is known of others. One that is interrupted when its turn has
 * come may keep its room.
 */
export const make = <Request>(
  rules: Rules<Request>,
  log?: Log,
): Effect.Effect<Pacing<Request>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const limiter = new Limiter(rules, new SteadyClock(yield* Effect.clock, log?.now), log)
    yield* Effect.forkScoped(Effect.interruptible(limiter.wakeUp))
    return limiter
  })

/**
 * When each of `requests` starts if all of them wait from `now` (epoch ms) on, one after another in their
 * order, and every answer is immediate; `log` holds what started before. It is what the limiter does.
 */
export const plan = <Request>(
  rules: ReadonlyArray<Rule<Request>>,
  requests: ReadonlyArray<Request>,
  now: number,
  log: ReadonlyArray<Started<Request>> = [],
): Plan => {
  const work = planning(rules, requests, now, takenBy(rules, log))
  for (;;) {
    const turn = work.next()
    if (turn.done === true) return turn.value
  }
}
