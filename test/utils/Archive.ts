/**
 * A host's client as the tests of HostClient want it, and how to wait without a clock.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as HostClient from "../../src/HostClient.js"
import * as HostError from "../../src/HostError.js"
import * as FakeHost from "./FakeHost.js"

export class Archive extends HostClient.Tag("archive")<Archive>() {}

/** The schema of what a `FakeHost` answers by itself. */
export const response = Schema.Struct({ n: Schema.Number })

/** A client of the host, until the test's scope closes. */
export const connect = (host: { readonly url: string; readonly ca?: string | undefined }, options = {}) =>
  Effect.map(Layer.build(Archive.layer({ baseUrl: host.url, ca: host.ca, ...options })), Context.get(Archive))

export const quick = { backoff: "1 millis" } as const

/** The event loop goes round once. */
export const turn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Waits until some fiber sleeps that would wake within the span from now. */
export const asleepWithin = (span: Duration.DurationInput): Effect.Effect<void> =>
  Effect.flatMap(Effect.zip(TestClock.sleeps(), TestClock.currentTimeMillis), ([sleeps, now]) =>
    Array.from(sleeps).some((instant) => instant - now <= Duration.toMillis(span))
      ? Effect.void
      : Effect.zipRight(turn, asleepWithin(span)),
  )

export const failureOf = <A, R>(effect: Effect.Effect<A, HostError.HostError, R>) => Effect.flip(effect)

export const busy = (status: number) => FakeHost.json({ error: "busy" }, status)
