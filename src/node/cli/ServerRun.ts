/**
 * Operations that a server runs for a command: they look here as if this process ran them.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { LoadData, type Payload } from "../../data/LoadData.js"
import { LoadMany } from "../../data/LoadMany.js"
import { OperationError } from "../../OperationError.js"
import type { OperationRecord } from "../../OperationRecord.js"
import { Operations, type Running, type StartOptions } from "../../Operations.js"
import * as Loading from "../Loading.js"
import * as Output from "../Output.js"
import * as TerminalProgress from "../TerminalProgress.js"
import { Incomplete } from "./Failure.js"
import * as Kept from "./Kept.js"
import * as Loads from "./Loads.js"
import * as OperationsJson from "./OperationsJson.js"
import * as OperationsResult from "./OperationsResult.js"
import * as OperationsWatch from "./OperationsWatch.js"
import * as Shell from "./Shell.js"

/** What the server is to run. */
export interface Work extends Loads.Shown {
  readonly begin: (
    options: StartOptions,
  ) => Effect.Effect<Running<unknown, unknown>, OperationError, Operations>
  /** Start it, and leave it to the server. */
  readonly detach: boolean
  /** A command line that goes on where it is cut short, besides that which resumes it. */
  readonly continuing?: string
}

type Failing = Incomplete | Loading.Cancelled | OperationError | Output.OutputError
type Program = Effect.Effect<void, Failing, Operations | Output.Output>

/** Loads the series on the server. */
export const load = (
  payloads: ReadonlyArray<Payload>,
  work: Omit<Work, "begin">,
): Effect.Effect<void, Failing, Operations | Output.Output> => {
  const kind = Loading.kindOf(payloads)
  const [first] = payloads
  const payload = kind === LoadData.kind ? encodeOne(first) : encodeMany({ loads: payloads })
  return run({
    ...work,
    begin: (options) =>
      Effect.flatMap(Operations, (operations) => operations.startKind(kind, payload, options)),
  })
}

/**
 * Shows what the server runs until it has ended, and reports on loads as the commands that load do. Interrupted,
 * it is cancelled there.
 */
export const run = (work: Work): Program => (work.detach ? leave(work) : stay(work))

// ---------------------------------------------------------------------------------------------------------

const encodeOne = Schema.encodeUnknownSync(LoadData.definition.payload)
const encodeMany = Schema.encodeUnknownSync(LoadMany.definition.payload)

const leave = ({ begin, json }: Work): Program =>
  Effect.gen(function* () {
    const operations = yield* Operations
    const { id } = yield* begin({})
    const { kind } = yield* operations.get(id)
    const command = yield* Shell.typed(["--server"])
    yield* Output.line(json ? JSON.stringify({ id, kind }) : id)
    yield* Output.note(
      `Started on the server\nWatch it with: ${command(["operations", "watch", id])}\n` +
        `  End it with: ${command(["operations", "cancel", id])}`,
    )
  })

const stay = (work: Work): Program =>
  Effect.gen(function* () {
    const { json, noProgress } = work
    const began = yield* Clock.currentTimeMillis
    const record = yield* TerminalProgress.make({ json, silent: noProgress }).pipe(
      Effect.flatMap((observer) => follow(work, observer)),
      Effect.scoped,
    )
    if (record.status === "cancelled") {
      yield* sayKept(`Cancelled, ${record.cancellation?.reason ?? "from inside"}`, record, work)
      return yield* new Loading.Cancelled({ record })
    }
    if (!Loading.isLoad(record.kind)) return yield* OperationsWatch.tell(record, work)
    const outcomes = OperationsResult.outcomes(record)
    if (Option.isNone(outcomes)) return yield* unreported(record, work)
    const { words } = yield* Shell.CommandLine
    const elapsed = (yield* Clock.currentTimeMillis) - began
    yield* Loads.tell(outcomes.value, { json, elapsed, carried: Shell.carried(words, ["--server"]) })
  })

/** To wait for its end may be interrupted; to start it may not, for then it would run on unseen. */
const follow = (
  work: Work,
  observer: TerminalProgress.Observer,
): Effect.Effect<OperationRecord, OperationError, Operations | Output.Output> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const operations = yield* Operations
      const { exit, id } = yield* work.begin({ observer })
      const ended = yield* Effect.onInterrupt(restore(exit), () =>
        operations.cancel(id, { reason: "interrupted at the terminal that started it" }).pipe(
          Effect.matchEffect({
            onSuccess: ({ record }) => sayKept("Interrupted", record, work),
            onFailure: ({ message }) => Output.note(`Interrupted; ${message}`),
          }),
        ),
      )
      const failure = Exit.isFailure(ended) ? Cause.failureOption(ended.cause) : Option.none()
      if (Option.isSome(failure) && failure.value instanceof OperationError) {
        const command = yield* Shell.typed(["--server"])
        yield* Output.note(
          `The operation may go on there. Watch it with: ${command(["operations", "watch", id])}`,
        )
        return yield* failure.value
      }
      return yield* operations.get(id)
    }),
  )

/** A load whose owner was lost, or of so many series that the record does not hold what became of them. */
const unreported = (record: OperationRecord, { json }: Work) =>
  Effect.gen(function* () {
    if (json) yield* Output.line(OperationsJson.record(record))
    if (record.failure !== null) yield* Output.note(`ktrdr: ${record.failure.message}`)
    return yield* new Incomplete()
  })

const sayKept = (what: string, record: OperationRecord, { continuing }: Work) =>
  Effect.gen(function* () {
    const command = yield* Shell.typed(["--server"])
    const resuming = command(["operations", "resume", record.id])
    yield* Kept.say(what, record.kept, continuing === undefined ? [resuming] : [continuing, resuming])
  })
