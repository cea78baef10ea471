/**
 * What both adapters of hosts do alike, as it is not they who do it: cancellation, repetition, health, counts, errors.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as CandleSource from "../../src/data/CandleSource.js"
import type { HostClient } from "../../src/HostClient.js"
import type * as HostConfig from "../../src/HostConfig.js"
import type { HostError, Reason } from "../../src/HostError.js"
import * as IbCandleSource from "../../src/hosts/ib/IbCandleSource.js"
import * as IbPacing from "../../src/hosts/ib/IbPacing.js"
import * as RemoteTrainer from "../../src/hosts/training/RemoteTrainer.js"
import { Trainer } from "../../src/training/Trainer.js"
import * as FakeHost from "../utils/FakeHost.js"
import * as TrainerJobs from "../utils/TrainerJobs.js"
import { symbol } from "./ib/Hosts.js"
import * as OwnHost from "./training/OwnHost.js"

interface Failed {
  readonly place: string
  readonly message: string
  readonly cause?: unknown
}

/** An adapter in use: its client, and some work that is done through it. */
interface Used {
  readonly client: HostClient
  readonly work: Effect.Effect<unknown, Failed>
}

interface Adapter {
  readonly name: string
  /** What errors call the host. */
  readonly host: string
  /** How the host answers where nothing goes wrong; the work asks so often then. */
  readonly answering: Effect.Effect<(seen: FakeHost.Seen) => FakeHost.Reply>
  readonly requests: number
  readonly use: (options: HostConfig.Options) => Effect.Effect<Used, unknown, Scope.Scope>
}

const ib: Adapter = {
  name: "IbCandleSource",
  host: "ib",
  requests: 1,
  answering: Effect.succeed(() => FakeHost.json({ success: true, is_valid: true, error_message: null })),
  use: (options) =>
    Effect.gen(function* () {
      const layer = Layer.provideMerge(IbCandleSource.layer, IbCandleSource.IbHost.layer(options))
      const built = yield* Layer.build(layer).pipe(Effect.provideService(IbPacing.PacingMode, "none"))
      const source = Context.get(built, CandleSource.CandleSource)
      return {
        client: Context.get(built, IbCandleSource.IbHost),
        work: source.validate(symbol("AAPL"), "1h"),
      }
    }),
}

const { job } = TrainerJobs.make({ training: { epochs: 1 } })

const training: Adapter = {
  name: "RemoteTrainer",
  host: "training",
  requests: 6,
  answering: Effect.gen(function* () {
    const { bytes, result } = yield* OwnHost.ended(job)
    return OwnHost.answering({
      statuses: [FakeHost.json(OwnHost.status("completed"))],
      result,
      weights: bytes,
    })
  }),
  use: (options) =>
    Effect.gen(function* () {
      const { TrainingHost, layer } = RemoteTrainer
      const built = yield* Layer.build(Layer.provideMerge(layer(), TrainingHost.layer(options)))
      return {
        client: Context.get(built, TrainingHost),
        work: Stream.runDrain(Context.get(built, Trainer).train(job)),
      }
    }),
}

const quick = { backoff: "5 millis", attempts: 3, deadline: "3 seconds" } as const

const hostOf = ({ answering }: Adapter) =>
  Effect.gen(function* () {
    const host = yield* FakeHost.make()
    host.otherwise = yield* answering
    return host
  })

/** The counters of a host, by name, all reasons together. */
const countersOf = (name: string) =>
  Effect.map(Metric.snapshot, (all) => {
    const counts: Record<string, number> = {}
    for (const { metricKey, metricState } of all) {
      const isOf = metricKey.tags.some(({ key, value }) => key === "host" && value === name)
      if (!isOf || !MetricState.isCounterState(metricState)) continue
      counts[metricKey.name] = (counts[metricKey.name] ?? 0) + Number(metricState.count)
    }
    return counts
  })

const test = (name: string, run: () => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.scopedLive(name, () => Logger.withMinimumLogLevel(run(), LogLevel.None))

for (const adapter of [ib, training]) {
  describe(`${adapter.name}, as every adapter of a host,`, () => {
    test("does its work over connections that are kept", () =>
      Effect.gen(function* () {
        const host = yield* hostOf(adapter)
        const { client, work } = yield* adapter.use({ baseUrl: host.url, ...quick })
        yield* work
        yield* work
        expect(host.requests.length).toBe(2 * adapter.requests)
        expect(host.connections.opened).toBeLessThanOrEqual(2)
        expect(yield* client.stats).toMatchObject({
          requests: 2 * adapter.requests,
          failures: {},
          retries: 0,
          inFlight: 0,
        })
      }))

    test("closes its connection at once where it is cancelled, and asks for nothing more", () =>
      Effect.gen(function* () {
        for (const reply of [FakeHost.Reply.Hang(), FakeHost.Reply.Stall()]) {
          const host = yield* hostOf(adapter)
          host.script.push(reply)
          const { client, work } = yield* adapter.use({ baseUrl: host.url })
          const fiber = yield* Effect.fork(work)
          yield* host.until(() => host.requests.length === 1)
          const [taken, exit] = yield* Effect.timed(Fiber.interrupt(fiber))
          expect(Exit.isInterrupted(exit)).toBe(true)
          expect(Duration.toMillis(taken)).toBeLessThan(1000)
          yield* host.until(() => host.requests[0]?.state === "closed")
          expect(host.requests.length).toBe(1)
          expect(yield* client.stats).toMatchObject({ requests: 1, failures: {}, inFlight: 0 })
        }
      }))

    test("asks again where that may help, and no more often than it is told", () =>
      Effect.gen(function* () {
        const host = yield* hostOf(adapter)
        host.script.push(FakeHost.json({ detail: "later" }, 503), FakeHost.Reply.Reset())
        const { client, work } = yield* adapter.use({ baseUrl: host.url, ...quick })
        yield* work
        expect(host.requests.length).toBe(adapter.requests + 2)
        expect(yield* client.stats).toMatchObject({ retries: 2 })

        const dead = yield* FakeHost.make()
        dead.otherwise = () => FakeHost.json({ detail: "later" }, 503)
        const patient = yield* adapter.use({ baseUrl: dead.url, ...quick })
        yield* Effect.flip(patient.work)
        expect(dead.requests.length).toBe(3)
      }))

    const faults: ReadonlyArray<readonly [string, FakeHost.Reply, Reason, number]> = [
      ["a connection that is closed", FakeHost.Reply.Reset(), "ConnectionReset", 3],
      ["an answer that breaks off", FakeHost.Reply.Truncated(), "Truncated", 3],
      ["no answer", FakeHost.Reply.Hang(), "AttemptTimeout", 3],
      ["a host that is not ready", FakeHost.json({ detail: "later" }, 503), "Unavailable", 3],
      ["a refusal", FakeHost.json({ detail: "no token" }, 401), "Status", 1],
      ["something else than JSON", FakeHost.html(200), "Malformed", 1],
      ["another answer", FakeHost.json({ some: "thing" }), "Malformed", 1],
      ["an answer without end", FakeHost.Reply.Flood(), "TooLarge", 1],
    ]
    for (const [what, reply, reason, attempts] of faults) {
      test(`fails as its domain does, with the cause, at ${what}`, () =>
        Effect.gen(function* () {
          const host = yield* FakeHost.make()
          host.otherwise = () => reply
          const attemptTimeout = reason === "AttemptTimeout" ? "200 millis" : "20 seconds"
          const limits = { attemptTimeout, deadline: "20 seconds", maxBodyBytes: 100_000 } as const
          const { client, work } = yield* adapter.use({ baseUrl: host.url, ...quick, ...limits })
          const error = yield* Effect.flip(work)
          const cause = error.cause as HostError
          expect([cause.reason, cause.host, cause.attempts]).toEqual([reason, adapter.host, attempts])
          expect(error.place).toContain(`${cause.method} ${cause.path}`)
          expect(error.message).not.toMatch(/\n/)
          expect(yield* client.stats).toMatchObject({
            requests: attempts,
            failures: { [reason]: attempts },
            lastError: { reason },
          })
        }))
    }

    test("is as healthy as its host", () =>
      Effect.gen(function* () {
        const host = yield* FakeHost.make()
        const { client } = yield* adapter.use({ baseUrl: host.url, ...quick, healthTtl: 0 })
        host.otherwise = ({ url }) => FakeHost.json({ healthy: true, url })
        expect((yield* client.health).body).toEqual({ healthy: true, url: "/health" })
        host.otherwise = () => FakeHost.json({ detail: "no" }, 500)
        expect((yield* Effect.flip(client.health)).reason).toBe("Status")
      }))

    test("counts in the metrics of its host what its client counts", () =>
      Effect.gen(function* () {
        const host = yield* hostOf(adapter)
        const before = yield* countersOf(adapter.host)
        const { client, work } = yield* adapter.use({ baseUrl: host.url, ...quick })
        host.script.push(FakeHost.json({ detail: "later" }, 503))
        yield* work
        const after = yield* countersOf(adapter.host)
        const grown = (name: string) => (after[name] ?? 0) - (before[name] ?? 0)
        const { requests, retries } = yield* client.stats
        expect([grown("host_requests"), grown("host_retries"), grown("host_failures")]).toEqual([
          requests,
          retries,
          1,
        ])
      }))
  })
}
