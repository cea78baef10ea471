/**
 * What the commands that train have in common: progress, the report, what an interrupted training leaves.
 */
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import pico from "picocolors"
import type { DataError } from "../../data/DataError.js"
import type * as Operation from "../../Operation.js"
import type { OperationError } from "../../OperationError.js"
import type { OperationRecord } from "../../OperationRecord.js"
import { Operations, type Running, type StartOptions } from "../../Operations.js"
import * as ModelStore from "../../training/ModelStore.js"
import type { TrainingError } from "../../training/TrainingError.js"
import { TrainingReport } from "../../training/TrainingReport.js"
import type { EpochReport } from "../../training/TrainingRun.js"
import type { TrainModel } from "../../training/TrainModel.js"
import * as LearningCurve from "../LearningCurve.js"
import * as Loading from "../Loading.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as TerminalProgress from "../TerminalProgress.js"
import * as Kept from "./Kept.js"
import type { Shown } from "./Loads.js"
import * as Shell from "./Shell.js"
import * as TrainText from "./TrainText.js"

export interface Followed extends Shown {
  readonly id: string
  /** Options for the commands that are printed. */
  readonly carried?: ReadonlyArray<string>
  /** Whether what is kept stays behind, so that another command can go on; true by default. */
  readonly stays?: boolean
}

type Failing =
  | Loading.Cancelled
  | ConfigError
  | DataError
  | OperationError
  | Output.OutputError
  | TrainingError

/**
 * Shows a training that `start` starts until it has ended, and prints its report: with `json` as one line, otherwise
 * with the curve by which it learned. One that is cut short, here or by somebody else's cancelling it, or that fails,
 * says what it kept and the command that goes on.
 */
export const follow = (
  start: (options: StartOptions) => Effect.Effect<Running<unknown, unknown>, OperationError, Operations>,
  { carried = [], id, json, noProgress, stays = true }: Followed,
): Effect.Effect<void, Failing, Operations | Output.Output | ModelStore.ModelStore> =>
  Effect.gen(function* () {
    const operations = yield* Operations
    const command = yield* Shell.typed()
    const resuming = command(["operations", "resume", id, ...carried])
    const told = (what: string, { kept }: OperationRecord) =>
      stays ? Kept.say(what, kept, [resuming]) : Kept.say(what, null, [])
    const kept = (what: string) =>
      Effect.flatMap(Effect.option(operations.get(id)), (record) =>
        Option.match(stays ? record : Option.none(), {
          onNone: () => Effect.void,
          onSome: (one) => told(what, one),
        }),
      )
    const report = yield* TerminalProgress.make({ json, silent: noProgress }).pipe(
      Effect.flatMap((observer) => Loading.follow(start({ observer, id }) as Started)),
      Effect.scoped,
      Effect.tapErrorTag("Cancelled", ({ record }) =>
        told(`Cancelled, ${record.cancellation?.reason ?? "from inside"}`, record),
      ),
      Effect.onInterrupt(() => kept("Interrupted")),
      Effect.tapError((error) =>
        error._tag === "TrainingError" && isLater.has(error.reason) ? kept("Failed") : Effect.void,
      ),
    )
    yield* tell(report, { json })
  })

/** The curve for this output, with an empty line behind it; nothing where there is no history. */
export const curve = (
  history: ReadonlyArray<EpochReport>,
  best: number,
): Effect.Effect<ReadonlyArray<string>, never, Output.Output> =>
  Effect.map(Output.Output, (output) => {
    const { columns, hasColor, hasUnicode, rows } = output.screen()
    const lines = LearningCurve.lines(history, best, {
      width: Math.max(20, Math.min(100, columns)),
      height: Math.max(8, Math.min(15, Math.floor(rows / 2))),
      hasUnicode,
      colors: pico.createColors(hasColor),
    })
    return lines.length === 0 ? [] : [...lines, ""]
  })

// ---------------------------------------------------------------------------------------------------------

/** The report of a training, and the curve by which its model learned. */
const tell = (
  report: TrainingReport,
  { json }: Pick<Shown, "json">,
): Effect.Effect<void, ConfigError | Output.OutputError, Output.Output | ModelStore.ModelStore> =>
  Effect.gen(function* () {
    for (const warning of report.warnings) yield* Output.note(`warning: ${warning}`)
    if (json) return yield* Output.line(JSON.stringify(encode(report)))
    const models = yield* ModelStore.ModelStore
    const history = yield* ModelStore.find(report.model).pipe(
      Effect.flatMap(models.read),
      Effect.map((model) => model.history),
      Effect.orElseSucceed((): ReadonlyArray<EpochReport> => []),
    )
    const home = yield* Main.home
    const text = TrainText.report(report, { home, command: yield* Shell.typed() })
    yield* Output.line([...(yield* curve(history, report.best_epoch)), text].join("\n"))
  })

const encode = Schema.encodeSync(TrainingReport)

type Started = Effect.Effect<
  Running<Operation.SuccessOf<typeof TrainModel>, Operation.FailureOf<typeof TrainModel>>,
  OperationError,
  Operations
>

/** Failures after which a checkpoint may be there to go on from. */
const isLater: ReadonlySet<TrainingError["reason"]> = new Set([
  "TrainerFailed",
  "StoreUnwritable",
  "StoreUnreadable",
  "StoreLocked",
])
