/**
 * What the embedded host serves: the sample bars that come with ktrdr, and a simulated market for the rest.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CsvFolder from "../data/CandleSource/CsvFolder.js"
import * as CandleSource from "../data/CandleSource.js"
import type { DataError } from "../data/DataError.js"
import * as SimulatedMarket from "../hosts/ib/SimulatedMarket.js"
import * as Package from "./Package.js"

/** A source that asks `first`, and `second` for the series that the first does not have. */
export const orElse = (first: CandleSource.Service, second: CandleSource.Service): CandleSource.Service => ({
  name: `${first.name}+${second.name}`,
  concurrency: Math.min(first.concurrency, second.concurrency),
  validate: (symbol, timeframe) =>
    Effect.catchIf(first.validate(symbol, timeframe), isLacking, () => second.validate(symbol, timeframe)),
  fetch: (request) => Effect.catchIf(first.fetch(request), isLacking, () => second.fetch(request)),
})

/** The sample bars alone. */
export const layerSample: Layer.Layer<CandleSource.CandleSource, never, FileSystem.FileSystem | Path.Path> =
  Layer.suspend(() => CsvFolder.layer({ directory: Package.samples() }))

/** The sample bars, else the market of the seed. */
export const layer = (
  options: SimulatedMarket.Options,
): Layer.Layer<CandleSource.CandleSource, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    CandleSource.CandleSource,
    Effect.map(
      Effect.suspend(() => CsvFolder.make({ directory: Package.samples() })),
      (sample) => orElse(sample, SimulatedMarket.make(options)),
    ),
  )

// ---------------------------------------------------------------------------------------------------------

const isLacking = (error: DataError): boolean => error.reason === "UnknownSymbol" || error.reason === "NoData"
