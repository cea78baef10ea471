/**
 * `ktrdr train`
 */
import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Coverage from "../../data/Coverage.js"
import * as Series from "../../data/Series.js"
import type { Symbol } from "../../data/Symbol.js"
import type { Timeframe } from "../../data/Timeframe.js"
import * as TimeRange from "../../data/TimeRange.js"
import type { OperationRecord } from "../../OperationRecord.js"
import { Operations } from "../../Operations.js"
import * as Progress from "../../Progress.js"
import * as Indicators from "../../training/Indicators.js"
import * as Receipt from "../../training/Receipt.js"
import * as Sense from "../../training/Strategy/Sense.js"
import * as Strategy from "../../training/Strategy.js"
import { TrainingError } from "../../training/TrainingError.js"
import { TrainingManager, type TrainingPlan } from "../../training/TrainingManager.js"
import { type Payload, TrainModel } from "../../training/TrainModel.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as TerminalProgress from "../TerminalProgress.js"
import * as Detach from "./Detach.js"
import { type Program, UsageError } from "./Failure.js"
import * as OperationId from "./OperationId.js"
import * as OperationsFind from "./OperationsFind.js"
import * as OperationsReach from "./OperationsReach.js"
import * as OperationsSettings from "./OperationsSettings.js"
import * as ServerOptions from "./ServerOptions.js"
import type * as ServerRunning from "./ServerRun.js"
import * as Shell from "./Shell.js"
import * as StrategyGiven from "./StrategyGiven.js"
import * as TrainHost from "./TrainHost.js"
import * as TrainSystem from "./TrainSystem.js"
import * as Trains from "./Trains.js"
import * as TrainText from "./TrainText.js"

export interface Options extends ServerOptions.Placed {
  /** A file, or the name of a strategy; with `resume` it may be left out. */
  readonly strategy: string | undefined
  /** In place of those of the strategy. */
  readonly symbols: ReadonlyArray<Symbol> | undefined
  readonly timeframes: ReadonlyArray<Timeframe> | undefined
  readonly epochs: number | undefined
  readonly seed: number | undefined
  readonly start: number | undefined
  readonly end: number | undefined
  readonly allowGaps: boolean
  /** The training host, or `local`. */
  readonly host: string | undefined
  /** A file of calendars. */
  readonly calendar: string | undefined
  /** A training that failed or was cancelled, to go on with: an id, or enough of its beginning or end. */
  readonly resume: string | undefined
  /** Print what it would do, and stop. */
  readonly dryRun: boolean
}

/**
 * Trains a strategy on the bars that are kept, as an operation, or prints what that would do. What is wrong with the
 * strategy is found before anything is started.
 */
export const run = (options: Options): Program =>
  Effect.gen(function* () {
    const fault = contradiction(options)
    if (fault !== undefined) return yield* new UsageError({ path, message: fault })
    const payload = options.strategy === undefined ? undefined : yield* payloadOf(options.strategy, options)
    if (options.dryRun && payload !== undefined) return yield* plan(payload, options)
    if (options.server !== undefined) return yield* onServer(options.server, payload, options)
    const before =
      options.resume === undefined
        ? undefined
        : yield* Effect.provide(resumed(options.resume, payload), Main.layerOperations)
    if (options.detach) {
      const { words } = yield* Shell.CommandLine
      return yield* Detach.run({ kind: TrainModel.kind, words, json: options.json })
    }
    const kept = before?.settings ?? {}
    const settings = {
      calendar: options.calendar === undefined ? kept["calendar"] : resolve(options.calendar),
      host: yield* TrainHost.choose(options.host, kept),
    }
    yield* here(payload, before, settings, options)
  })

// ---------------------------------------------------------------------------------------------------------

const path = ["train"]

/** Options that say what is trained. */
const changes = ["symbols", "timeframes", "epochs", "seed", "start", "end", "allowGaps"] as const

const contradiction = (options: Options): string | undefined => {
  const { detach, dryRun, host, resume, server, strategy } = options
  if (strategy === undefined && resume === undefined) {
    return "missing STRATEGY: expected a file, the name of an example such as trend_following, or --resume ID"
  }
  if (dryRun && resume !== undefined) return "--dry-run and --resume: expected one of the two"
  if (dryRun && host !== undefined)
    return "--dry-run and --host: a plan is made here; leave one of the two out"
  const changing = changes.find((name) => options[name] !== undefined && options[name] !== false)
  if (strategy === undefined && changing !== undefined) {
    const option = `--${changing === "allowGaps" ? "allow-gaps" : changing}`
    return `${option} and --resume: a training goes on as it was started; leave ${option} out`
  }
  if (!dryRun) return undefined
  if (detach) return "--dry-run and --detach: expected one of the two"
  return server === undefined ? undefined : "--dry-run and --server: expected one of the two"
}

const payloadOf = (given: string, options: Options) =>
  Effect.gen(function* () {
    const { strategy: read, text, warnings } = yield* StrategyGiven.read(given)
    const { allowGaps, end, epochs, seed, start, symbols, timeframes } = options
    const strategy: Strategy.Strategy = {
      ...read,
      symbols: symbols ?? read.symbols,
      timeframes: timeframes ?? read.timeframes,
      training: {
        ...read.training,
        epochs: epochs ?? read.training.epochs,
        seed: seed ?? read.training.seed,
      },
    }
    for (const warning of warnings) yield* Output.note(`warning: ${warning}`)
    const fault = Sense.firstFault(strategy, Indicators.builtIn)
    if (fault !== undefined) return yield* unfit(fault)
    const payload: Payload = {
      strategy,
      text,
      ...(start === undefined ? {} : { start }),
      ...(end === undefined ? {} : { end }),
      allow_gaps: allowGaps,
    }
    return payload
  })

/** What the file says fits together; not so with what the options put in its place. */
const unfit = ({ expected, found, path, suggestion }: Sense.Fault): TrainingError => {
  const name = path.map(String).join(".")
  return new TrainingError({
    reason: "InvalidStrategy",
    place: /^(symbols|timeframes)\b/.test(name)
      ? `--${String(path[0])}`
      : `the strategy with these options, ${name}`,
    expected,
    found,
    advice: suggestion === undefined ? "Correct the options" : `Did you mean ${suggestion}`,
  })
}

const here = (
  payload: Payload | undefined,
  before: OperationRecord | undefined,
  settings: TrainSystem.Settings,
  { json, noProgress }: Options,
): Program =>
  Effect.gen(function* () {
    const id = yield* OperationId.make(TrainModel.kind)
    yield* Trains.follow(beginning(payload, before), {
      id,
      json,
      noProgress,
      carried: OperationsSettings.words(TrainSystem.recorded(settings)),
    }).pipe(TrainSystem.using(settings))
  })

/** Goes on with what was before, or starts anew. */
const beginning =
  (payload: Payload | undefined, before: OperationRecord | undefined): ServerRunning.Work["begin"] =>
  (given) =>
    Effect.gen(function* () {
      const operations = yield* Operations
      if (before !== undefined) return yield* operations.resume(before.id, given)
      return payload === undefined
        ? yield* Effect.dieMessage("nothing to train")
        : yield* operations.start(TrainModel, payload, given)
    })

/** Only a training can be gone on with, and only as it was: what the options say has to be the same. */
const resumed = (given: string, payload: Payload | undefined) =>
  Effect.gen(function* () {
    const record = yield* OperationsFind.find(given)
    if (record.kind !== TrainModel.kind) {
      return yield* new UsageError({ path, message: `--resume: expected a training, found ${record.id}` })
    }
    if (payload === undefined) return record
    const before = yield* TrainModel.decode(record.payload)
    const [then, now] = [yield* Strategy.hash(before.strategy), yield* Strategy.hash(payload.strategy)]
    const other =
      then !== now
        ? "a strategy that says something else"
        : before.start !== payload.start || before.end !== payload.end
          ? "another span"
          : before.allow_gaps !== payload.allow_gaps
            ? `gaps ${payload.allow_gaps ? "" : "not "}allowed`
            : undefined
    if (other !== undefined) {
      return yield* new TrainingError({
        reason: "OtherStrategy",
        place: `training ${record.id}`,
        expected: "the strategy, the options and the span that it was started with",
        found: other,
        advice: "Leave STRATEGY and its options out to go on as it was, or train without --resume",
      })
    }
    return record
  })

const onServer = (server: string, payload: Payload | undefined, options: Options): Program =>
  Effect.gen(function* () {
    const ServerRun = yield* Effect.promise(() => import("./ServerRun.js"))
    yield* ServerOptions.check(path)
    const { resume } = options
    yield* Effect.gen(function* () {
      const before = resume === undefined ? undefined : yield* resumed(resume, payload)
      yield* ServerRun.run({ ...options, begin: beginning(payload, before) })
    }).pipe(Effect.provide(OperationsReach.over(server)))
  })

const plan = ({ allow_gaps, end, start, strategy, text }: Payload, options: Options): Program =>
  Effect.gen(function* () {
    const { json, noProgress } = options
    const manager = yield* TrainingManager
    const observer = yield* TerminalProgress.make({ json, silent: noProgress })
    const planned = yield* Progress.observe(
      manager.plan({ strategy, text, start, end, allowGaps: allow_gaps }),
      {
        observer,
        name: `Planning ${strategy.name}`,
      },
    )
    for (const warning of planned.warnings) yield* Output.note(`warning: ${warning}`)
    yield* Output.line(json ? JSON.stringify(jsonOf(planned)) : TrainText.plan(planned))
  }).pipe(Effect.scoped, TrainSystem.using({ calendar: options.calendar, host: TrainHost.local }, true))

const encodeSplit = Schema.encodeSync(Receipt.Split)
const encodeRange = Schema.encodeSync(TimeRange.TimeRange)
const encodeCoverage = Schema.encodeSync(Coverage.Coverage)

const jsonOf = (planned: TrainingPlan) => ({
  series: planned.series.map(({ series, range, bars, coverage }) => ({
    series: Series.format(series),
    ...encodeRange(range),
    bars,
    coverage: encodeCoverage(coverage),
  })),
  rows: planned.rows,
  split: encodeSplit(planned.split),
  features: planned.features,
  balance: planned.balance,
  parameters: planned.parameters,
  epochs: planned.epochs,
  batches_per_epoch: planned.batchesPerEpoch,
  estimated_seconds: planned.estimatedMillis === null ? null : planned.estimatedMillis / 1000,
  warnings: planned.warnings,
})
