/**
 * A folder of files `{symbol}_{timeframe}.csv` as a source. `{symbol}_{timeframe}-extended.csv` is asked for
 * extended hours where it is there; otherwise the one file serves either session.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Candles } from "../Candle.js"
import * as CandleSource from "../CandleSource.js"
import * as Csv from "../Csv.js"
import { DataError } from "../DataError.js"
import * as Instrument from "../Instrument.js"
import * as Symbol from "../Symbol.js"
import * as Timeframe from "../Timeframe.js"

export interface Options {
  readonly directory: string
  /** What is known of symbols better than their names tell. */
  readonly instruments?: Iterable<Instrument.Instrument>
}

/** The first row is the first bar there can be, the last row the last one. A file is read again once it changes. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const lock = yield* Effect.makeSemaphore(1)
  const given = new Map(Array.from(options.instruments ?? [], (_) => [_.symbol, _]))
  const cache = new Map<string, { readonly version: string; readonly candles: Candles }>()

  const read = Effect.fnUntraced(
    function* (name: string) {
      const file = path.join(options.directory, name)
      const info = yield* fs.stat(file)
      const version = `${info.size} ${Option.getOrUndefined(info.mtime)?.getTime()}`
      const cached = cache.get(name)
      if (cached?.version === version) return cached.candles
      const candles = yield* Csv.fromStream(name, Stream.decodeText(fs.stream(file)))
      cache.set(name, { version, candles })
      return candles
    },
    (effect, name) =>
      lock.withPermits(1)(Effect.catchTag(effect, "BadArgument", "SystemError", unreadable(name))),
  )

  const entries = fs.readDirectory(options.directory).pipe(
    Effect.mapError(unreadable(options.directory)),
    Effect.map((names) =>
      names.sort().flatMap((name): ReadonlyArray<CandleSource.Entry> => {
        const parts = fileName.exec(name)
        const symbol = Symbol.parse(parts?.[1] ?? "")
        const timeframe = Timeframe.parse(parts?.[2] ?? "")
        if (Either.isLeft(symbol) || Either.isLeft(timeframe)) return []
        return [
          {
            symbol: symbol.right,
            timeframe: timeframe.right,
            ...(parts?.[3] === undefined ? {} : { session: "extended" }),
            instrument: given.get(symbol.right) ?? instrumentOf(symbol.right),
            candles: read(name),
          },
        ]
      }),
    ),
  )
  return CandleSource.fromArchive("csv", entries)
})

export const layer = (
  options: Options,
): Layer.Layer<CandleSource.CandleSource, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(CandleSource.CandleSource, make(options))

// -----------------------------------------------------------------------------

const fileName = /^(.+)_([0-9]+[a-z]+)(-extended)?\.csv$/i

/** Names that are known to be New York indices; nothing in the name itself says so. */
const indices: ReadonlySet<string> = new Set(["SPX", "NDX", "DJI", "VIX"])

const instrumentOf = (symbol: Symbol.Symbol): Instrument.Instrument =>
  indices.has(symbol)
    ? { symbol, type: "index", venue: "XNYS", currency: "USD" }
    : Instrument.guess(symbol).instrument

const unreadable =
  (place: string) =>
  (cause: { readonly message: string }): DataError =>
    new DataError({
      reason: "InvalidFile",
      place,
      expected: "a folder of files that can be read",
      found: cause.message,
      advice: "Check the folder's name and permissions",
      cause,
    })
