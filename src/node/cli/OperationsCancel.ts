/**
 * `ktrdr operations cancel`
 */
import { hostname } from "node:os"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { OperationError } from "../../OperationError.js"
import { active, type OperationRecord, type Summary } from "../../OperationRecord.js"
import { type CancelAnswer, Operations } from "../../Operations.js"
import * as Output from "../Output.js"
import { Incomplete, UsageError } from "./Failure.js"
import * as OperationsFind from "./OperationsFind.js"
import * as OperationsJson from "./OperationsJson.js"
import * as OperationsShow from "./OperationsShow.js"
import * as OperationsText from "./OperationsText.js"
import * as Shell from "./Shell.js"

export interface Options {
  /** An id, or enough of its beginning or end; none with `all`. */
  readonly id: string | undefined
  /** Every operation that has not ended. */
  readonly all: boolean
  readonly reason: string | undefined
  readonly json: boolean
}

type Failing = UsageError | Incomplete | OperationError | Output.OutputError
type Program = Effect.Effect<void, Failing, Operations | Output.Output>

/**
 * Asks for operations to be cancelled, waits until they are, five seconds at most, and prints what became of
 * each. Fails when one had ended before, and with `Incomplete` when one is not cancelled at the end.
 */
export const run = (options: Options): Program =>
  Effect.gen(function* () {
    const { all, id } = options
    if ((id === undefined) !== all) {
      return yield* new UsageError({
        path: ["operations", "cancel"],
        message: all ? "--all and an ID: expected one of the two" : "missing ID: expected one, or --all",
      })
    }
    yield* id === undefined ? everyOne(options) : one((yield* OperationsFind.find(id)).id, options)
  })

// ---------------------------------------------------------------------------------------------------------

const concurrency = 16

const one = (id: string, options: Options): Program =>
  Effect.gen(function* () {
    const answer = yield* ask(id, options)
    yield* tell(answer, options)
    if (answer.record.status !== "cancelled") return yield* new Incomplete()
  })

/** The parts of an operation are cancelled with it. */
const everyOne = (options: Options): Program =>
  Effect.gen(function* () {
    const live = yield* OperationsFind.all({ statuses: active })
    const ids = new Set(live.map(({ id }) => id))
    const roots = live.filter(({ parent }) => parent === null || !ids.has(parent))
    if (roots.length === 0) return yield* Output.note("No operation is active: there is nothing to cancel")
    const outcomes = yield* Effect.forEach(roots, ({ id }: Summary) => Effect.either(ask(id, options)), {
      concurrency,
    })
    for (const outcome of outcomes) {
      if (Either.isRight(outcome)) yield* tell(outcome.right, options)
      else yield* Output.note(`ktrdr: ${outcome.left.message}`)
    }
    const isDone = (outcome: (typeof outcomes)[number]) =>
      Either.isRight(outcome)
        ? outcome.right.record.status === "cancelled"
        : outcome.left.reason === "Finished"
    if (!outcomes.every(isDone)) return yield* new Incomplete()
  })

const ask = (id: string, { reason }: Options): Effect.Effect<CancelAnswer, OperationError, Operations> =>
  Effect.flatMap(Operations, (operations) =>
    operations.cancel(id, {
      reason: reason ?? defaultReason,
      by: `process ${process.pid} on ${hostname()}`,
    }),
  )

const defaultReason = "cancelled at the command line"

const tell = ({ isFirst, record }: CancelAnswer, { json }: Options) =>
  Effect.gen(function* () {
    if (json) {
      return yield* Output.line(JSON.stringify({ ...OperationsJson.recordOf(record), first: isFirst }))
    }
    yield* Output.line(OperationsText.ending(record, yield* OperationsShow.surroundings(record)))
    if (!isFirst && record.cancellation !== null) {
      yield* Output.note(`It was being cancelled already: ${OperationsText.cancelled(record)}`)
    }
    if (record.status === "cancelling") yield* Output.note(yield* patience(record))
  })

const patience = ({ id }: OperationRecord): Effect.Effect<string> =>
  Effect.map(
    Shell.typed(["--server"]),
    (command) =>
      "It takes longer to end than is waited for; it is cancelled as soon as it has. " +
      `See it end: ${command(["operations", "watch", id])}`,
  )
