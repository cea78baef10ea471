/**
 * Clocks of time zones, from the time-zone database that the platform carries: never from a fixed offset.
 */

/** Milliseconds of a day. */
export const day = 86_400_000

/** The remainder that is never negative, also for instants before 1970. */
export const modulo = (value: number, divisor: number): number => {
  const rest = value % divisor
  return rest < 0 ? rest + divisor : rest
}

/**
 * What to add to a UTC instant (epoch ms) to get the zone's wall clock, in milliseconds: -18,000,000 for New
 * York in winter. Offsets are remembered per day, so asking for ten years of days costs a few milliseconds
 * once. Throws a `RangeError` for a zone that the platform does not know (see `isKnown`).
 */
export const offsetAt = (zone: string, instant: number): number => {
  const date = Math.floor(instant / day)
  const before = offsetAtMidnight(zone, date)
  return before === offsetAtMidnight(zone, date + 1) ? before : readClock(zone, instant)
}

/**
 * The UTC instant at which the zone's clock shows `wall` (epoch ms of the same reading in UTC). A reading
 * that occurs twice is the first one; one that the clock skips is as much later as the clock skips.
 */
export const toUtc = (zone: string, wall: number): number => {
  const earlier = offsetAt(zone, wall - day)
  const guess = wall - earlier
  return offsetAt(zone, guess) === earlier ? guess : afterChange(zone, wall, earlier)
}

/** True for a name that the time-zone database has, such as `America/New_York`. */
export const isKnown = (zone: string): boolean => {
  try {
    return formatter(zone) !== undefined
  } catch {
    return false
  }
}

// -----------------------------------------------------------------------------

const formatters = new Map<string, Intl.DateTimeFormat>()
const midnights = new Map<string, Map<number, number>>()

const formatter = (zone: string): Intl.DateTimeFormat => {
  const known = formatters.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  })
  formatters.set(zone, made)
  return made
}

const readClock = (zone: string, instant: number): number => {
  const [month, date, year, hour, minute, second] = formatter(zone).format(instant).match(/\d+/g)!.map(Number)
  const wall = Date.UTC(year!, month! - 1, date!, hour!, minute!, second!)
  return wall - (instant - modulo(instant, 1000))
}

const offsetAtMidnight = (zone: string, date: number): number => {
  let days = midnights.get(zone)
  if (days === undefined) midnights.set(zone, (days = new Map()))
  const known = days.get(date)
  if (known !== undefined) return known
  const offset = readClock(zone, date * day)
  days.set(date, offset)
  return offset
}

const afterChange = (zone: string, wall: number, earlier: number): number => {
  const guess = wall - offsetAt(zone, wall + day)
  return offsetAt(zone, guess) === earlier ? wall - earlier : guess
}
