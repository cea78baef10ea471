import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Stream from "effect/Stream"
import type * as HostConfig from "../../../src/HostConfig.js"
import * as RemoteTrainer from "../../../src/hosts/training/RemoteTrainer.js"
import { type Event, type Job, type Service, Trainer } from "../../../src/training/Trainer.js"

/** The adapter to a host, with a pool of its own until the scope closes; it is not patient unless told. */
export const trainer = (options: HostConfig.Options, more?: RemoteTrainer.Options) =>
  Effect.map(
    Layer.build(RemoteTrainer.layerHost({ backoff: "10 millis", attempts: 3, ...options }, more)),
    (_) => Context.get(_, Trainer),
  )

/** What a training says until it ends, and how it ends where that is no success. */
export const follow = (service: Service, job: Job) => {
  const events: Array<Event> = []
  return Effect.map(
    Effect.exit(Stream.runForEach(service.train(job), (event) => Effect.sync(() => events.push(event)))),
    (exit) => ({ events, exit }),
  )
}

/** The error that a training ends with. */
export const failure = (service: Service, job: Job) => Effect.flip(Stream.runDrain(service.train(job)))

/** Trains until some event is there that is waited for, then interrupts; how that ended, and how long it took. */
export const interrupted = (service: Service, job: Job, isAwaited: (event: Event) => boolean) =>
  Effect.gen(function* () {
    const seen = yield* Deferred.make<void>()
    const fiber = yield* Effect.fork(
      Stream.runForEach(service.train(job), (event) =>
        isAwaited(event) ? Deferred.succeed(seen, undefined) : Effect.void,
      ),
    )
    yield* Effect.raceFirst(Deferred.await(seen), Fiber.await(fiber))
    const [taken, exit] = yield* Effect.timed(Fiber.interrupt(fiber))
    return { exit, taken }
  })

/** Collects what an effect logs. */
export const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const collector = Logger.make(({ logLevel, message }) => {
      lines.push(`${logLevel.label} ${[message].flat().map(String).join(" ")}`)
    })
    return Effect.map(
      Effect.provide(
        Logger.withMinimumLogLevel(effect, LogLevel.Info),
        Logger.replace(Logger.defaultLogger, collector),
      ),
      (value) => [value, lines] as const,
    )
  })

/** Of the thread of a host: it says and keeps much, and starts fast. */
export const eager = {
  reportEvery: 20,
  keepEpochsEvery: 50,
  keepBatchesEvery: 20,
  program: new URL("../../../dist/Worker.js", import.meta.url),
}

/** How far an event is, in batches. */
export const workOf = (event: Event): number => (event._tag === "Batch" ? event.work : 0)

/** The port of a URL. */
export const portOf = (url: string): number => Number(new URL(url).port)
