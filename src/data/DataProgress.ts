/**
 * How a load shows itself: the facts it annotates its progress with, and the line made of them.
 */
import * as Schema from "effect/Schema"
import {
  count,
  eta,
  line,
  type ProgressRenderer,
  plural,
  stepOf,
  takenAt,
  waiting,
} from "../ProgressRenderer.js"
import { LoadMode } from "./LoadMode.js"
import { Timeframe } from "./Timeframe.js"

export const Context = Schema.Struct({
  symbols: Schema.Array(Schema.String),
  timeframe: Timeframe,
  mode: LoadMode,
  /** Bars that came in so far and are durable. */
  bars: Schema.NonNegativeInt,
}).annotations({ identifier: "DataProgressContext" })
export type Context = typeof Context.Type

/** `AAPL`, `AAPL, MSFT`, `AAPL, MSFT (+48 more)` */
export const names = (symbols: ReadonlyArray<string>): string =>
  symbols.length <= 2 ? symbols.join(", ") : `${symbols.slice(0, 2).join(", ")} (+${symbols.length - 2} more)`

/**
 * `Loading AAPL 1h data (backfill mode) [4/5] segment 3/36 · 2,163 bars · ETA 2m`, and for several symbols
 * `Loading AAPL, MSFT (+48 more) 1d data (tail mode) · 12/50 series`.
 */
export const render: ProgressRenderer<Context> = (snapshot, context) => {
  const { items } = snapshot
  const load = [
    "Loading",
    names(context.symbols ?? []),
    context.timeframe,
    "data",
    context.mode === undefined ? undefined : `(${context.mode} mode)`,
  ]
  const total = items?.total ?? null
  const counted = items === null || total === null ? undefined : `${items.done}/${total}`
  const held = waiting(snapshot.waiting, takenAt(snapshot))
  const left = eta(snapshot.eta)
  if ((context.symbols?.length ?? 0) > 1) {
    return line(load, [counted === undefined ? undefined : `${counted} series`, held, left])
  }
  const bars = context.bars ?? 0
  return line(
    [...load, stepOf(snapshot), counted === undefined ? undefined : `${items?.unit} ${counted}`],
    held === undefined
      ? [counted === undefined || bars === 0 ? undefined : `${count(bars)} ${plural("bar", bars)}`, left]
      : [held],
  )
}
