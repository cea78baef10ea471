/**
 * One clock rule held against the bars of a series: which it explains, and whether the series as a whole
 * speaks for it.
 */
import type { ClockRule, Offsets } from "./ClockRule.js"
import * as Rule from "./ClockRule.js"
import { finder, fits, perTurn, type Slots } from "./Slots.js"

export interface Bars {
  readonly stamps: Float64Array
  /** One of `fits` for each bar. */
  readonly fit: Uint8Array
}

/** What the rule makes of each bar, and of each session of the calendar, once undone. */
export interface Trial {
  readonly rule: ClockRule
  /**
   * The slot that each bar falls into, -1 for none, and for one that fits the other session as it stands where
   * a bar that is right holds the slot.
   */
  readonly slot: Int32Array
  /** Bars that fall into the session and fit nowhere as they stand. */
  readonly nowhere: Int32Array
  /** The same of those that fit the venue's other session as they stand. */
  readonly other: Int32Array
  /** Bars that fall into the session and fit one as they stand, too. */
  readonly either: Int32Array
  /** Bars of the session as they stand that the rule would throw out of it. */
  readonly right: Int32Array
  /** Bars that fit nowhere, neither as they stand nor undone; those that fit the other session as they stand. */
  readonly lost: Int32Array
  readonly lostOther: Int32Array
}

export function* make(rule: ClockRule, offsets: Offsets, bars: Bars, slots: Slots): Generator<void, Trial> {
  const { stamps, fit } = bars
  const counts = () => new Int32Array(slots.sessions + 1)
  const slot = new Int32Array(stamps.length).fill(-1)
  const [nowhere, other, either, right] = [counts(), counts(), counts(), counts()]
  const [lost, lostOther] = [counts(), counts()]
  const undone = Rule.undo(rule, offsets)
  const slotAt = finder(slots.starts)
  const ownAt = finder(slots.starts)
  const isHeld = holder(rule, offsets, bars, slots)
  let session = 0
  for (let index = 0; index < stamps.length; index++) {
    const stands = fit[index]!
    if (stands === fits.settled) continue
    const stamp = stamps[index]!
    const found = slotAt(undone(stamp))
    const to = stands === fits.otherSession && found >= 0 && isHeld(found) ? -1 : found
    slot[index] = to
    if (to >= 0) session = slots.session[to]!
    if (stands === fits.session) {
      if (to >= 0) either[session]!++
      else right[slots.session[ownAt(stamp)]!]!++
    } else if (to >= 0) (stands === fits.nowhere ? nowhere : other)[session]!++
    else (stands === fits.nowhere ? lost : lostOther)[session]!++
    if (index % perTurn === perTurn - 1) yield
  }
  return { rule, slot, nowhere, other, either, right, lost, lostOther }
}

/** What a session's bars say: nothing, that all were shifted, that some were, that none was. */
export const says = { nothing: 0, shifted: 1, mixed: 2, right: 3 } as const

export interface Verdict {
  readonly sessions: Uint8Array
  /** How many bars that need an explanation the rule has one for. */
  readonly explained: number
  /** How many bars were shifted, if it holds. */
  readonly score: number
  /** Whole sessions were shifted; without it, the rule holds at most for some rows. */
  readonly holds: boolean
}

/**
 * The rule holds when at least five bars that fit nowhere else (or as many that fit another session, where
 * half the slots are filled) speak for it in sessions of which nothing speaks against it, and which do not lie
 * alone among such as speak against it; when sessions that speak for and against it are a tenth of those at
 * most; and when it explains nine tenths of the bars that need an explanation in the time between.
 */
export const judge = (trial: Trial, slots: Slots): Verdict => {
  const { nowhere, other, either, right, lost, lostOther } = trial
  const sessions = new Uint8Array(slots.sessions)
  let shifted = 0
  let mixed = 0
  let first = -1
  let last = -1
  const sum = { certain: 0, bars: 0, lost: 0, some: 0 }
  for (let index = 0; index < slots.sessions; index++) {
    const certain = nowhere[index]! + other[index]!
    if (certain === 0) {
      sessions[index] = right[index]! > 0 ? says.right : says.nothing
    } else if (right[index] === 0 && certain > lost[index]! + lostOther[index]!) {
      sessions[index] = says.shifted
      shifted++
      if (first === -1) first = index
      last = index
      sum.certain += certain
      sum.bars += certain + either[index]!
      sum.lost += lost[index]! + lostOther[index]!
    } else {
      sessions[index] = says.mixed
      mixed++
      sum.some += certain
    }
  }
  const filled = sum.bars / Math.max(1, slotsOf(slots, sessions))
  const together = withNeighbours(sessions)
  const count = (bars: Int32Array) => together.reduce((total, session) => total + bars[session]!, 0)
  const certain = count(nowhere)
  const enough = certain >= evidence || (certain + count(other) >= evidence && filled >= 0.5)
  return {
    sessions,
    explained: sum.certain + sum.some,
    score: sum.bars + sum.some,
    holds:
      enough &&
      mixed <= 0.1 * shifted &&
      sum.lost <= 0.05 * (sum.bars + sum.lost) &&
      purity(trial, first, last) >= 0.9,
  }
}

/** How many bars that nothing else explains a rule needs. */
export const evidence = 5

/** The share of the bars in need of an explanation, between two sessions, that the rule explains. */
export const purity = ({ nowhere, other, lost, lostOther }: Trial, first: number, last: number): number => {
  if (first < 0) return 0
  const sum = { nowhere: 0, other: 0, lost: 0, lostOther: 0 }
  for (let index = first; index <= last; index++) {
    sum.nowhere += nowhere[index]!
    sum.other += other[index]!
    sum.lost += lost[index]!
    sum.lostOther += lostOther[index]!
  }
  const explained = sum.nowhere + sum.other
  const all = explained / Math.max(1, explained + sum.lost + sum.lostOther)
  return sum.nowhere < evidence ? all : Math.max(all, sum.nowhere / (sum.nowhere + sum.lost))
}

// -----------------------------------------------------------------------------

/** Whether a slot has a bar that the rule would throw out of the sessions: one that is right where it is. */
const holder = (rule: ClockRule, offsets: Offsets, { stamps, fit }: Bars, slots: Slots) => {
  const undone = Rule.undo(rule, offsets)
  const barAt = finder(stamps)
  const slotAt = finder(slots.starts)
  return (slot: number): boolean => {
    const at = barAt(slots.starts[slot]!)
    return at >= 0 && fit[at] === fits.session && slotAt(undone(stamps[at]!)) < 0
  }
}

/** The shifted sessions, without those alone between others that were not shifted, as on a holiday that was none. */
const withNeighbours = (sessions: Uint8Array): ReadonlyArray<number> => {
  const telling = Array.from(sessions.keys()).filter((session) => sessions[session] !== says.nothing)
  return telling.filter((session, index) => {
    if (sessions[session] !== says.shifted) return false
    const beside = [telling[index - 1], telling[index + 1]].filter((_) => _ !== undefined)
    return beside.length === 0 || beside.some((_) => sessions[_] !== says.right)
  })
}

/** How many slots the shifted sessions have. */
const slotsOf = ({ first }: Slots, sessions: Uint8Array): number =>
  sessions.reduce(
    (sum, session, index) => (session === says.shifted ? sum + first[index + 1]! - first[index]! : sum),
    0,
  )
