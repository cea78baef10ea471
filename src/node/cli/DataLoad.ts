/**
 * `ktrdr data load`
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CandleSources from "../../data/CandleSource.js"
import type { Payload } from "../../data/LoadData.js"
import type { LoadMode } from "../../data/LoadMode.js"
import type { Session } from "../../data/Series.js"
import type { Symbol } from "../../data/Symbol.js"
import type { Timeframe } from "../../data/Timeframe.js"
import * as IbPacing from "../../hosts/ib/IbPacing.js"
import * as Main from "../Main.js"
import type * as Output from "../Output.js"
import { type Failure, UsageError } from "./Failure.js"
import * as LoadPlans from "./LoadPlans.js"
import * as LoadSource from "./LoadSource.js"
import * as Loads from "./Loads.js"
import * as SymbolsFile from "./SymbolsFile.js"

export interface Options {
  readonly series: { readonly symbols: ReadonlyArray<Symbol>; readonly timeframe: Timeframe }
  /** A file of further symbols. */
  readonly symbols: string | undefined
  readonly mode: LoadMode
  readonly start: number | undefined
  readonly end: number | undefined
  readonly session: Session
  readonly recheck: boolean
  /** Print what would be asked for, and stop. */
  readonly plan: boolean
  readonly pacing: IbPacing.Mode
  readonly host: string | undefined
  readonly json: boolean
  readonly noProgress: boolean
}

/**
 * Loads every series of the options into the store of the home, as `Loads.run` does, or prints the plan of it,
 * as `LoadPlans.print` does.
 */
export const run = (options: Options): Effect.Effect<void, Failure | Output.OutputError, Output.Output> =>
  Effect.gen(function* () {
    const symbols = yield* SymbolsFile.join(options.series.symbols, options.symbols)
    if (symbols.length === 0) return yield* new UsageError({ path: ["data", "load"], message: noSymbol })
    const source =
      options.mode === "local" ? CandleSources.layerOffline : yield* LoadSource.make(options.host)
    const payloads = payloadsOf(options, symbols)
    yield* Effect.provide(
      options.plan
        ? LoadPlans.print(payloads, options)
        : Effect.zipRight(LoadPlans.sayFloor(payloads, options), Loads.run(payloads, options)),
      Layer.merge(Main.layerLoad(source, Main.layerStore), Main.layerEstimates),
    ).pipe(Effect.provideService(IbPacing.PacingMode, options.pacing))
  })

// ---------------------------------------------------------------------------------------------------------

const noSymbol = "missing symbol: expected one or more before the timeframe, or --symbols FILE"

const payloadsOf = (
  { series, start, end, mode, session, recheck }: Options,
  symbols: ReadonlyArray<Symbol>,
): ReadonlyArray<Payload> =>
  symbols.map((symbol) => ({
    symbol,
    timeframe: series.timeframe,
    mode,
    session,
    recheck,
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
  }))
