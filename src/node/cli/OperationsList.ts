/**
 * `ktrdr operations list`
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { OperationError } from "../../OperationError.js"
import { active, type Status, type Summary } from "../../OperationRecord.js"
import { Operations } from "../../Operations.js"
import { count } from "../../ProgressRenderer.js"
import * as Output from "../Output.js"
import { UsageError } from "./Failure.js"
import * as LoadText from "./LoadText.js"
import * as OperationsJson from "./OperationsJson.js"
import * as OperationsTable from "./OperationsTable.js"
import * as OperationsText from "./OperationsText.js"
import * as Shell from "./Shell.js"

export interface Options {
  /** Those in one of these states; all of them where left out. */
  readonly statuses: ReadonlyArray<Status> | undefined
  readonly kind: string | undefined
  /** Those that have not ended. */
  readonly active: boolean
  /** At most so many, after `offset` others. */
  readonly limit: number | undefined
  readonly offset: number | undefined
  readonly json: boolean
}

/** Prints the operations that fit, newest first: a table, or a JSON line each. */
export const run = (
  options: Options,
): Effect.Effect<void, UsageError | OperationError | Output.OutputError, Operations | Output.Output> =>
  Effect.gen(function* () {
    if (options.active && options.statuses !== undefined) {
      return yield* new UsageError({
        path: ["operations", "list"],
        message: "--active and --status: expected one of the two",
      })
    }
    const operations = yield* Operations
    const { kind, limit = defaultLimit, offset = 0 } = options
    const statuses = options.active ? active : options.statuses
    const page = yield* operations.list({ statuses, kind, limit, offset })
    const shown = page.operations
    const command = yield* Shell.typed()
    if (shown.length === 0) {
      const start = `Start one: ${command(["data", "load", "SPX", "1d"])}`
      const isEmpty = page.total === 0 && page.active === 0 && statuses === undefined && kind === undefined
      return yield* Output.note(
        isEmpty
          ? `No operation is recorded yet. ${start}`
          : page.total === 0
            ? `No operation fits; ${count(page.active)} active`
            : `There are no more: ${LoadText.amount(page.total, "operation")} in all`,
      )
    }
    if (options.json) return yield* Output.line(shown.map(OperationsJson.summary).join("\n"))
    const now = yield* Clock.currentTimeMillis
    const screen = (yield* Output.Output).screen()
    yield* Output.line(OperationsTable.lines(shown.map(rowOf), now, screen).join("\n"))
    const next = offset + shown.length
    const more = next < page.total ? `; more: --offset ${next}` : ""
    yield* Output.note(
      `${count(shown.length)} of ${LoadText.amount(page.total, "operation")}, ${count(page.active)} active${more}`,
    )
  })

// ---------------------------------------------------------------------------------------------------------

const defaultLimit = 20

/** Why it failed or was cancelled, else how far it came. */
const rowOf = (summary: Summary): OperationsTable.Row => ({
  summary,
  said: OperationsText.why(summary) ?? summary.message,
})
