/**
 * A series: one symbol's bars of one timeframe in one session. Regular and extended hours are two series,
 * stored side by side and never mixed.
 */
import * as Schema from "effect/Schema"
import { Symbol } from "./Symbol.js"
import { Timeframe } from "./Timeframe.js"

export const Session = Schema.Literal("regular", "extended").annotations({ identifier: "Session" })
export type Session = typeof Session.Type

export const Series = Schema.Struct({ symbol: Symbol, timeframe: Timeframe, session: Session }).annotations({
  identifier: "Series",
})
export type Series = typeof Series.Type

/** `AAPL 1h`, `AAPL 1h extended` */
export const format = (series: Series): string =>
  `${series.symbol} ${series.timeframe}${series.session === "extended" ? " extended" : ""}`
