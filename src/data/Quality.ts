/**
 * Whether bars can be what they claim to be. Nothing here alters a bar.
 */
import type { Candles } from "./Candle.js"
import { size } from "./Candle.js"
import * as BarRules from "./Quality/BarRules.js"
import { type Issue, place, type Watcher } from "./Quality/Issue.js"
import * as WindowRules from "./Quality/WindowRules.js"
import * as TimeRange from "./TimeRange.js"

export { Issue, Kind, Severity, Shift } from "./Quality/Issue.js"

/** The first bar of an answer or a file that cannot be taken, and why. */
export interface Fault {
  readonly index: number
  readonly expected: string
  readonly found: string
}

/**
 * What the bars say by themselves, without a calendar: issues in the order of the kinds, at most one of a
 * kind, none for clean bars. One pass over the columns, whatever order they are in; an unknown volume (`NaN`
 * or -1) is no issue.
 */
export const check = (candles: Candles): ReadonlyArray<Issue> => {
  const watcher = watch()
  watcher.add(candles)
  return watcher.issues()
}

/**
 * `check` of bars that come part by part, in order: the issues of the whole, wherever it was cut. Holds a few
 * hundred numbers, not the bars.
 */
export const watch = (): Watcher => {
  const all = [BarRules.watch(), ...WindowRules.watchAll()]
  return {
    add: (candles) => {
      for (const one of all) one.add(candles)
    },
    issues: () => all.flatMap((one) => one.issues()),
  }
}

/**
 * The first bar with an error, for those who take bars in: none when every start is finite, strictly rising
 * and inside the range, every price finite and above zero, high and low enclose open and close, and no
 * volume is negative (but -1). One pass, which ends at the fault.
 */
export const firstFault = (candles: Candles, range?: TimeRange.TimeRange): Fault | undefined => {
  const rules = BarRules.all.map((rule) => ({ rule, broken: rule.broken()(candles) }))
  for (let index = 0; index < size(candles); index++) {
    for (const { rule, broken } of rules) {
      if (broken(index)) return { index, expected: rule.expected, found: rule.found(candles, index) }
    }
    if (range !== undefined && !TimeRange.contains(range, candles.start[index]!)) {
      return {
        index,
        expected: `a start inside ${TimeRange.format(range)}`,
        found: place(candles.start[index]!, index),
      }
    }
  }
  return undefined
}
