/**
 * `ktrdr serve`
 */
import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Hosts from "../../Hosts.js"
import * as IbPacing from "../../hosts/ib/IbPacing.js"
import { isLoopback } from "../../internal/loopback.js"
import * as Access from "../api/Access.js"
import * as ApiServer from "../api/ApiServer.js"
import * as Closing from "../api/Closing.js"
import * as ApiStrategies from "../api/Strategies.js"
import * as Http from "../Http.js"
import * as ProcessMetrics from "../http/ProcessMetrics.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as Strategies from "../Strategies.js"
import { type Program, UsageError } from "./Failure.js"
import * as LoadSource from "./LoadSource.js"
import * as TrainHost from "./TrainHost.js"
import * as TrainSystem from "./TrainSystem.js"

export interface Options {
  readonly host: string | undefined
  readonly port: number | undefined
  /** The IB host to load from. */
  readonly ibHost: string | undefined
  readonly pacing: IbPacing.Mode
  /** A file of calendars, which the command runs with. */
  readonly calendar: string | undefined
}

/**
 * Serves the API of this home until it is interrupted; its URL is the one line on standard output. Operations that
 * still run then are cancelled, and who watches them is told.
 */
export const run = (options: Options): Program =>
  Effect.gen(function* () {
    const { calendar, host = "127.0.0.1", pacing, port = 8000 } = options
    const access = yield* Access.config
    if (!isLoopback(host) && access.token === undefined) {
      return yield* new UsageError({ path: ["serve"], message: open(host) })
    }
    const chosen = {
      host: yield* LoadSource.choose(options.ibHost),
      pacing,
      calendar: calendar === undefined ? undefined : resolve(calendar),
    }
    const trainHost = yield* TrainHost.choose(undefined)
    const settings = {
      ...LoadSource.recorded(chosen),
      ...(trainHost === TrainHost.local ? {} : TrainHost.recorded(trainHost)),
    }
    const source = yield* LoadSource.make(chosen.host, (text) => Effect.logWarning(text))
    const strategies = ApiStrategies.layer(yield* Strategies.folders)
    const closingReason = "the server that ran it ended"
    const served = ApiServer.layer(access, settings).pipe(
      Layer.provide(Main.layerTraining(source, { settings, closingReason }, TrainSystem.trainer(trainHost))),
      Layer.provide([Closing.layer, Hosts.layer, ProcessMetrics.layer, strategies]),
      Layer.provideMerge(Http.layer({ host, port })),
    )
    yield* Effect.gen(function* () {
      const url = yield* Http.url
      yield* Output.line(url)
      yield* Effect.logInfo(`Serving the API of ${yield* Main.home}; Ctrl-C ends it, ${url}/docs shows it`)
      return yield* Effect.never
    }).pipe(Effect.provide(served), Effect.provideService(IbPacing.PacingMode, pacing))
  })

// ---------------------------------------------------------------------------------------------------------

const open = (host: string): string =>
  `--host ${host}: expected 127.0.0.1, or a token in KTRDR_API_TOKEN, for whoever reaches this address could use it`
