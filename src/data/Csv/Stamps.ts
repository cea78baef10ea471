/**
 * The stamps of a file, which all have the form of the first one.
 */
import * as Either from "effect/Either"
import * as Epoch from "../CandleFile/Epoch.js"
import * as TimeRange from "../TimeRange.js"

/** What a stamp can be: a day, a day and a time with or without its offset from UTC, a number. */
type Form = "day" | "local" | "offset" | Epoch.Unit

/** What should have been there instead of a stamp, and what to do. */
export interface Fault {
  readonly expected: string
  readonly advice: string
}

export interface Stamps {
  /** The stamp as epoch milliseconds, of a reading of a clock where it has no offset; or what is wrong with it. */
  readonly read: (field: string, line: number) => number | Fault
  /** Whether the stamps are readings of a clock: without offsets, and not days alone. */
  readonly areReadings: () => boolean
}

export const make = (): Stamps => {
  const clocks = new Map<string, Clock>()
  let form: Form | undefined
  let formLine = 0
  let date = ""
  let midnight = Number.NaN

  const clockOf = (rest: string): Clock => {
    const known = clocks.get(rest)
    if (known !== undefined) return known
    const clock = { millis: instant(`1970-01-01${rest}`), form: formOf(rest) }
    if (clocks.size >= 100_000) clocks.clear()
    clocks.set(rest, clock)
    return clock
  }

  const differs = (found: Form, line: number): Fault | undefined => {
    if (found === form) return undefined
    if (form === undefined || (form === "day" && found === "local")) {
      form = found
      formLine = line
      return undefined
    }
    if (form === "local" && found === "day") return undefined
    const expected = `${words(form)}, as on line ${formLine}`
    return { expected, advice: "Give all stamps of the file in one form" }
  }

  const readIso = (text: string, line: number): number | Fault => {
    const day = text.slice(0, 10)
    if (day !== date) {
      date = day
      midnight = instant(day)
    }
    const clock = text.length === 10 ? wholeDay : clockOf(text.slice(10))
    const millis = midnight + clock.millis
    return Number.isNaN(millis) ? noStamp : (differs(clock.form, line) ?? millis)
  }

  const readEpoch = (text: string, line: number): number | Fault => {
    const value = Number(text)
    const unit = Epoch.unitOf(value)
    return unit === undefined ? noStamp : (differs(unit, line) ?? Epoch.toMillis(value, unit))
  }

  return {
    read: (field, line) => {
      const text = field.trim()
      return epoch.test(text) ? readEpoch(text, line) : readIso(text, line)
    },
    areReadings: () => form === "local",
  }
}

// -----------------------------------------------------------------------------

interface Clock {
  readonly millis: number
  readonly form: Form
}

const wholeDay: Clock = { millis: 0, form: "day" }

/** Nine digits and more: shorter ones are years and compact dates. */
const epoch = /^-?\d{9,}(?:\.\d+)?$/

const instant = (text: string): number => Either.getOrElse(TimeRange.parseInstant("", text), () => Number.NaN)

const formOf = (rest: string): Form => (/(?:Z|[+-]\d{2}:?\d{2})$/.test(rest) ? "offset" : "local")

const noStamp: Fault = {
  expected: "an ISO stamp such as 2024-01-02T14:30:00Z, a date, or an epoch number",
  advice: "Correct the stamp",
}

const words = (form: Form): string => {
  switch (form) {
    case "day":
      return "a date without a time"
    case "local":
      return "a stamp without an offset from UTC"
    case "offset":
      return "a stamp with its offset from UTC, such as Z or -05:00"
    default:
      return `epoch ${form.name}`
  }
}
