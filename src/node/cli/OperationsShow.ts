/**
 * `ktrdr operations show`
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { OperationError } from "../../OperationError.js"
import type { OperationRecord } from "../../OperationRecord.js"
import { Operations } from "../../Operations.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as TrainingKind from "../TrainingKind.js"
import * as OperationsFind from "./OperationsFind.js"
import * as OperationsJson from "./OperationsJson.js"
import * as OperationsText from "./OperationsText.js"
import * as Shell from "./Shell.js"

export interface Options {
  /** An id, or enough of its beginning or end. */
  readonly id: string
  readonly json: boolean
}

/** Prints all that is known of an operation, and what can be done with it. */
export const run = (
  options: Options,
): Effect.Effect<void, OperationError | Output.OutputError, Operations | Output.Output> =>
  Effect.gen(function* () {
    const record = yield* OperationsFind.find(options.id)
    yield* Output.line(
      options.json
        ? OperationsJson.record(record)
        : OperationsText.whole(record, yield* surroundings(record)),
    )
  })

/** What there is to know around a record. */
export const surroundings = (
  record: OperationRecord,
): Effect.Effect<OperationsText.Surroundings, OperationError, Operations | Output.Output> =>
  Effect.gen(function* () {
    const operations = yield* Operations
    const kind =
      operations.operations.get(record.kind) ??
      (yield* Main.operationsWith(record.kind)).operations.get(record.kind)
    const command = yield* Shell.typed(["--server"])
    const alike = yield* OperationsFind.all({ kind: record.kind }, record.created)
    const parts = yield* OperationsFind.all({ parent: record.id }, record.created)
    const { columns, isTerminal } = (yield* Output.Output).screen()
    return {
      width: isTerminal ? columns : undefined,
      now: yield* Clock.currentTimeMillis,
      command,
      ways: kind === undefined ? [] : kind.definition.resume === "none" ? ["retry"] : ["resume", "retry"],
      successors: alike.filter(({ resumedFrom }) => resumedFrom === record.id).map(({ id }) => id),
      parts: parts.map(({ id }) => id),
      ...(TrainingKind.isTraining(record.kind) ? yield* trained(record, command) : {}),
    }
  })

// ---------------------------------------------------------------------------------------------------------

/** What a training was asked for and came to, in its own words. */
const trained = (record: OperationRecord, command: OperationsText.Surroundings["command"]) =>
  Effect.map(
    Effect.promise(() => import("./TrainResult.js")),
    ({ payload, text }) => ({ payload: payload(record), result: text(record, command) }),
  )
