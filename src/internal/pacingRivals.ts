/**
 * The limiters that share a log, as one of them sees them: whose turn it is where there is not room for all.
 */
import type { Entry } from "../PacingLedger.js"
import { freeAt, type Group, type Schedule, type Take } from "./pacingSchedule.js"

/** For so long, in milliseconds, what is free is left to one whose turn it is. */
const courtesyMillis = 5

interface Rival {
  /** Which start of the log was its last. */
  readonly turn: number
  readonly waits: { readonly since: number; readonly takes: ReadonlyArray<Take> } | undefined
  /** When it was heard of last. */
  readonly at: number
}

export class Rivals<Request> {
  #turns = 0
  /** The last start of the limiter whose rivals these are. */
  #own = { turn: 0, at: Number.NEGATIVE_INFINITY }
  readonly #schedule: Schedule<Request>
  readonly #rivals = new Map<string, Rival>()

  constructor(schedule: Schedule<Request>) {
    this.#schedule = schedule
  }

  get isEmpty(): boolean {
    return this.#rivals.size === 0
  }

  /** A rival that is silent for longer than the longest window is forgotten. */
  some(now: number): boolean {
    for (const [owner, { at }] of this.#rivals) {
      if (at + this.#schedule.patience <= now) this.#rivals.delete(owner)
    }
    return this.#rivals.size > 0
  }

  /** To be told of every entry of the log, in its order: here of one's own starts. */
  started(at: number): void {
    this.#own = { turn: ++this.#turns, at }
  }

  note(owner: string, { at, takes, waits }: Entry, wanted: ReadonlyArray<Take>): void {
    this.#rivals.set(owner, {
      turn: takes.length > 0 ? ++this.#turns : (this.#rivals.get(owner)?.turn ?? 0),
      waits: waits === null ? undefined : { since: waits.since, takes: wanted },
      at,
    })
  }

  /**
   * The instant before which those of `group` are not to start, for the sake of rivals that wait for a log of
   * theirs and whose last start is longer ago: a moment for each, and after a start of one's own another one,
   * for they wait for those before them. One that has waited for longer than the longest window is not put off.
   */
  readonly hold = (group: Group<Request>, now: number): number => {
    let ahead = 0
    let until = Number.NEGATIVE_INFINITY
    for (const { at, turn, waits } of this.#rivals.values()) {
      if (waits === undefined || turn >= this.#own.turn || at + this.#schedule.patience <= now) continue
      const isWanted = group.uses.some((use) =>
        waits.takes.some(({ rule, key }) => rule === use.rule && key === use.key),
      )
      if (!isWanted) continue
      ahead++
      if (now - waits.since >= this.#schedule.patience) {
        until = Math.max(until, this.#schedule.putOffUntil(group, waits.takes, now))
      }
    }
    if (ahead === 0) return until
    const courtesy = ahead * courtesyMillis
    return Math.max(until, freeAt(group) + courtesy, this.#own.at + courtesyMillis + courtesy)
  }
}
