/**
 * How long a bar lasts. One table holds all that depends on it.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { DataError } from "./DataError.js"

export const Timeframe = Schema.Literal(
  "1s",
  "5s",
  "10s",
  "15s",
  "30s",
  "1m",
  "5m",
  "15m",
  "30m",
  "1h",
  "4h",
  "1d",
  "1w",
).annotations({ identifier: "Timeframe" })
export type Timeframe = typeof Timeframe.Type

export interface Info {
  /** Nominal length of a bar in milliseconds; a bar that a session cuts short is shorter. */
  readonly millis: number
  /** False for `1d` and `1w`, which are stamped 00:00 UTC of their date and of their Monday. */
  readonly intraday: boolean
  /** The longest span one request may carry, in milliseconds (Interactive Brokers' duration limits). */
  readonly segmentMillis: number
}

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const table: { readonly [K in Timeframe]: Info } = {
  "1s": { millis: second, intraday: true, segmentMillis: 30 * minute },
  "5s": { millis: 5 * second, intraday: true, segmentMillis: hour },
  "10s": { millis: 10 * second, intraday: true, segmentMillis: 4 * hour },
  "15s": { millis: 15 * second, intraday: true, segmentMillis: 4 * hour },
  "30s": { millis: 30 * second, intraday: true, segmentMillis: 8 * hour },
  "1m": { millis: minute, intraday: true, segmentMillis: day },
  "5m": { millis: 5 * minute, intraday: true, segmentMillis: 7 * day },
  "15m": { millis: 15 * minute, intraday: true, segmentMillis: 14 * day },
  "30m": { millis: 30 * minute, intraday: true, segmentMillis: 30 * day },
  "1h": { millis: hour, intraday: true, segmentMillis: 30 * day },
  "4h": { millis: 4 * hour, intraday: true, segmentMillis: 120 * day },
  "1d": { millis: day, intraday: false, segmentMillis: 365 * day },
  "1w": { millis: 7 * day, intraday: false, segmentMillis: 730 * day },
}

/** Every timeframe, shortest first. */
export const all: ReadonlyArray<Timeframe> = Timeframe.literals

export const info = (timeframe: Timeframe): Info => table[timeframe]

/** Reads what a user typed; a timeframe outside the table is an error, never a default. */
export const parse = (text: string): Either.Either<Timeframe, DataError> =>
  Schema.is(Timeframe)(text)
    ? Either.right(text)
    : Either.left(
        new DataError({
          reason: "InvalidInput",
          place: "timeframe",
          expected: `one of ${all.join(" ")}`,
          found: JSON.stringify(text.slice(0, 60)),
          advice: "Choose a timeframe from the list",
        }),
      )
