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
  /** When there was, or will be, room for what it waits for; long ago where that is not known. */
  free: number
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
    const before = this.#rivals.get(owner)
    const isStart = takes.length > 0
    const isRepeated = !isStart && JSON.stringify(before?.waits?.takes) === JSON.stringify(wanted)
    this.#rivals.set(owner, {
      turn: isStart ? ++this.#turns : (before?.turn ?? 0),
      waits: waits === null ? undefined : { since: waits.since, takes: wanted },
      at,
      free: before !== undefined && isRepeated ? before.free : Number.NEGATIVE_INFINITY,
    })
  }

  /**
   * The instant before which those of `group` are not to start, for the sake of rivals that wait for a log of
   * theirs and whose last start is longer ago: a moment for each, and after a start of one's own another one,
   * for they wait for those before them. One that has waited for longer than the longest window is not put off.
   */
  readonly hold = (group: Group<Request>, now: number): number => {
    let ahead = 0
    let promised = Number.NEGATIVE_INFINITY
    for (const rival of this.#rivals.values()) {
      const { at, turn, waits } = rival
      if (waits === undefined || turn >= this.#own.turn || at + this.#schedule.patience <= now) continue
      const isWanted = group.uses.some((use) =>
        waits.takes.some(({ rule, key }) => rule === use.rule && key === use.key),
      )
      if (!isWanted) continue
      ahead++
      if (now - waits.since < this.#schedule.patience) continue
      const free = this.#schedule.freeIfPutOff(group, waits.takes, now)
      if (free === undefined) continue
      rival.free = free > now ? free : Math.min(rival.free, now)
      promised = Math.max(promised, rival.free)
    }
    if (ahead === 0) return Number.NEGATIVE_INFINITY
    const courtesy = ahead * courtesyMillis
    return Math.max(promised, freeAt(group), this.#own.at + courtesyMillis) + courtesy
  }
}
