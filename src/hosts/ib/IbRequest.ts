/**
 * What a request to the host must look like, and which instant a stamp means.
 */
import type { Field } from "../HostRequest.js"

export const historical: ReadonlyArray<Field> = [
  { name: "symbol", required: true, kind: "string" },
  { name: "timeframe", required: true, kind: "string" },
  { name: "start", required: true, kind: "datetime" },
  { name: "end", required: true, kind: "datetime" },
  { name: "instrument_type", required: false, kind: "string" },
  { name: "session", required: false, kind: ["regular", "extended"] },
]

export const validate: ReadonlyArray<Field> = [
  { name: "symbol", required: true, kind: "string" },
  { name: "timeframes", required: false, kind: "strings" },
]

/**
 * The instant of a `datetime` field, in epoch milliseconds: none for a stamp without an offset, whose instant
 * nobody can tell. A number above 2e10 is milliseconds, else seconds.
 */
export const instant = (value: unknown): number | undefined => {
  if (typeof value === "number") return Math.abs(value) > 2e10 ? value : value * 1000
  const millis = /(Z|[+-]\d{2}:?\d{2})$/i.test(String(value)) ? Date.parse(String(value)) : Number.NaN
  return Number.isNaN(millis) ? undefined : millis
}
