/**
 * `ktrdr data load`
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { CandleSource } from "../../data/CandleSource.js"
import * as CandleSources from "../../data/CandleSource.js"
import type { DataError } from "../../data/DataError.js"
import type { Payload } from "../../data/LoadData.js"
import type { LoadMode } from "../../data/LoadMode.js"
import * as LoadReport from "../../data/LoadReport.js"
import type { Session } from "../../data/Series.js"
import type { Symbol } from "../../data/Symbol.js"
import type { Timeframe } from "../../data/Timeframe.js"
import type { HostError } from "../../HostError.js"
import { KeptBars } from "../KeptBars.js"
import * as Loading from "../Loading.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as TerminalProgress from "../TerminalProgress.js"
import { type Failure, Incomplete } from "./Failure.js"
import * as LoadText from "./LoadText.js"
import * as Shell from "./Shell.js"

export interface Options {
  readonly series: { readonly symbols: ReadonlyArray<Symbol>; readonly timeframe: Timeframe }
  readonly mode: LoadMode
  readonly start: number | undefined
  readonly end: number | undefined
  readonly session: Session
  readonly recheck: boolean
  readonly host: string | undefined
  readonly json: boolean
  readonly noProgress: boolean
}

/**
 * Loads every series of the options into the store of the home. Reports go to standard output; a load that is
 * interrupted says what it kept and the command that goes on. Fails with `Incomplete` when a series failed or
 * gave segments up.
 */
export const run = (options: Options): Effect.Effect<void, Failure | Output.OutputError, Output.Output> =>
  Effect.gen(function* () {
    const source = yield* sourceOf(options)
    return yield* Effect.provide(load(options), Main.layerLoad(source, Main.layerStore))
  })

// ---------------------------------------------------------------------------------------------------------

const load = (options: Options) =>
  Effect.gen(function* () {
    const payloads = payloadsOf(options)
    const outcomes = yield* TerminalProgress.make({ json: options.json, silent: options.noProgress }).pipe(
      Effect.flatMap((observer) => Loading.run(payloads, observer)),
      Effect.scoped,
      Effect.onInterrupt(() => sayKept(options.mode)),
    )
    yield* Effect.forEach(outcomes, (outcome) => tell(options, outcome), { discard: true })
    if (!outcomes.every(isDone)) return yield* new Incomplete()
  })

const payloadsOf = ({ series, start, end, mode, session, recheck }: Options): ReadonlyArray<Payload> =>
  series.symbols.map((symbol) => ({
    symbol,
    timeframe: series.timeframe,
    mode,
    session,
    recheck,
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
  }))

const isDone = ({ result }: Loading.Outcome): boolean =>
  Either.isRight(result) && LoadReport.isComplete(result.right)

const tell = (
  options: Options,
  { payload, result }: Loading.Outcome,
): Effect.Effect<void, Output.OutputError, Output.Output> =>
  Effect.gen(function* () {
    const { program } = yield* Shell.CommandLine
    if (Either.isLeft(result)) {
      if (options.json) yield* Output.line(LoadText.failure(payload, result.left))
      return yield* Output.note(`ktrdr: ${result.left.message}`)
    }
    const report = result.right
    for (const warning of report.warnings) yield* Output.note(`warning: ${warning}`)
    const completing = `${program} ${Shell.join(LoadText.completion(report, options.host))}`
    yield* Output.line(options.json ? JSON.stringify(encode(report)) : LoadText.report(report, completing))
  })

const encode = Schema.encodeSync(LoadReport.LoadReport)

const sayKept = (mode: LoadMode) =>
  Effect.gen(function* () {
    const { count } = yield* KeptBars
    const { program, words } = yield* Shell.CommandLine
    yield* Output.note(
      `Interrupted; kept: ${LoadText.amount(count, "bar")}\n` +
        `Continue with: ${program} ${Shell.join(LoadText.continuation(mode, words))}`,
    )
  })

type Source = Layer.Layer<CandleSource, DataError | HostError | ConfigError>

/** `--host`, else what the environment says, else an embedded host. */
const sourceOf = ({ host, mode }: Options): Effect.Effect<Source, ConfigError, Output.Output> =>
  Effect.gen(function* () {
    if (mode === "local") return CandleSources.layerOffline
    const { used, url } = yield* environment
    const chosen = host ?? (used ? Option.getOrUndefined(url) : undefined)
    if (chosen !== undefined) return Main.layerHost(chosen)
    const output = yield* Output.Output
    const onListen = (at: string) =>
      output.err(`No IB host given: an embedded one at ${at} serves SPX 1d as it was, all else simulated\n`)
    return Main.layerEmbedded({ seed: 1, onListen })
  })

const environment = Config.all({
  used: Config.boolean("USE_IB_HOST_SERVICE").pipe(
    Config.withDefault(true),
    Config.withDescription("false: leave IB_HOST_SERVICE_URL unused"),
  ),
  url: Config.option(Config.string("IB_HOST_SERVICE_URL")).pipe(
    Config.withDescription("The IB host to load from"),
  ),
})
