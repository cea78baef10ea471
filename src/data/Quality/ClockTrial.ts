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
  /** How many bars the rule explains, if it holds. */
  readonly score: number
  /** Whole sessions were shifted; without it, the rule holds at most for some rows. */
  readonly holds: boolean
}

/**
 * The rule holds when at least five bars that fit nowhere else (or as many that fit another session, where
 * half the slots are filled) speak for it in sessions of which nothing speaks against it; when sessions that
 * speak for and against it are a tenth of those at most; and when it explains four fifths of the bars that
 * need an explanation in the time between.
 */
export const judge = (trial: Trial, slots: Slots): Verdict => {
  const { nowhere, other, either, right, lost, lostOther } = trial
  const sessions = new Uint8Array(slots.sessions)
  let shifted = 0
  let mixed = 0
  let first = -1
  let last = -1
  const sum = { nowhere: 0, certain: 0, bars: 0, lost: 0, some: 0 }
  for (let index = 0; index < slots.sessions; index++) {
    const certain = nowhere[index]! + other[index]!
    if (certain === 0) {
      sessions[index] = right[index]! > 0 ? says.right : says.nothing
    } else if (right[index] === 0 && certain > lost[index]! + lostOther[index]!) {
      sessions[index] = says.shifted
      shifted++
      if (first === -1) first = index
      last = index
      sum.nowhere += nowhere[index]!
      sum.certain += certain
      sum.bars += certain + either[index]!
      sum.lost += lost[index]! + lostOther[index]!
    } else {
      sessions[index] = says.mixed
      mixed++
      sum.some += certain
    }
  }
  const filled = sum.bars / slotsOf(slots, sessions)
  const enough = sum.nowhere >= evidence || (sum.certain >= evidence && filled >= 0.5)
  return {
    sessions,
    score: sum.bars + sum.some,
    holds:
      enough &&
      mixed <= 0.1 * shifted &&
      sum.lost <= 0.05 * (sum.bars + sum.lost) &&
      purity(trial, first, last) >= 0.8,
  }
}

/**
 * Whether some rows of the series, here and there, were shifted by the rule: the slots that show it whenever
 * their bar was shifted must all show it about equally often, those that show it whenever their bar was not
 * must agree, and the shifted bars must have left their slots.
 */
export function* isScattered(
  trial: Trial,
  offsets: Offsets,
  bars: Bars,
  slots: Slots,
): Generator<void, boolean> {
  const { nowhere, other, rule } = trial
  const certain = (index: number) => nowhere[index]! + other[index]!
  let first = 0
  while (first < slots.sessions && certain(first) === 0) first++
  let last = slots.sessions - 1
  while (last >= first && certain(last) === 0) last--
  if (last < first || purity(trial, first, last) < 0.8) return false
  const counts = () => new Int32Array(slots.positions)
  const [shows, shown, tells, told] = [counts(), counts(), counts(), counts()]
  const applied = Rule.apply(rule, offsets)
  const undone = Rule.undo(rule, offsets)
  const [after, before, own, bar] = [slots.starts, slots.starts, slots.starts, bars.stamps].map(finder)
  for (let index = 0; index < slots.starts.length; index++) {
    const session = slots.session[index]!
    if (session < first || session > last) continue
    const start = slots.starts[index]!
    if (after!(applied(start)) < 0) shows[slots.position[index]!]!++
    if (before!(undone(start)) < 0) tells[slots.position[index]!]!++
    if (index % perTurn === perTurn - 1) yield
  }
  let total = 0
  let collisions = 0
  for (let index = 0; index < bars.stamps.length; index++) {
    const to = trial.slot[index]!
    const stands = bars.fit[index]!
    if (to >= 0 && (stands === fits.nowhere || stands === fits.otherSession)) {
      total++
      shown[slots.position[to]!]!++
      if (bar!(slots.starts[to]!) >= 0) collisions++
    } else if (to < 0 && stands === fits.session) {
      const at = own!(bars.stamps[index]!)
      if (slots.session[at]! >= first && slots.session[at]! <= last) told[slots.position[at]!]!++
    }
    if (index % perTurn === perTurn - 1) yield
  }
  const moved = rates(shown, shows)
  const stayed = rates(told, tells)
  return (
    total >= 2 * evidence &&
    moved.even &&
    moved.mean >= 0.05 &&
    (stayed.even || stayed.mean < 0.05) &&
    moved.mean + stayed.mean <= 1.15 &&
    collisions <= (moved.mean + 0.15) * total
  )
}

/** How many certain bars make a session that nothing speaks against shifted as a whole where some rows were. */
export const certainOfRows = 6

// -----------------------------------------------------------------------------

/** How many bars that nothing else explains a rule needs. */
const evidence = 5

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

const slotsOf = (slots: Slots, sessions: Uint8Array): number => {
  let count = 0
  for (let index = 0; index < slots.starts.length; index++) {
    if (sessions[slots.session[index]!] === says.shifted) count++
  }
  return Math.max(1, count)
}

/** The share of the bars in need of an explanation, between two sessions, that the rule explains. */
const purity = ({ nowhere, other, lost, lostOther }: Trial, first: number, last: number): number => {
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

/** How often positions of a session were hit, and whether all about equally often. */
const rates = (hits: Int32Array, chances: Int32Array): { readonly mean: number; readonly even: boolean } => {
  const positions = Array.from(chances.keys()).filter((position) => chances[position]! > 0)
  const total = positions.reduce((sum, position) => sum + hits[position]!, 0)
  const mean =
    total /
    Math.max(
      1,
      positions.reduce((sum, position) => sum + chances[position]!, 0),
    )
  const bins = Math.max(1, Math.min(8, positions.length, Math.floor(total / 8)))
  const least = Array.from({ length: bins }, (_, bin) => {
    const part = positions.slice(
      Math.floor((bin * positions.length) / bins),
      Math.floor(((bin + 1) * positions.length) / bins),
    )
    return (
      part.reduce((sum, position) => sum + hits[position]!, 0) /
      Math.max(
        1,
        part.reduce((sum, position) => sum + chances[position]!, 0),
      )
    )
  }).reduce((a, b) => Math.min(a, b), mean)
  return { mean, even: least >= 0.5 * mean }
}
