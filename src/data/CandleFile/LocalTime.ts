/**
 * Readings of a clock on the wall to instants, for stamps that carry no offset. Where clocks are set back an
 * hour of readings occurs twice: the order of the rows tells the first pass from the second.
 */
import * as TimeZone from "../TimeZone.js"
import type { Steps } from "./Arrange.js"

/** A reading, by its row, that is no single instant. */
export interface Unclear {
  readonly row: number
  readonly expected: string
  readonly found: string
  readonly advice: string
}

/**
 * Turns readings (epoch milliseconds of the same reading in UTC), in the order of their rows, into instants, in
 * place. A reading that the clock skips is an error; so is one of a repeated hour, unless the rows come to the
 * hour once and fall back once within it, or, from the newest to the oldest row, jump ahead once.
 */
export function* toInstants(zone: string, readings: Float64Array): Steps<Unclear | undefined> {
  const rising = (readings.at(-1) ?? 0) >= (readings[0] ?? 0)
  const repeated = new Set<number>()
  let run: Run | undefined
  let date = Number.NaN
  let around: Around = { earlier: 0, later: 0 }
  for (let row = 0; row < readings.length; row++) {
    if (row % stepRows === 0) yield
    const reading = readings[row]!
    const day = Math.floor(reading / TimeZone.day)
    if (day !== date) {
      date = day
      around = offsetsAround(zone, day)
    }
    const { earlier, later } = around
    if (earlier === later) {
      readings[row] = reading - earlier
      continue
    }
    const before = reading - earlier
    const after = reading - later
    const isBefore = TimeZone.offsetAt(zone, before) === earlier
    const isAfter = TimeZone.offsetAt(zone, after) === later
    if (!isBefore && !isAfter) return skipped(zone, row, reading)
    if (!(isBefore && isAfter)) {
      readings[row] = isBefore ? before : after
      continue
    }
    if (run !== undefined && run.to === row && run.date === day) run.to = row + 1
    else {
      const unclear = run && settle(zone, readings, run, rising)
      if (unclear !== undefined) return unclear
      if (repeated.has(day)) return ambiguous(zone, row, reading)
      repeated.add(day)
      run = { from: row, to: row + 1, date: day, earlier, later }
    }
  }
  return run && settle(zone, readings, run, rising)
}

// -----------------------------------------------------------------------------

const stepRows = 32_768

/** The zone's offsets a day before a date begins there, and a day after it ended. */
interface Around {
  readonly earlier: number
  readonly later: number
}

const offsetsAround = (zone: string, day: number): Around => ({
  earlier: TimeZone.offsetAt(zone, (day - 1) * TimeZone.day),
  later: TimeZone.offsetAt(zone, (day + 2) * TimeZone.day),
})

/** Rows `[from, to)` whose readings occur twice on that date; they still hold the readings. */
interface Run extends Around {
  readonly from: number
  to: number
  readonly date: number
}

/** In rising order the first pass comes first; it ends where the readings stop to rise. */
const settle = (
  zone: string,
  readings: Float64Array,
  { from, to, earlier, later }: Run,
  rising: boolean,
): Unclear | undefined => {
  let turn: number | undefined
  for (let row = from + 1; row < to; row++) {
    const goesOn = rising ? readings[row]! > readings[row - 1]! : readings[row]! < readings[row - 1]!
    if (goesOn) continue
    if (turn !== undefined) return ambiguous(zone, row, readings[row]!)
    turn = row
  }
  if (turn === undefined) return ambiguous(zone, from, readings[from]!)
  for (let row = from; row < to; row++) {
    const isFirstPass = row < turn === rising
    readings[row] = readings[row]! - (isFirstPass ? earlier : later)
  }
  return undefined
}

const show = (reading: number): string => new Date(reading).toISOString().slice(0, 19).replace("T", " ")

const advice = "Give the stamps with their offset, such as -05:00 or Z"

const skipped = (zone: string, row: number, reading: number): Unclear => ({
  row,
  expected: `a time that clocks of ${zone} show`,
  found: `${show(reading)}, which they skip`,
  advice,
})

const ambiguous = (zone: string, row: number, reading: number): Unclear => ({
  row,
  expected: `both passes of the hour that clocks of ${zone} repeat, one after the other`,
  found: `${show(reading)}, which may be of either`,
  advice,
})
