/**
 * `ktrdr operations start`
 */
import * as Effect from "effect/Effect"
import { Operations } from "../../Operations.js"
import * as Loading from "../Loading.js"
import * as Main from "../Main.js"
import * as Detach from "./Detach.js"
import * as DetachWords from "./DetachWords.js"
import type { Program } from "./Failure.js"
import * as OperationId from "./OperationId.js"
import * as OperationsPayload from "./OperationsPayload.js"
import * as OperationsReach from "./OperationsReach.js"
import * as OperationsRun from "./OperationsRun.js"
import * as OperationsSettings from "./OperationsSettings.js"
import * as ServerOptions from "./ServerOptions.js"
import type * as ServerRunning from "./ServerRun.js"
import * as Shell from "./Shell.js"

export interface Options extends OperationsSettings.Given, ServerOptions.Placed {
  readonly kind: string
  /** A JSON file; `-` for standard input. */
  readonly payload: string
}

/**
 * Starts an operation of any kind that is known where it is run: in this process, which shows it until it ends,
 * in one in the background, or on a server.
 */
export const run = (options: Options): Program =>
  options.server !== undefined
    ? onServer(options.server, options)
    : options.detach
      ? inBackground(options)
      : here(options)

// ---------------------------------------------------------------------------------------------------------

const here = (options: Options): Program =>
  Effect.gen(function* () {
    const { json, kind, noProgress } = options
    const { value: payload } = yield* payloadOf(options)
    const settings = yield* OperationsSettings.choose(kind, options)
    yield* OperationsRun.run(
      {
        id: yield* OperationId.make(kind),
        kind,
        payload,
        json,
        noProgress,
        carried: OperationsSettings.words(OperationsSettings.recorded(kind, settings)),
        load: (start) => Loading.start(kind, payload, start),
        start: (start) =>
          Effect.flatMap(Operations, (operations) => operations.startKind(kind, payload, start)),
      },
      settings,
    )
  })

/** The process in the background reads the payload that this one has read. */
const inBackground = (options: Options): Program =>
  Effect.gen(function* () {
    const { json, kind } = options
    const { words } = yield* Shell.CommandLine
    const { text } = yield* payloadOf(options)
    yield* Detach.run({ kind, words: DetachWords.replaced(words, "--payload", "-"), input: text, json })
  })

const onServer = (server: string, options: Options): Program =>
  Effect.gen(function* () {
    const ServerRun = yield* Effect.promise(() => import("./ServerRun.js"))
    yield* ServerOptions.check(["operations", "start"])
    const { value } = yield* OperationsPayload.read(options.payload)
    const begin: ServerRunning.Work["begin"] = (given) =>
      Effect.flatMap(Operations, (operations) => operations.startKind(options.kind, value, given))
    yield* Effect.provide(ServerRun.run({ ...options, begin }), OperationsReach.over(server))
  })

const payloadOf = ({ kind, payload }: Options) =>
  Effect.gen(function* () {
    const operation = yield* Effect.flatMap(Main.operationsWith(kind), (known) => known.get(kind))
    const given = yield* OperationsPayload.read(payload)
    yield* OperationsPayload.check(operation, given)
    return given
  })
