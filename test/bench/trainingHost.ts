/** A training host as a process of its own, over a home that is given: a part of several benchmarks. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import * as TrainingHost from "../../src/node/TrainingHost.js"
import * as Part from "./part.js"
import * as Server from "./server.js"

export interface Orders {
  readonly home: string
  readonly tls: boolean
}

/** The thread's program as the command runs it: in one file. */
export const bundled = new URL("../Worker.js", import.meta.url)

export const hosting = Effect.suspend(() => {
  const { home: directory, tls } = Part.orders<Orders>()
  const trainer = { program: bundled, keepEpochsEvery: 100, reportEvery: 100 }
  return Layer.launch(
    Layer.provide(
      TrainingHost.layer({ directory, strategies: [], maxSessions: 1000, trainer }),
      Server.layer(tls),
    ),
  )
}).pipe(Logger.withMinimumLogLevel(LogLevel.None))

/** Starts it; it is killed with the scope. */
export const start = (orders: Orders): Effect.Effect<Part.Host, never, Scope.Scope> =>
  Effect.flatMap(Part.start("training-host", orders), Part.hostOf)
