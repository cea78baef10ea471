/**
 * The circuit breaker of one host: a host that has failed often enough in a row is left alone for a while, then
 * tried by one attempt at a time.
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { HostConfig } from "../HostConfig.js"
import type { HostError } from "../HostError.js"
import * as HostFailure from "./hostFailure.js"

/** What an observer sees of the state. */
export type Circuit = "closed" | "open" | "half_open"

interface Opened {
  readonly failures: number
  readonly cooldownMillis: number
  /** When the next attempt may be let through, in epoch ms; while one is, when another might have been. */
  readonly untilMillis: number
}

export type State = Data.TaggedEnum<{
  /** Attempts pass; so many have failed since the last that did not. */
  Closed: { readonly failures: number }
  /** None passes until `untilMillis`; the first after that is a probe. */
  Open: Opened
  /** The attempt with this ticket is under way. */
  Probing: Opened & { readonly ticket: Ticket }
}>
export const State = Data.taggedEnum<State>()

/** Given to an attempt when it passes, handed back with its outcome; a number above 0 is a probe's. */
export type Ticket = number
/** Of an attempt that is no probe. */
export const plain: Ticket = 0

/**
 * What an attempt has told: the host failed, it answered (a refusal is an answer), or nothing about the host; `late`
 * is nothing, too, for the call's time was up while the answer came.
 */
export type Verdict = "failed" | "answered" | "nothing" | "late"

export interface Settings {
  /** Failures in a row that open the circuit. */
  readonly threshold: number
  readonly cooldownMillis: number
}

/** The cooldown doubles up to this, in milliseconds. */
export const maxCooldownMillis = 30_000

export const initial: State = State.Closed({ failures: 0 })

/** True if an attempt may pass. */
export const admits = (state: State, now: number): boolean =>
  state._tag === "Closed" || (state._tag === "Open" && isDue(state, now))

/** The state once an attempt that `admits` allows has passed; `ticket` is its own if it is a probe. */
export const enter = (state: State, ticket: Ticket, now: number): State =>
  state._tag === "Open" ? State.Probing({ ...state, ticket, untilMillis: now + state.cooldownMillis }) : state

/** The state once an attempt has ended. */
export const settle = (
  settings: Settings,
  state: State,
  ticket: Ticket,
  verdict: Verdict,
  now: number,
): State => {
  if (verdict === "answered") return initial
  if (verdict === "nothing" || verdict === "late") {
    if (!isProbe(state, ticket)) return state
    return State.Open({
      ...opened(state),
      untilMillis: verdict === "late" ? now + state.cooldownMillis : now,
    })
  }
  const failures = state.failures + 1
  if (isProbe(state, ticket)) {
    const longest = Math.max(maxCooldownMillis, settings.cooldownMillis)
    return open(failures, Math.min(longest, state.cooldownMillis * 2), now)
  }
  if (state._tag !== "Closed") return { ...state, failures }
  return failures < settings.threshold
    ? State.Closed({ failures })
    : open(failures, settings.cooldownMillis, now)
}

export const circuit = (state: State, now: number): Circuit =>
  state._tag === "Closed" ? "closed" : state._tag === "Probing" || isDue(state, now) ? "half_open" : "open"

const open = (failures: number, cooldownMillis: number, now: number): State =>
  State.Open({ failures, cooldownMillis, untilMillis: now + cooldownMillis })

/** A clock that was put back does not keep a circuit open. */
const isDue = ({ cooldownMillis, untilMillis }: Opened, now: number): boolean =>
  now >= untilMillis || untilMillis - now > cooldownMillis

const opened = ({ cooldownMillis, failures, untilMillis }: Opened): Opened => ({
  failures,
  cooldownMillis,
  untilMillis,
})

const isProbe = (state: State, ticket: Ticket): state is Extract<State, { readonly _tag: "Probing" }> =>
  state._tag === "Probing" && state.ticket === ticket

// -----------------------------------------------------------------------------

/** The breaker of one host, as its attempts use it. */
export class Breaker {
  readonly #settings: Settings
  readonly #changed: (isOpen: boolean) => void
  /** Open while the circuit is closed, and for a moment whenever its state changes. */
  readonly #change = Effect.unsafeMakeLatch(true)
  #state = initial
  #tickets = plain
  #last: HostError | undefined

  /** `changed` is told whenever the circuit closes, or ceases to be closed. */
  constructor(config: HostConfig, changed: (isOpen: boolean) => void) {
    this.#settings = {
      threshold: config.breakerThreshold,
      cooldownMillis: Duration.toMillis(config.breakerCooldown),
    }
    this.#changed = changed
  }

  get isClosed(): boolean {
    return this.#state._tag === "Closed"
  }

  /** When an attempt may pass, in epoch ms: 0 while the circuit is closed; a guess while a probe is under way. */
  nextTryMillis(now: number): number {
    const state = this.#state
    if (state._tag === "Closed") return 0
    if (state._tag === "Open") return isDue(state, now) ? Math.min(state.untilMillis, now) : state.untilMillis
    return Math.max(state.untilMillis, now + this.#settings.cooldownMillis)
  }

  circuit(now: number): Circuit {
    return circuit(this.#state, now)
  }

  admits(now: number): boolean {
    return admits(this.#state, now)
  }

  /** Lets an attempt pass, whatever the state; whoever may wait asks `admits` first. */
  enter(now: number): Ticket {
    if (this.isClosed || !this.admits(now)) return plain
    this.#tickets += 1
    this.#become(enter(this.#state, this.#tickets, now))
    return this.#tickets
  }

  /** The attempt brought an answer. */
  answered(): void {
    if (this.#state !== initial) this.#become(initial)
  }

  /**
   * The attempt ended with an error, or was interrupted where there is none. One that the host has answered with
   * nothing at all by the end of the call has failed.
   */
  ended(ticket: Ticket, error: Option.Option<HostError>, now: number, isHeard = true): void {
    const verdict = Option.match(error, {
      onNone: (): Verdict => "nothing",
      onSome: (error) => {
        if (error.reason !== "DeadlineExceeded") return HostFailure.verdict(error)
        return isHeard ? "late" : "failed"
      },
    })
    if (verdict === "failed") this.#last = Option.getOrUndefined(error)
    this.#become(settle(this.#settings, this.#state, ticket, verdict, now))
  }

  /** Why an attempt does not pass. */
  refusal(now: number): HostFailure.Failure {
    return HostFailure.circuitOpen(
      this.#state.failures,
      this.#last,
      Math.max(now, this.nextTryMillis(now)),
      now,
    )
  }

  /** Ends when an attempt may pass or a probe has ended, or at `until` (epoch ms). */
  wait(now: number, until: number): Effect.Effect<void> {
    const end = this.#state._tag === "Open" ? Math.min(until, this.nextTryMillis(now)) : until
    return Effect.asVoid(Effect.timeoutOption(this.#change.await, Math.max(0, end - now)))
  }

  #become(state: State): void {
    const before = this.#state._tag
    this.#state = state
    if (before === state._tag) return
    this.#change.unsafeOpen()
    if (state._tag !== "Closed") this.#change.unsafeClose()
    if (before === "Closed" || state._tag === "Closed") this.#changed(state._tag !== "Closed")
  }
}
