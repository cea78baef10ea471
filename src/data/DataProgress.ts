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
import type { Items } from "../ProgressSnapshot.js"
import { LoadMode } from "./LoadMode.js"
import { Timeframe } from "./Timeframe.js"

export const Context = Schema.Struct({
  symbols: Schema.Array(Schema.String),
  timeframe: Timeframe,
  mode: LoadMode,
  /** Bars that came in so far and are durable. */
  bars: Schema.NonNegativeInt,
  /** Segments that they came in; none before the first. */
  segments: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
}).annotations({ identifier: "DataProgressContext" })
export type Context = typeof Context.Type

/** `AAPL`, `AAPL, MSFT`, `AAPL, MSFT (+48 more)` */
export const names = (symbols: ReadonlyArray<string>): string =>
  symbols.length <= 2 ? symbols.join(", ") : `${symbols.slice(0, 2).join(", ")} (+${symbols.length - 2} more)`

/** What a load counts, and a load of many series. */
export const segmentUnit = "segment"
export const seriesUnit = "series"

/** `Loading AAPL 1h data (backfill mode) [4/5] segment 3/36 · 2,163 bars · ETA 2m` */
export const render: ProgressRenderer<Context> = (snapshot, context) => {
  const counted = counter(snapshot.items?.unit === segmentUnit ? snapshot.items : null)
  const held = waiting(snapshot.waiting, takenAt(snapshot))
  const left = eta(snapshot.eta)
  const bars = context.bars ?? 0
  return line(
    [...head(context), stepOf(snapshot), counted === undefined ? undefined : `${segmentUnit} ${counted}`],
    held === undefined
      ? [counted === undefined || bars === 0 ? undefined : `${count(bars)} ${plural("bar", bars)}`, left]
      : [held],
  )
}

/**
 * `Loading AAPL, MSFT (+48 more) 1d data (tail mode) · 12/50 series`: counts series, whatever the one at work
 * counts. What the series do not have in common is left out.
 */
export const renderMany: ProgressRenderer<Context> = (snapshot, context) => {
  const of = snapshot.steps.find(({ items }) => items?.unit === seriesUnit)?.items ?? snapshot.items
  const counted = counter(of)
  return line(head(context), [
    counted === undefined ? undefined : `${counted} series`,
    waiting(snapshot.waiting, takenAt(snapshot)),
    eta(snapshot.eta),
  ])
}

/** `247,110 bars kept; 12 of 36 segments settled` */
export const kept: ProgressRenderer<Context> = ({ items }, { bars = 0 }) =>
  line(
    [count(bars), plural("bar", bars), "kept"],
    [
      items?.unit === segmentUnit && items.total !== null
        ? `${count(items.done)} of ${count(items.total)} segments settled`
        : undefined,
    ],
  )

/** `3 of 50 series loaded` */
export const keptOfMany: ProgressRenderer<Context> = ({ steps }) => {
  const items = steps.find((step) => step.items?.unit === seriesUnit)?.items
  return items === undefined || items === null || items.total === null
    ? "no series loaded"
    : `${count(items.done)} of ${count(items.total)} series loaded; every segment that came in is kept`
}

// ---------------------------------------------------------------------------------------------------------

const head = ({ symbols, timeframe, mode }: Partial<Context>): ReadonlyArray<string | undefined> => [
  "Loading",
  names(symbols ?? []),
  timeframe,
  "data",
  mode === undefined ? undefined : `(${mode} mode)`,
]

/** `3/36`, where the total is known. */
const counter = (items: Items | null): string | undefined =>
  items === null || items.total === null ? undefined : `${items.done}/${items.total}`
