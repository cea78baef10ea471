/**
 * `ktrdr operations resume` and `ktrdr operations retry`
 */
import * as Effect from "effect/Effect"
import * as Refusal from "../../internal/operationRefusal.js"
import { isTerminal } from "../../OperationRecord.js"
import { Operations } from "../../Operations.js"
import * as Loading from "../Loading.js"
import * as Main from "../Main.js"
import * as Detach from "./Detach.js"
import type { Program } from "./Failure.js"
import * as OperationId from "./OperationId.js"
import * as OperationsFind from "./OperationsFind.js"
import * as OperationsReach from "./OperationsReach.js"
import * as OperationsRun from "./OperationsRun.js"
import * as OperationsSettings from "./OperationsSettings.js"
import * as ServerOptions from "./ServerOptions.js"
import type * as ServerRunning from "./ServerRun.js"
import * as Shell from "./Shell.js"

export interface Options extends OperationsSettings.Given, ServerOptions.Placed {
  /** An id, or enough of its beginning or end. */
  readonly id: string
}

type Again = "resume" | "retry"
/**
 * Goes on with an operation that failed or was cancelled, or does it again from its beginning, as a new
 * operation: of this process, of one in the background, or of a server. It has the source and the pace that it
 * had before unless the options say otherwise.
 */
export const run = (how: Again, options: Options): Program =>
  options.server !== undefined
    ? onServer(how, options.server, options)
    : options.detach
      ? inBackground(options)
      : here(how, options)

// ---------------------------------------------------------------------------------------------------------

const here = (how: Again, options: Options): Program =>
  Effect.gen(function* () {
    const record = yield* Effect.provide(recordOf(options), Main.layerOperations)
    const settings = yield* OperationsSettings.choose(record.kind, options, record.settings)
    const kept = OperationsSettings.recorded(record.kind, settings)
    yield* OperationsRun.run(
      {
        id: yield* OperationId.make(record.kind),
        kind: record.kind,
        payload: record.payload,
        json: options.json,
        noProgress: options.noProgress,
        carried: OperationsSettings.words(kept),
        load: (given) => Loading.again(record.id, how, { ...given, settings: kept }),
        start: (given) =>
          Effect.flatMap(Operations, (operations) =>
            operations[how](record.id, { ...given, settings: kept }),
          ),
      },
      settings,
    )
  })

const inBackground = (options: Options): Program =>
  Effect.gen(function* () {
    const { words } = yield* Shell.CommandLine
    const { kind } = yield* Effect.provide(recordOf(options), Main.layerOperations)
    yield* Detach.run({ kind, words, json: options.json })
  })

const onServer = (how: Again, server: string, options: Options): Program =>
  Effect.gen(function* () {
    const ServerRun = yield* Effect.promise(() => import("./ServerRun.js"))
    yield* ServerOptions.check(["operations", how])
    yield* Effect.gen(function* () {
      const { id } = yield* recordOf(options)
      const begin: ServerRunning.Work["begin"] = (given) =>
        Effect.flatMap(Operations, (operations) => operations[how](id, given))
      yield* ServerRun.run({ ...options, begin })
    }).pipe(Effect.provide(OperationsReach.over(server)))
  })

/** What cannot be done again is refused before anything is set up. */
const recordOf = ({ id }: Options) =>
  OperationsFind.find(id).pipe(
    Effect.filterOrFail(isTerminal, Refusal.notFinished),
    Effect.filterOrFail(({ status }) => status !== "completed", Refusal.succeeded),
  )
