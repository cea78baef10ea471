/**
 * `ktrdr host training`
 */
import { resolve } from "node:path"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as AccessLog from "../../hosts/AccessLog.js"
import * as HostAccess from "../../hosts/HostAccess.js"
import { isLoopback } from "../../internal/loopback.js"
import * as Http from "../Http.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as Strategies from "../Strategies.js"
import * as TrainingHost from "../TrainingHost.js"
import { type Program, UsageError } from "./Failure.js"

export interface Options {
  readonly port: number | undefined
  readonly host: string | undefined
  readonly maxSessions: number | undefined
  readonly modelsDir: string | undefined
  readonly strategies: string | undefined
  readonly abandonAfter: Duration.Duration | undefined
}

/** Serves until it is interrupted; its URL is the one line on standard output. */
export const run = ({
  abandonAfter,
  host = "127.0.0.1",
  maxSessions = 1,
  modelsDir,
  port = 5002,
  strategies,
}: Options): Program =>
  Effect.gen(function* () {
    const token = yield* HostAccess.token
    if (!isLoopback(host) && token === undefined) {
      return yield* new UsageError({ path: ["host", "training"], message: open(host) })
    }
    const directory = yield* Main.home
    const folders = strategies === undefined ? yield* Strategies.folders : [resolve(strategies)]
    const served = TrainingHost.layer({
      directory,
      models: modelsDir,
      strategies: folders,
      maxSessions,
      abandonAfter,
      token,
      around: AccessLog.make,
    }).pipe(Layer.provideMerge(Http.layer({ host, port })))
    yield* Effect.gen(function* () {
      yield* Output.line(yield* Http.url)
      const many = maxSessions === 1 ? "one session" : `${maxSessions} sessions`
      yield* Effect.logInfo(`Trains ${many} at once, over the home ${directory}; Ctrl-C ends it`)
      return yield* Effect.never
    }).pipe(Effect.provide(served))
  })

// ---------------------------------------------------------------------------------------------------------

const open = (host: string): string =>
  `--host ${host}: expected 127.0.0.1, or a token in KTRDR_HOST_TOKEN, for whoever reaches this address could use it`
