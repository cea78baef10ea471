/**
 * One clock rule held against the bars of a series of which not whole sessions were shifted, but some rows.
 */
import type { ClockRule, Offsets } from "./ClockRule.js"
import * as Rule from "./ClockRule.js"
import type { Bars, Trial } from "./ClockTrial.js"
import { evidence, purity } from "./ClockTrial.js"
import { finder, fits, perTurn, type Slots } from "./Slots.js"

/**
 * The share of the rows that the rule shifted here and there; none where it did not. Five sessions at least must
 * speak for it. The slots that show it whenever their bar was shifted must all show it about equally often, summer
 * and winter; those that show it whenever their bar was not must agree; and the shifted bars must have left a hole:
 * in their own slot, or where another shifted bar filled that, in the slot which that one came from, and so on.
 */
export function* share(
  trial: Trial,
  offsets: Offsets,
  bars: Bars,
  slots: Slots,
): Generator<void, number | undefined> {
  const { nowhere, other, rule } = trial
  const certain = (index: number) => nowhere[index]! + other[index]!
  const speaking = Array.from(nowhere.keys()).filter((session) => certain(session) > 0)
  if (speaking.length < evidence) return undefined
  const [first, last] = [speaking[0]!, speaking.at(-1)!]
  if (purity(trial, first, last) < 0.9) return undefined
  const counts = () => new Int32Array(2 * slots.positions)
  const [shows, shown, tells, told] = [counts(), counts(), counts(), counts()]
  const applied = Rule.apply(rule, offsets)
  const undone = Rule.undo(rule, offsets)
  const [after, before, own] = [slots.starts, slots.starts, slots.starts].map(finder)
  const cellOf = cells(offsets, slots)
  const leftNoHole = chain(rule, offsets, bars, slots)
  for (let index = 0; index < slots.starts.length; index++) {
    const session = slots.session[index]!
    if (session < first || session > last) continue
    const start = slots.starts[index]!
    if (after!(applied(start)) < 0) shows[cellOf(index)]!++
    if (before!(undone(start)) < 0) tells[cellOf(index)]!++
    if (index % perTurn === perTurn - 1) yield
  }
  let total = 0
  let full = 0
  for (let index = 0; index < bars.stamps.length; index++) {
    const to = trial.slot[index]!
    const stands = bars.fit[index]!
    if (to >= 0 && (stands === fits.nowhere || stands === fits.otherSession)) {
      total++
      shown[cellOf(to)]!++
      if (leftNoHole(to)) full++
    } else if (to < 0 && stands === fits.session) {
      const at = own!(bars.stamps[index]!)
      if (slots.session[at]! >= first && slots.session[at]! <= last) told[cellOf(at)]!++
    }
    if (index % perTurn === perTurn - 1) yield
  }
  const moved = rates(shown, shows)
  const stayed = rates(told, tells)
  const holds =
    total >= 2 * evidence &&
    moved.even &&
    moved.mean >= 0.05 &&
    (stayed.even || stayed.mean < 0.05) &&
    staysLeave(told, tells, moved) &&
    full <= 0.15 * total
  return holds ? moved.mean : undefined
}

/**
 * Whether a session of which nothing speaks against it was shifted as a whole where some rows were: six bars at
 * least must speak for it, and six of its slots would speak against it.
 */
export function* wholeSessions(trial: Trial, offsets: Offsets, slots: Slots): Generator<void, Uint8Array> {
  const undone = Rule.undo(trial.rule, offsets)
  const slotAt = finder(slots.starts)
  const against = new Int32Array(slots.sessions + 1)
  for (let index = 0; index < slots.starts.length; index++) {
    if (slotAt(undone(slots.starts[index]!)) < 0) against[slots.session[index]!]!++
    if (index % perTurn === perTurn - 1) yield
  }
  return Uint8Array.from(against, (slotsAgainst, session) =>
    slotsAgainst >= ofRows && trial.nowhere[session]! + trial.other[session]! >= ofRows ? 1 : 0,
  )
}

// -----------------------------------------------------------------------------

const ofRows = 6

/** Numbers the positions of a session twice: while the zone's offset is its largest, and while it is not. */
const cells = (offsets: Offsets, slots: Slots) => {
  const offsetAt = Rule.offsetAt(offsets)
  const largest = Math.max(...offsets.millis)
  return (slot: number): number =>
    slots.position[slot]! + (offsetAt(slots.starts[slot]!) === largest ? slots.positions : 0)
}

/** Whether a slot and all those whose bars the rule could have brought there, one after another, have bars. */
const chain = (rule: ClockRule, offsets: Offsets, { stamps }: Bars, slots: Slots) => {
  const undone = Rule.undo(rule, offsets)
  const barAt = finder(stamps)
  const slotAt = finder(slots.starts)
  return (slot: number): boolean => {
    let at = slot
    let next = slot
    do {
      if (barAt(slots.starts[next]!) < 0) return false
      at = next
      next = slotAt(undone(slots.starts[at]!))
    } while (next >= 0 && next !== at)
    return true
  }
}

interface Rates {
  readonly mean: number
  /** The standard error of the mean, where the bars of a session were shifted together. */
  readonly error: number
  readonly even: boolean
}

/**
 * How often positions of a session were hit, and whether all about equally often: of up to eight groups of
 * neighbours with as many chances each, and eight hits or more on average, none was hit less than half as often
 * as the mean, or less than chance allows where the bars of a session were shifted together.
 */
const rates = (hits: Int32Array, chances: Int32Array): Rates => {
  const total = { hits: sumOf(hits, chances), chances: sumOf(chances, chances) }
  const mean = total.hits / Math.max(1, total.chances)
  const share = total.chances / Math.max(1, Math.min(8, Math.floor(total.hits / 8)))
  const group = { hits: 0, chances: 0, sessions: 0 }
  let left = total.chances
  let even = true
  for (let position = 0; position < chances.length; position++) {
    if (chances[position] === 0) continue
    group.hits += hits[position]!
    group.chances += chances[position]!
    group.sessions = Math.max(group.sessions, chances[position]!)
    left -= chances[position]!
    if (left > 0 && (group.chances < share || left < share / 2)) continue
    const least = mean - 2.5 * errorOf(mean, group.sessions)
    even &&= group.hits / group.chances >= Math.min(0.5 * mean, Math.max(0.2 * mean, least))
    group.hits = group.chances = group.sessions = 0
  }
  return { mean, error: errorOf(mean, Math.max(...chances)), even }
}

/** Whether of no position more bars stayed than the share of the rows that were not shifted, chance allowed for. */
const staysLeave = (told: Int32Array, tells: Int32Array, moved: Rates): boolean =>
  told.every((stayed, position) => {
    const sessions = tells[position]!
    const error = Math.hypot(moved.error, errorOf(moved.mean, sessions))
    return sessions < 8 || stayed / sessions <= 1.15 - moved.mean + 3 * error
  })

const errorOf = (mean: number, sessions: number): number =>
  Math.sqrt((mean * (1 - mean)) / Math.max(1, sessions))

const sumOf = (counts: Int32Array, chances: Int32Array): number =>
  counts.reduce((sum, count, position) => (chances[position] === 0 ? sum : sum + count), 0)
