/**
 * `ktrdr operations watch`
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { OperationError } from "../../OperationError.js"
import { isTerminal, type OperationRecord } from "../../OperationRecord.js"
import { type Change, Operations } from "../../Operations.js"
import type { ProgressSnapshot } from "../../ProgressSnapshot.js"
import { Cancelled } from "../Loading.js"
import * as Output from "../Output.js"
import * as TerminalProgress from "../TerminalProgress.js"
import { Incomplete } from "./Failure.js"
import * as OperationsFind from "./OperationsFind.js"
import * as OperationsJson from "./OperationsJson.js"
import * as OperationsShow from "./OperationsShow.js"
import * as OperationsText from "./OperationsText.js"
import * as Shell from "./Shell.js"

export interface Options {
  /** An id, or enough of its beginning or end. */
  readonly id: string
  readonly json: boolean
  readonly noProgress: boolean
}

type Failing = Incomplete | Cancelled | OperationError | Output.OutputError

/**
 * Shows the progress of an operation, whoever runs it, until it ends, and then how it ended: fails with
 * `Incomplete` when it failed, with `Cancelled` when it was cancelled. To interrupt it ends nothing but the
 * watching.
 */
export const run = (options: Options): Effect.Effect<void, Failing, Operations | Output.Output> =>
  Effect.gen(function* () {
    const found = yield* OperationsFind.find(options.id)
    yield* tell(isTerminal(found) ? found : yield* follow(found.id, options), options)
  })

/** Prints how an operation ended, and fails unless it succeeded. */
export const tell = (
  record: OperationRecord,
  { json }: Pick<Options, "json">,
): Effect.Effect<void, Failing, Operations | Output.Output> =>
  Effect.gen(function* () {
    yield* Output.line(
      json
        ? OperationsJson.record(record)
        : OperationsText.ending(record, yield* OperationsShow.surroundings(record)),
    )
    for (const warning of json ? [] : record.warnings) yield* Output.note(`warning: ${warning}`)
    if (record.status === "failed") return yield* new Incomplete()
    if (record.status === "cancelled") return yield* new Cancelled({ record })
  })

// ---------------------------------------------------------------------------------------------------------

const follow = (
  id: string,
  { json, noProgress }: Options,
): Effect.Effect<OperationRecord, OperationError, Operations | Output.Output> =>
  Effect.gen(function* () {
    const operations = yield* Operations
    const command = yield* Shell.typed(["--server"])
    yield* TerminalProgress.make({ json, silent: noProgress }).pipe(
      Effect.flatMap((observer) =>
        Stream.runForEach(operations.changes(id), (change) => observer(snapshotOf(change))),
      ),
      Effect.scoped,
      Effect.onInterrupt(() =>
        Output.note(
          `Watching ended; the operation goes on\nEnd it with: ${command(["operations", "cancel", id])}`,
        ),
      ),
    )
    return yield* operations.get(id)
  })

/** What it does on its way out is shown as such. */
const snapshotOf = (change: Change): ProgressSnapshot => {
  const snapshot = change.snapshot()
  return change.status === "cancelling" && snapshot.status === "running"
    ? { ...snapshot, message: `Cancelling · ${snapshot.message}` }
    : snapshot
}
