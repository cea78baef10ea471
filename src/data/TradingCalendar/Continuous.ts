/**
 * A venue that never closes. Its day is the UTC day.
 */
import { Weekday } from "../Holiday.js"

export const calendar = {
  venue: "24x7",
  timeZone: "UTC",
  source: "no closures; table of 2026-11-23",
  regular: [{ days: Weekday.literals, open: "00:00", close: "24:00" }],
  closed: [],
  changed: [],
}
