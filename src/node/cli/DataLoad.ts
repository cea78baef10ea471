/**
 * `ktrdr data load`
 */
import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as CandleSources from "../../data/CandleSource.js"
import type { Payload } from "../../data/LoadData.js"
import type { LoadMode } from "../../data/LoadMode.js"
import type { Session } from "../../data/Series.js"
import type { Symbol } from "../../data/Symbol.js"
import type { Timeframe } from "../../data/Timeframe.js"
import type * as IbPacing from "../../hosts/ib/IbPacing.js"
import * as Loading from "../Loading.js"
import * as Detach from "./Detach.js"
import { type Program, UsageError } from "./Failure.js"
import * as LoadPlans from "./LoadPlans.js"
import * as LoadSource from "./LoadSource.js"
import * as Loads from "./Loads.js"
import * as LoadText from "./LoadText.js"
import * as ServerOptions from "./ServerOptions.js"
import * as Shell from "./Shell.js"
import * as SymbolsFile from "./SymbolsFile.js"

export interface Options extends ServerOptions.Placed {
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
  /** A file of calendars, which the command runs with. */
  readonly calendar: string | undefined
  readonly host: string | undefined
}

/**
 * Loads every series of the options into the store of the home, as `Loads.run` does, or prints the plan of it,
 * as `LoadPlans.print` does.
 */
export const run = (options: Options): Program =>
  Effect.gen(function* () {
    const symbols = yield* SymbolsFile.join(options.series.symbols, options.symbols)
    if (symbols.length === 0) return yield* new UsageError({ path: ["data", "load"], message: noSymbol })
    const payloads = payloadsOf(options, symbols)
    if (options.server !== undefined) return yield* onServer(options.server, payloads, options)
    if (options.detach) {
      const command = { path: ["data", "load"], kind: Loading.kindOf(payloads), listed: symbols }
      return yield* Detach.load({ ...options, ...command })
    }
    const calendar = options.calendar === undefined ? undefined : resolve(options.calendar)
    const settings = { host: yield* LoadSource.choose(options.host), pacing: options.pacing, calendar }
    const source = options.mode === "local" ? CandleSources.layerOffline : undefined
    yield* (
      options.plan
        ? LoadPlans.print(payloads, options)
        : Effect.zipRight(LoadPlans.sayFloor(payloads, options), Loads.run(payloads, options))
    ).pipe(LoadSource.withSystem(settings, source, options.plan))
  })

// ---------------------------------------------------------------------------------------------------------

const onServer = (server: string, payloads: ReadonlyArray<Payload>, options: Options) =>
  Effect.gen(function* () {
    const [ServerRun, OperationsReach] = yield* Effect.promise(() =>
      Promise.all([import("./ServerRun.js"), import("./OperationsReach.js")]),
    )
    yield* ServerOptions.check(["data", "load"])
    const { program, words } = yield* Shell.CommandLine
    const continuing = `${program} ${Shell.join(LoadText.continuation(options.mode, words))}`
    yield* Effect.provide(ServerRun.load(payloads, { ...options, continuing }), OperationsReach.over(server))
  })

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
