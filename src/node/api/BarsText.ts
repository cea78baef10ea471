/**
 * Bars as the JSON of an answer, made piece by piece while it is sent: a million of them hold up nobody.
 */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Stream from "effect/Stream"
import * as Candle from "../../data/Candle.js"
import type { Series } from "../../data/Series.js"
import { breathe } from "../../internal/breathe.js"

export const response = (series: Series, candles: Candle.Candles): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.stream(
    Stream.suspend(() => Stream.fromIteratorSucceed(pieces(series, candles), 1)).pipe(
      Stream.mapEffect((piece) => breathe(() => piece)),
      Stream.encodeText,
    ),
    { contentType: "application/json" },
  )

/** The bars that start at one of the sorted instants. */
export const starting = (candles: Candle.Candles, starts: Float64Array): Candle.Candles => {
  const kept: Array<number> = []
  let at = 0
  for (let index = 0; index < Candle.size(candles); index++) {
    const start = candles.start[index]!
    while (at < starts.length && starts[at]! < start) at++
    if (starts[at] === start) kept.push(index)
  }
  const result = Candle.allocate(kept.length)
  for (const column of Candle.columns) {
    for (let to = 0; to < kept.length; to++) result[column][to] = candles[column][kept[to]!]!
  }
  return result
}

// ---------------------------------------------------------------------------------------------------------

/** Bars in a piece of text. */
const perPiece = 2000

function* pieces({ symbol, timeframe }: Series, candles: Candle.Candles): Generator<string> {
  const size = Candle.size(candles)
  const [first, last] = [candles.start[0], candles.start[size - 1]]
  const name = { symbol, timeframe }
  const metadata =
    first === undefined || last === undefined
      ? { ...name, start: "", end: "", points: 0 }
      : { ...name, start_date: `${stamp(first)}+00:00`, end_date: `${stamp(last)}+00:00`, point_count: size }
  yield '{"success":true,"data":{"dates":['
  yield* list(size, (index) => `"${stamp(candles.start[index]!)}"`)
  yield '],"ohlcv":['
  yield* list(size, (index) => row(candles, index))
  yield `],"points":null,"metadata":${JSON.stringify(metadata)}},"error":null}`
}

function* list(size: number, write: (index: number) => string): Generator<string> {
  for (let from = 0; from < size; from += perPiece) {
    const parts: Array<string> = []
    for (let index = from; index < Math.min(size, from + perPiece); index++) parts.push(write(index))
    yield `${from === 0 ? "" : ","}${parts.join(",")}`
  }
}

const stamp = (millis: number): string => new Date(millis).toISOString().slice(0, 19)

const row = ({ open, high, low, close, volume }: Candle.Candles, index: number): string => {
  const known = volume[index]!
  return `[${open[index]},${high[index]},${low[index]},${close[index]},${Number.isNaN(known) ? null : known}]`
}
