/**
 * What the proxy does to the bytes of a plain client and a plain host.
 */
import * as Http from "node:http"
import * as Https from "node:https"
import type * as Net from "node:net"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FaultPlan from "./utils/FaultPlan.js"
import * as FaultProxy from "./utils/FaultProxy.js"
import * as SelfSigned from "./utils/SelfSigned.js"

const { Fault } = FaultPlan

const even = Object.fromEntries(FaultPlan.kinds.map((kind) => [kind, 1 / FaultPlan.kinds.length]))

/** What the host answers. */
const body = "0123456789".repeat(20)

interface Host {
  readonly port: number
  readonly ca: string | undefined
  /** The bodies that came in whole; `""` where one did not. */
  readonly requests: Array<string>
  readonly connections: { open: number }
}

const host = (tls = false) =>
  Effect.acquireRelease(
    Effect.promise(async (): Promise<Host & { readonly close: () => Promise<void> }> => {
      const pair = tls ? SelfSigned.make() : undefined
      const requests: Array<string> = []
      const connections = { open: 0 }
      const answer: Http.RequestListener = (request, response) => {
        let text = ""
        request.on("data", (piece) => (text += piece))
        request.once("error", () => requests.push(""))
        request.once("end", () => {
          requests.push(text)
          response.writeHead(200, { "content-length": body.length, date: "Thu, 01 Jan 1970 00:00:00 GMT" })
          response.end(body)
        })
      }
      const server = pair === undefined ? Http.createServer(answer) : Https.createServer(pair, answer)
      server.on(tls ? "secureConnection" : "connection", (socket: Net.Socket) => {
        connections.open++
        socket.once("close", () => connections.open--)
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const close = () =>
        new Promise<void>((resolve) => {
          server.close(() => resolve())
          server.closeAllConnections()
        })
      return {
        port: (server.address() as Net.AddressInfo).port,
        ca: pair?.cert,
        requests,
        connections,
        close,
      }
    }),
    ({ close }) => Effect.promise(close),
  )

/** How an exchange ended for the client, and what of the body it had by then. */
interface Ended {
  readonly code: string | undefined
  readonly got: string
}

/** A client that keeps one connection. */
const client = (ca?: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const options = { keepAlive: true, maxSockets: 1 }
      return ca === undefined ? new Http.Agent(options) : new Https.Agent({ ...options, ca })
    }),
    (agent) => Effect.sync(() => agent.destroy()),
  )

const send = (port: number, agent: Http.Agent | undefined, sent = "", patience?: number) =>
  Effect.async<Ended>((resume) => {
    let got = ""
    let code: string | undefined
    let isWhole = false
    const failed = (error: NodeJS.ErrnoException) => (code ??= error.code ?? error.message)
    const request = (agent instanceof Https.Agent ? Https : Http).request(
      {
        host: "127.0.0.1",
        port,
        agent: agent ?? false,
        method: "POST",
        headers: { "content-length": sent.length },
      },
      (response) => {
        response.on("data", (piece) => (got += piece))
        response.once("end", () => (isWhole = true))
        response.once("error", failed)
      },
    )
    request.once("error", failed)
    // The answer's own error comes after this.
    request.once("close", () =>
      setImmediate(() => resume(Effect.succeed({ code: isWhole ? undefined : code, got }))),
    )
    if (patience !== undefined) request.setTimeout(patience, () => request.destroy(new Error("patience")))
    request.end(sent)
    return Effect.sync(() => request.destroy())
  })

/** One exchange over one connection that suffers the fault, and the bytes of an answer's head. */
const through = (fault: FaultPlan.Fault, sent = "", patience?: number) =>
  Effect.gen(function* () {
    const { port, requests } = yield* host()
    const proxy = yield* FaultProxy.make({ port, plan: [fault] })
    const ended = yield* send(proxy.port, undefined, sent, patience)
    return { ...ended, proxy, requests }
  })

/** Milliseconds of a sound exchange. */
const timed = (agent: Http.Agent, port: number) =>
  Effect.gen(function* () {
    const began = performance.now()
    expect((yield* send(port, agent)).got).toBe(body)
    return performance.now() - began
  })

/** Bytes before the body of an answer. */
const head = Effect.gen(function* () {
  const { proxy } = yield* through(Fault.None())
  return proxy.counts.answer - body.length
})

describe("FaultProxy", () => {
  it.scopedLive("passes everything where nothing is planned, and counts it", () =>
    Effect.gen(function* () {
      for (const tls of [false, true]) {
        const { ca, port, requests } = yield* host(tls)
        const proxy = yield* FaultProxy.make({ port })
        const agent = yield* client(ca)
        for (const sent of ["one", "two"]) {
          expect(yield* send(proxy.port, agent, sent)).toEqual({ code: undefined, got: body })
        }
        expect(requests).toEqual(["one", "two"])
        expect(proxy.counts).toMatchObject({ opened: 1, open: 1 })
        expect(proxy.counts.exchanges).toBeGreaterThanOrEqual(2)
        expect(proxy.counts.answer).toBeGreaterThan(2 * body.length)
        expect(proxy.journal).toEqual([])
      }
    }),
  )

  it.scopedLive("refuses: resets the one, and who connects within the time after it finds nobody", () =>
    Effect.gen(function* () {
      const { port, requests } = yield* host()
      const proxy = yield* FaultProxy.make({ port, plan: [Fault.Refuse({ millis: 200 })] })
      expect((yield* send(proxy.port, undefined)).code).toBe("ECONNRESET")
      expect((yield* send(proxy.port, undefined)).code).toBe("ECONNREFUSED")
      let tries = 0
      while ((yield* send(proxy.port, undefined)).code !== undefined && ++tries < 1000) yield* Effect.sleep(5)
      expect(tries).toBeGreaterThan(0)
      expect(requests).toEqual([""])
      yield* proxy.down
      expect((yield* send(proxy.port, undefined)).code).toBe("ECONNREFUSED")
      yield* proxy.up
      expect((yield* send(proxy.port, undefined)).got).toBe(body)
    }),
  )

  it.scopedLive("resets after so many bytes of the answer, or of the request", () =>
    Effect.gen(function* () {
      const at = (yield* head) + 7
      const answer = yield* through(Fault.Reset({ side: "answer", at }))
      expect(answer).toMatchObject({ code: "ECONNRESET", got: body.slice(0, 7), requests: [""] })
      expect(answer.proxy.journal).toEqual([
        { connection: 1, exchange: 1, fault: Fault.Reset({ side: "answer", at }) },
      ])
      const request = yield* through(Fault.Reset({ side: "request", at: 20 }), "lost")
      expect(request).toMatchObject({ code: "ECONNRESET", got: "", requests: [] })
      expect(request.proxy.counts.request).toBe(20)
      expect((yield* through(Fault.Reset({ side: "answer", at: 100_000 }))).got).toBe(body)
    }),
  )

  it.scopedLive("stalls after so many bytes, and tells the host that the client has gone", () =>
    Effect.gen(function* () {
      const at = (yield* head) + 7
      const served = yield* host()
      const proxy = yield* FaultProxy.make({ port: served.port, plan: [Fault.Stall({ side: "answer", at })] })
      const { code, got } = yield* send(proxy.port, undefined, "", 50)
      expect([code, got]).toEqual(["ECONNRESET", body.slice(0, 7)])
      yield* proxy.until(() => proxy.counts.open === 0)
      const request = yield* through(Fault.Stall({ side: "request", at: 20 }), "lost", 50)
      expect(request).toMatchObject({ code: "patience", got: "", requests: [] })
      expect(request.proxy.counts.request).toBe(20)
    }),
  )

  it.scopedLive("half open, tells nobody anything in the direction that is dead", () =>
    Effect.gen(function* () {
      const { connections, port, requests } = yield* host()
      const plan = [Fault.HalfOpen({ side: "request", at: 20 }), Fault.HalfOpen({ side: "answer", at: 0 })]
      const proxy = yield* FaultProxy.make({ port, plan })
      expect(yield* send(proxy.port, undefined, "lost", 50)).toEqual({ code: "patience", got: "" })
      expect(yield* send(proxy.port, undefined, "heard", 50)).toEqual({ code: "patience", got: "" })
      yield* proxy.until(() => proxy.counts.open === 1)
      expect(requests).toEqual(["heard"])
      expect(connections.open).toBe(1)
    }),
  )

  it.scopedLive("drips from a byte on", () =>
    Effect.gen(function* () {
      const at = (yield* head) + 100
      const began = performance.now()
      const { got } = yield* through(Fault.Drip({ side: "answer", at, bytes: 10, everyMillis: 10 }))
      expect(got).toBe(body)
      expect(performance.now() - began).toBeGreaterThanOrEqual(90)
    }),
  )

  it.scopedLive("ends an answer as if properly, in its middle", () =>
    Effect.gen(function* () {
      const at = (yield* head) + 7
      const { code, got, proxy } = yield* through(Fault.Truncate({ side: "answer", at }))
      expect([code, got]).toEqual(["ECONNRESET", body.slice(0, 7)])
      expect(proxy.counts.answer).toBe(at)
      const request = yield* through(Fault.Truncate({ side: "request", at: 20 }), "lost")
      expect(request).toMatchObject({ got: "", requests: [] })
      yield* request.proxy.until(() => request.proxy.counts.open === 0)
    }),
  )

  it.scopedLive("sends bytes twice", () =>
    Effect.gen(function* () {
      const at = yield* head
      const answer = yield* through(Fault.Duplicate({ side: "answer", at, length: 4 }))
      expect(answer.got.slice(0, 12)).toBe("012301234567")
      const { port, requests } = yield* host()
      const proxy = yield* FaultProxy.make({
        port,
        plan: [Fault.Duplicate({ side: "request", at: 0, length: 10_000 })],
      })
      yield* send(proxy.port, yield* client())
      yield* proxy.until(() => proxy.counts.answer > 2 * body.length)
      expect(requests).toEqual(["", ""])
    }),
  )

  it.scopedLive("closes a connection that is idle", () =>
    Effect.gen(function* () {
      const { port, requests } = yield* host()
      const proxy = yield* FaultProxy.make({ port, plan: [Fault.CloseIdle({ afterMillis: 20 })] })
      const agent = yield* client()
      expect((yield* send(proxy.port, agent)).got).toBe(body)
      yield* proxy.until(() => proxy.counts.open === 0)
      expect((yield* send(proxy.port, agent)).got).toBe(body)
      expect(requests.length).toBe(2)
      expect(proxy.counts.opened).toBe(2)
    }),
  )

  it.scopedLive("takes its time: there and back, by the byte, and to connect", () =>
    Effect.gen(function* () {
      const { port } = yield* host()
      const line = { roundTripMillis: 40, jitterMillis: 5, roundTripsToConnect: 1 }
      const far = yield* FaultProxy.make({ port, line })
      const agent = yield* client()
      const fresh = yield* timed(agent, far.port)
      const pooled = yield* timed(agent, far.port)
      expect(fresh).toBeGreaterThanOrEqual(79)
      expect(pooled).toBeGreaterThanOrEqual(39)
      expect(pooled).toBeLessThan(fresh)
      const thin = yield* FaultProxy.make({ port, line: { bytesPerSecond: 2000 } })
      expect(yield* timed(yield* client(), thin.port)).toBeGreaterThanOrEqual(145)
    }),
  )

  it.scopedLive("plans for exchanges as well, and heals", () =>
    Effect.gen(function* () {
      const { port } = yield* host()
      const plan = [
        Fault.None(),
        Fault.Reset({ side: "answer", at: 0 }),
        Fault.None(),
        Fault.Truncate({ side: "answer", at: 3 }),
        Fault.Reset({ side: "answer", at: 0 }),
      ]
      const proxy = yield* FaultProxy.make({ port, plan, per: "exchange" })
      const agent = yield* client()
      const ended = yield* Effect.replicateEffect(send(proxy.port, agent), 4)
      expect(ended.map(({ got }) => got)).toEqual([body, "", body, ""])
      expect(proxy.journal.map(({ connection, exchange }) => [connection, exchange])).toEqual([
        [1, 2],
        [2, 4],
      ])
      proxy.heal()
      expect((yield* send(proxy.port, agent)).got).toBe(body)
    }),
  )

  it.scopedLive("does to TLS what it does to anything", () =>
    Effect.gen(function* () {
      const { ca, port } = yield* host(true)
      for (const at of [0, 300]) {
        const proxy = yield* FaultProxy.make({ port, plan: [Fault.Reset({ side: "answer", at })] })
        const agent = yield* client(ca)
        expect((yield* send(proxy.port, agent)).code).toBe("ECONNRESET")
        expect((yield* send(proxy.port, agent)).got).toBe(body)
        expect(proxy.journal.length).toBe(1)
      }
    }),
  )

  it.scopedLive("leaves nothing open, whatever happened", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* host()
      const plan = FaultProxy.script(5, { length: 60, shares: even, upTo: 250, millis: 5 })
      const proxy = yield* Effect.scoped(
        Effect.gen(function* () {
          const proxy = yield* FaultProxy.make({ port, plan, line: { roundTripMillis: 1 } })
          const ask = Effect.zipLeft(send(proxy.port, undefined, "sent", 40), Effect.sleep(1))
          const asking = Effect.repeat(ask, { until: () => proxy.counts.opened >= plan.length })
          yield* Effect.replicateEffect(asking, 8, { concurrency: 8 })
          return proxy
        }),
      )
      expect(new Set(proxy.journal.map(({ fault }) => fault._tag)).size).toBeGreaterThanOrEqual(7)
      expect(proxy.counts.open).toBe(0)
      expect((yield* send(proxy.port, undefined)).code).toBe("ECONNREFUSED")
      while (connections.open > 0) yield* Effect.sleep(1)
    }),
  )
})
