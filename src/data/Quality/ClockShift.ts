/**
 * Finds bars that fit the sessions of their venue only once a clock is put right.
 */
import { lowerBound } from "../Candle.js"
import * as TimeZone from "../TimeZone.js"
import type { Expected } from "../TradingCalendar.js"
import type { ClockRule, Offsets } from "./ClockRule.js"
import * as Rule from "./ClockRule.js"
import * as ClockScatter from "./ClockScatter.js"
import type { Bars, Trial, Verdict } from "./ClockTrial.js"
import * as ClockTrial from "./ClockTrial.js"
import * as ClockVotes from "./ClockVotes.js"
import { finder, fits, fitsOf, make as makeSlots, perTurn, type Slots } from "./Slots.js"

/** The bars that should exist around the stamps, by `reach` beyond both ends. */
export interface Grid {
  readonly own: Expected
  /** Starts in the venue's other session, none where it has one only. */
  readonly other: Float64Array
  readonly timeZone: string
}

/** How far a clock is taken to be wrong at most: three times the largest offset. */
export const reach = 2 * TimeZone.day

export interface Explained {
  readonly rule: ClockRule
  readonly words: string
  /** Bars that fit as they stand as well as undone, in sessions of which some bars were shifted: left as they are. */
  readonly undecided: number
}

export interface Found {
  readonly rules: ReadonlyArray<Explained>
  /** Of each bar: 0 where it stays, otherwise the place of its rule in `rules`, from 1. */
  readonly ruleOf: Uint8Array
  /** The start that each bar should have: that of a bar that stays is its own. */
  readonly starts: Float64Array
  /** Of each bar: one of `fits` for those that stay, `settled` for those that a rule explains. */
  readonly fit: Uint8Array
}

/**
 * The clock rules that explain bars outside the sessions, at most four, the one that explains the most first.
 * A rule is named only where the series speaks for it and for no other as well (see `ClockTrial`): a series
 * inside its sessions is never accused. `stamps` are sorted. Yields between stretches of some milliseconds.
 */
export function* find(stamps: Float64Array, grid: Grid): Generator<void, Found> {
  const fit = yield* fitsOf(stamps, grid.own.starts, grid.other)
  const misfits = yield* misfitsOf(fit)
  if (misfits.length === 0) return nothing(stamps, fit)
  const slots = yield* makeSlots(grid.own)
  const offsets = Rule.offsetsOf(grid.timeZone, { start: stamps[0]! - reach, end: stamps.at(-1)! + reach })
  const found = {
    rules: [] as Array<Explained>,
    ruleOf: new Uint8Array(stamps.length),
    starts: stamps.slice(),
    fit,
  }
  const bars = { stamps, fit: fit.slice() }
  for (let left = misfits; left.length > 0 && found.rules.length < most; left = yield* misfitsOf(bars.fit)) {
    const best = yield* choose(bars, left, slots, offsets, grid.timeZone)
    if (best === undefined || !(yield* settle(found, best, bars, slots, offsets))) break
  }
  return found
}

/** What is found where no clock was wrong. */
export const nothing = (stamps: Float64Array, fit: Uint8Array): Found => ({
  rules: [],
  ruleOf: new Uint8Array(stamps.length),
  starts: stamps,
  fit,
})

/** How many bars lie outside the sessions and are not explained by any rule. */
export function* unexplained({ fit }: Found): Generator<void, number> {
  return (yield* misfitsOf(fit)).length
}

// -----------------------------------------------------------------------------

/** Rules of one series. */
const most = 4

/** Rules of a kind that are held against all the bars, after all were held against some. */
const finalists = 4

/** Bars that every rule is held against. */
const sampleBars = 40_000

interface Choice {
  readonly trial: Trial
  readonly verdict: Verdict
  /** The share of the rows that were shifted, where not whole sessions were. */
  readonly share: number
}

const isMisfit = (fit: number): boolean => fit === fits.nowhere || fit === fits.otherSession

function* misfitsOf(fit: Uint8Array): Generator<void, ReadonlyArray<number>> {
  const found: Array<number> = []
  for (let index = 0; index < fit.length; index++) {
    if (isMisfit(fit[index]!)) found.push(index)
    if (index % perTurn === perTurn - 1) yield
  }
  return found
}

/** The rule that explains the most; none where none holds, or where two put the bars elsewhere equally well. */
function* choose(
  bars: Bars,
  misfits: ReadonlyArray<number>,
  slots: Slots,
  offsets: Offsets,
  timeZone: string,
): Generator<void, Choice | undefined> {
  const sample = sampleOf(bars, misfits)
  yield
  const suggested = ClockVotes.offsets(bars.stamps, misfits, slots)
  yield
  const rules = likely(Rule.candidates(timeZone, offsets, suggested), offsets, bars, misfits, slots)
  yield
  const tried: Array<Tried> = []
  for (const rule of rules) {
    const trial = yield* ClockTrial.make(rule, offsets, sample, slots)
    tried.push({ rule, verdict: ClockTrial.judge(trial, slots) })
    yield
  }
  const held: Array<Choice> = []
  for (const rule of wholeOnes(tried)) {
    const trial = yield* ClockTrial.make(rule, offsets, bars, slots)
    const verdict = ClockTrial.judge(trial, slots)
    if (verdict.holds) held.push({ trial, verdict, share: 1 })
    yield
  }
  for (const rule of held.length > 0 ? [] : leastOnes(tried, offsets)) {
    const trial = yield* ClockTrial.make(rule, offsets, bars, slots)
    const share = yield* ClockScatter.share(trial, offsets, bars, slots)
    if (share !== undefined) held.push({ trial, verdict: ClockTrial.judge(trial, slots), share })
    yield
  }
  const [best, second] = held.sort(better)
  return best !== undefined && second !== undefined && better(best, second) === 0
    ? sameSlots(bars, slots, best, second)
      ? best
      : undefined
    : best
}

interface Tried {
  readonly rule: ClockRule
  readonly verdict: Verdict
}

/** The rules that may have shifted whole sessions: those that shifted the most of some of the bars. */
const wholeOnes = (tried: ReadonlyArray<Tried>): ReadonlyArray<ClockRule> =>
  [...tried]
    .sort((a, b) => Number(b.verdict.holds) - Number(a.verdict.holds) || b.verdict.score - a.verdict.score)
    .filter(({ verdict }, index) => verdict.holds || index === 0)
    .slice(0, finalists)
    .map(({ rule }) => rule)

/**
 * The rules that may have shifted some rows: those that explain the most of some of the bars, and of them the ones
 * that shift by the least, since whatever shifts by more explains as much.
 */
const leastOnes = (tried: ReadonlyArray<Tried>, offsets: Offsets): ReadonlyArray<ClockRule> => {
  const explained = Math.max(0, ...tried.map(({ verdict }) => verdict.explained))
  return tried
    .filter(({ verdict }) => verdict.explained >= 0.995 * explained)
    .sort((a, b) => Rule.magnitude(a.rule, offsets) - Rule.magnitude(b.rule, offsets))
    .slice(0, finalists)
    .map(({ rule }) => rule)
}

/** Of whole sessions what shifts the most, of some rows what explains the most, by those of which most were shifted. */
const better = (a: Choice, b: Choice): number =>
  a.verdict.holds
    ? b.verdict.score - a.verdict.score
    : b.verdict.explained - a.verdict.explained || b.share - a.share

/** The rules that put at least a fifth as many misfits into slots as the best of them does, of some hundreds. */
const likely = (
  rules: ReadonlyArray<ClockRule>,
  offsets: Offsets,
  { stamps }: Bars,
  misfits: ReadonlyArray<number>,
  slots: Slots,
): ReadonlyArray<ClockRule> => {
  const step = Math.max(1, Math.floor(misfits.length / 400))
  const some = Float64Array.from(
    { length: Math.ceil(misfits.length / step) },
    (_, index) => stamps[misfits[index * step]!]!,
  )
  const hits = rules.map((rule) => {
    const slotAt = finder(slots.starts)
    return some.map(Rule.undo(rule, offsets)).filter((instant) => slotAt(instant) >= 0).length
  })
  const best = Math.max(1, ...hits)
  return rules.filter((_, index) => hits[index]! >= best / 5)
}

/** Whether two rules put the bars that both would move into the same slots. */
const sameSlots = ({ fit }: Bars, slots: Slots, a: Choice, b: Choice): boolean => {
  const moves = ({ trial, verdict }: Choice, index: number) => {
    const slot = trial.slot[index]!
    return slot >= 0 && (isMisfit(fit[index]!) || verdict.sessions[slots.session[slot]!] === says.shifted)
  }
  return fit.every(
    (_, index) => a.trial.slot[index] === b.trial.slot[index] || !(moves(a, index) && moves(b, index)),
  )
}

/** The bars of some days around misfits from all over the series. */
const sampleOf = ({ stamps, fit }: Bars, misfits: ReadonlyArray<number>): Bars => {
  const around = (index: number) => {
    const stamp = stamps[index]!
    const from = lowerBound(stamps, stamp - reach)
    return {
      from: Math.min(from, Math.max(0, index - 10)),
      to: Math.max(lowerBound(stamps, stamp + reach), index + 10),
    }
  }
  const length = Math.max(
    1,
    ...[0, misfits.length >> 1].map((_) => around(misfits[_]!)).map(({ from, to }) => to - from),
  )
  const windows = Math.max(4, Math.min(100, Math.floor(sampleBars / length)))
  const chosen: Array<number> = []
  for (let window = 0; window < windows; window++) {
    const { from, to } = around(misfits[Math.floor(((window + 0.5) * misfits.length) / windows)]!)
    const step = Math.max(1, Math.floor(((to - from) * windows) / sampleBars))
    for (
      let index = Math.max(from, (chosen.at(-1) ?? -1) + 1);
      index < Math.min(to, stamps.length);
      index += step
    ) {
      chosen.push(index)
    }
  }
  return {
    stamps: Float64Array.from(chosen, (index) => stamps[index]!),
    fit: Uint8Array.from(chosen, (index) => fit[index]!),
  }
}

/**
 * Takes the bars that the rule explains for explained; false where there are none that it may move. What it would
 * move, but for another bar in the way, speaks for no other rule.
 */
function* settle(
  found: Found & { readonly rules: Array<Explained> },
  { trial, verdict }: Choice,
  { stamps, fit }: Bars,
  slots: Slots,
  offsets: Offsets,
): Generator<void, boolean> {
  const { rule, slot } = trial
  const { sessions, holds } = verdict
  if (holds) inherit(sessions)
  const wholeOfRows = holds ? undefined : yield* ClockScatter.wholeSessions(trial, offsets, slots)
  const standsAt = finder(stamps)
  const stays = (index: number): boolean => {
    const at = standsAt(slots.starts[slot[index]!]!)
    return at >= 0 && fit[at] === fits.session
  }
  const words = Rule.words(rule, offsets)
  const known = found.rules.findIndex((one) => one.words === words)
  const ruleNumber = known === -1 ? found.rules.length + 1 : known + 1
  let explained = 0
  let undecided = 0
  for (let index = 0; index < stamps.length; index++) {
    const to = slot[index]!
    if (to < 0) continue
    const session = slots.session[to]!
    const whole =
      sessions[session] === says.shifted && (wholeOfRows === undefined || wholeOfRows[session] === 1)
    const stands = fit[index]!
    if (whole || stands === fits.nowhere || (stands === fits.otherSession && !stays(index))) {
      found.starts[index] = slots.starts[to]!
      found.ruleOf[index] = ruleNumber
    } else if (sessions[session] === says.mixed || sessions[session] === says.shifted) undecided++
    if (index % perTurn === perTurn - 1) yield
  }
  for (let index = 0; index < stamps.length; index++) {
    if (found.ruleOf[index] === ruleNumber && fit[index] !== fits.settled) {
      found.fit[index] = fits.settled
      explained++
    }
    if (found.ruleOf[index] === ruleNumber || (slot[index]! >= 0 && isMisfit(fit[index]!))) {
      fit[index] = fits.settled
    }
    if (index % perTurn === perTurn - 1) yield
  }
  if (explained > 0) found.rules[ruleNumber - 1] = { rule, words, undecided }
  return explained > 0
}

const { says } = ClockTrial

/** A session of which nothing is certain goes with those before and after it. */
const inherit = (sessions: Uint8Array): void => {
  let from = 0
  for (let index = 0; index <= sessions.length; index++) {
    if (sessions[index] === says.nothing) continue
    const between = [sessions[from - 1], sessions[index]].filter((_) => _ !== undefined)
    if (between.length > 0 && between.every((_) => _ === says.shifted))
      sessions.fill(says.shifted, from, index)
    from = index + 1
  }
}
