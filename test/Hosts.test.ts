import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Hosts from "../src/Hosts.js"
import { Archive, busy, failureOf, response } from "./utils/Archive.js"
import * as FakeHost from "./utils/FakeHost.js"

const list = Effect.flatMap(Hosts.Hosts, (hosts) => hosts.list)

const connect = (options: Parameters<typeof Archive.layer>[0]) =>
  Effect.map(Layer.build(Archive.layer(options)), Context.get(Archive))

describe("Hosts", () => {
  it.scoped("lists each URL of the clients that are alive", () =>
    Effect.gen(function* () {
      const [one, two] = [yield* FakeHost.make(), yield* FakeHost.make()]
      const scope = yield* Scope.make()
      const client = yield* Scope.extend(
        connect({ baseUrl: `${one.url},${two.url}`, breakerThreshold: 1 }),
        scope,
      )
      const before = yield* list
      expect(before.map(({ health, state, url }) => ({ health, state, url }))).toEqual(
        [one, two].map(({ url }) => ({ health: { status: "unknown", at: null }, state: "closed", url })),
      )
      one.script.push(busy(502))
      yield* client.get("/", { response })
      two.script.push(busy(500))
      yield* failureOf(client.health.pipe(Effect.zipRight(client.targets[1]!.health)))
      const [first, second] = yield* list
      expect(first).toMatchObject({
        name: "archive",
        state: "closed",
        requests: 2,
        failures: { Unavailable: 1 },
        last_error: { reason: "Unavailable", at: 0 },
        health: { status: "ok", at: 0 },
        next_try: null,
        in_flight: 0,
        connections_open: 1,
        connections_opened: 1,
      })
      expect(second).toMatchObject({ requests: 2, health: { status: "failed", at: 0 } })
      yield* Scope.close(scope, Exit.void)
      expect(yield* list).toEqual([])
    }).pipe(Effect.provide(Hosts.layer)),
  )

  it.scoped("says when a host that is left alone is tried again, in plain JSON", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect({ baseUrl: host.url, attempts: 1, breakerThreshold: 1 })
      host.script.push(busy(504))
      yield* failureOf(client.get("/", { response }))
      const [view] = yield* list
      const json: unknown = JSON.parse(JSON.stringify(yield* Schema.encode(Hosts.View)(view!)))
      expect(json).toMatchObject({ state: "open", next_try: 1000, url: host.url })
      expect(yield* Schema.decodeUnknown(Hosts.View)(json)).toEqual(view)
    }).pipe(Effect.provide(Hosts.layer)),
  )

  it.scoped("is not needed by a client", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect({ baseUrl: host.url })
      expect(yield* client.get("/", { response })).toEqual({ n: 1 })
    }),
  )
})
