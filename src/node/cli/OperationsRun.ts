/**
 * What the commands that run an operation of whatever kind have in common.
 */
import * as Effect from "effect/Effect"
import type { OperationError } from "../../OperationError.js"
import { Operations, type Running, type StartOptions } from "../../Operations.js"
import type { KeptBars } from "../KeptBars.js"
import * as Loading from "../Loading.js"
import * as Output from "../Output.js"
import * as TerminalProgress from "../TerminalProgress.js"
import * as TrainingKind from "../TrainingKind.js"
import { withCalendars } from "./Entry.js"
import { Incomplete, type Program } from "./Failure.js"
import * as LoadSource from "./LoadSource.js"
import * as Loads from "./Loads.js"
import * as OperationsSettings from "./OperationsSettings.js"
import * as OperationsShow from "./OperationsShow.js"
import * as OperationsText from "./OperationsText.js"
import * as OperationsWatch from "./OperationsWatch.js"
import * as Shell from "./Shell.js"
import * as TrainSystem from "./TrainSystem.js"

/** What is run. */
export interface Work extends Loads.Shown {
  readonly id: string
  readonly kind: string
  readonly payload: unknown
  /** Options for the commands that it prints. */
  readonly carried: ReadonlyArray<string>
  /** Starts it, where it is a load. */
  readonly load: (
    options: Loading.Options,
  ) => Effect.Effect<ReadonlyArray<Loading.Outcome>, Loading.Cancelled | OperationError, Operations>
  /** Starts it, whatever it is. */
  readonly start: (
    options: StartOptions,
  ) => Effect.Effect<Running<unknown, unknown>, OperationError, Operations>
}

/**
 * Runs it in this process, in the system of the settings, with progress and reports as `follow` shows them, or as
 * the command that trains does.
 */
export const run = (work: Work, settings: LoadSource.Settings): Program =>
  TrainingKind.isTraining(work.kind)
    ? train(work).pipe(TrainSystem.using(settings))
    : follow(work).pipe(
        LoadSource.withSystem(settings, OperationsSettings.sourceOf(work.payload)),
        (program) => withCalendars(settings.calendar, program),
      )

/**
 * Shows the work until it has ended: loads as the commands that load do, any other kind as one that is watched.
 * Interrupted, it is cancelled, and says how to go on.
 */
export const follow = (
  work: Work,
): Effect.Effect<
  void,
  Incomplete | Loading.Cancelled | OperationError | Output.OutputError,
  Output.Output | Operations | KeptBars
> => (Loading.isLoad(work.kind) ? load(work) : other(work))

// ---------------------------------------------------------------------------------------------------------

const load = ({ carried, id, json, load, noProgress, payload }: Work) =>
  Effect.gen(function* () {
    const command = yield* Shell.typed()
    yield* Loads.follow((given) => load({ ...given, id }), {
      json,
      noProgress,
      carried,
      series: OperationsSettings.seriesOf(payload),
      continuing: [command(["operations", "resume", id])],
    })
  })

const train = ({ carried, id, json, noProgress, start }: Work) =>
  Effect.flatMap(
    Effect.promise(() => import("./Trains.js")),
    (trains) => trains.follow(start, { id, json, noProgress, carried }),
  )

const other = ({ id, json, noProgress, start }: Work) =>
  Effect.gen(function* () {
    const operations = yield* Operations
    yield* TerminalProgress.make({ json, silent: noProgress }).pipe(
      Effect.flatMap((observer) =>
        Effect.flatMap(start({ observer, id }), (running) =>
          Effect.exit(Loading.follow(Effect.succeed(running))),
        ),
      ),
      Effect.scoped,
      Effect.onInterrupt(() =>
        Effect.ignore(
          Effect.gen(function* () {
            const record = yield* operations.get(id)
            const around = yield* OperationsShow.surroundings(record)
            yield* Output.note(OperationsText.ending(record, around))
          }),
        ),
      ),
    )
    yield* OperationsWatch.tell(yield* operations.get(id), { json })
  })
