/**
 * How a clock can have been wrong: by a fixed offset, or by the offset of a time zone that was applied once
 * too often or too rarely when local times were made into UTC.
 */
import { count } from "../../ProgressRenderer.js"
import type * as TimeRange from "../TimeRange.js"
import * as TimeZone from "../TimeZone.js"

/**
 * - `fixed`: every stamp is so many milliseconds late (early where negative)
 * - `zone`: the zone's UTC offset was taken off `times` times too often (too rarely where negative), which
 *   makes New York's stamps 5 h late a time in winter and 4 h in summer
 */
export type ClockRule =
  | { readonly kind: "fixed"; readonly millis: number }
  | { readonly kind: "zone"; readonly zone: string; readonly times: number }

/** A zone's UTC offsets over a span: `millis[i]` holds from `from[i]` on. */
export interface Offsets {
  readonly from: ReadonlyArray<number>
  readonly millis: ReadonlyArray<number>
}

/** The offsets of the zone, each change found to the second. */
export const offsetsOf = (zone: string, range: TimeRange.TimeRange): Offsets => {
  const first = Math.floor(range.start / TimeZone.day) * TimeZone.day
  const from = [Number.NEGATIVE_INFINITY]
  const millis = [TimeZone.offsetAt(zone, first)]
  for (let instant = first; instant < range.end; instant += TimeZone.day) {
    const after = TimeZone.offsetAt(zone, instant + TimeZone.day)
    if (after === millis.at(-1)) continue
    from.push(changeWithin(zone, instant, after))
    millis.push(after)
  }
  return { from, millis }
}

/** The largest fixed offset that is tried: the largest UTC offset there is. */
export const largest = 14 * 3_600_000

/**
 * The rules that are tried, the likelier first: the zone's offset one to three times too often or too rarely,
 * then fixed offsets in steps of a quarter of an hour, then those that the bars themselves suggest.
 */
export const candidates = (
  zone: string,
  { millis }: Offsets,
  suggested: ReadonlyArray<number>,
): ReadonlyArray<ClockRule> => [
  ...(millis.every((offset) => offset === 0)
    ? []
    : [1, -1, 2, -2, 3, -3].map((times): ClockRule => ({ kind: "zone", zone, times }))),
  ...Array.from({ length: largest / quarter }, (_, index) => (index + 1) * quarter).flatMap(
    (offset): ReadonlyArray<ClockRule> => [
      { kind: "fixed", millis: offset },
      { kind: "fixed", millis: -offset },
    ],
  ),
  ...suggested
    .filter((offset) => offset % quarter !== 0)
    .map((offset): ClockRule => ({ kind: "fixed", millis: offset })),
]

/** From a stamp to the instant that it should say. Asked in order of time it costs next to nothing. */
export const undo = (rule: ClockRule, offsets: Offsets): ((stamp: number) => number) => {
  if (rule.kind === "fixed") return (stamp) => stamp - rule.millis
  const zoneAt = offsetAt(offsets)
  return (stamp) => stamp + rule.times * zoneAt(stamp + rule.times * zoneAt(stamp))
}

/** From an instant to the stamp that the wrong clock makes of it. */
export const apply = (rule: ClockRule, offsets: Offsets): ((instant: number) => number) => {
  if (rule.kind === "fixed") return (instant) => instant + rule.millis
  const zoneAt = offsetAt(offsets)
  return (instant) => instant - rule.times * zoneAt(instant)
}

/** `New York's UTC offset applied twice too often: +8 h in summer, +10 h in winter`, `a fixed offset of -30 min` */
export const words = (rule: ClockRule, offsets: Offsets): string => {
  if (rule.kind === "fixed") return `a fixed offset of ${hours(rule.millis)}`
  const { zone, times } = rule
  const all = [...new Set(offsets.millis)].sort((a, b) => b - a).map((offset) => hours(-times * offset))
  const [summer, winter] = all
  return [
    `${city(zone)}'s UTC offset applied ${often[Math.abs(times)]} too ${times > 0 ? "often" : "rarely"}: `,
    all.length === 2 ? `${summer} in summer, ${winter} in winter` : all.join(" or "),
  ].join("")
}

/** By how many milliseconds a rule makes stamps late or early at most. */
export const magnitude = (rule: ClockRule, { millis }: Offsets): number =>
  rule.kind === "fixed"
    ? Math.abs(rule.millis)
    : Math.abs(rule.times) * Math.max(...millis.map((offset) => Math.abs(offset)))

/** The zone's offset at an instant. Asked in order of time it costs next to nothing. */
export const offsetAt = ({ from, millis }: Offsets): ((instant: number) => number) => {
  let at = 0
  return (instant) => {
    while (at > 0 && from[at]! > instant) at--
    while (at + 1 < from.length && from[at + 1]! <= instant) at++
    return millis[at]!
  }
}

// -----------------------------------------------------------------------------

const second = 1000
const minute = 60 * second
const quarter = 15 * minute
const often: ReadonlyArray<string> = ["", "once", "twice", "three times"]

const city = (zone: string): string => (zone.split("/").at(-1) ?? zone).replaceAll("_", " ")

/** `+8 h`, `-1 h 30 min`, `+7 min 30 s` */
const hours = (millis: number): string => {
  const units = [
    [60 * minute, "h"],
    [minute, "min"],
    [second, "s"],
  ] as const
  let rest = Math.abs(millis)
  const parts = units.flatMap(([unit, name]) => {
    const whole = name === "s" ? rest / unit : Math.floor(rest / unit)
    rest -= whole * unit
    return whole === 0 ? [] : [`${count(whole)} ${name}`]
  })
  return parts.length === 0 ? "0 h" : `${millis < 0 ? "-" : "+"}${parts.join(" ")}`
}

/** The first second of the day after `before` at which the zone has the offset. */
const changeWithin = (zone: string, before: number, offset: number): number => {
  let low = before
  let high = before + TimeZone.day
  while (high - low > second) {
    const middle = low + Math.floor((high - low) / (2 * second)) * second
    if (TimeZone.offsetAt(zone, middle) === offset) high = middle
    else low = middle
  }
  return high
}
