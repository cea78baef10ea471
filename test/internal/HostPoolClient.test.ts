import { createHash } from "node:crypto"
import type * as Http from "node:http"
import * as Zlib from "node:zlib"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as HostConfig from "../../src/HostConfig.js"
import * as HostPool from "../../src/HostPool.js"
import { connect, failureOf, response } from "../utils/Archive.js"
import * as FakeHost from "../utils/FakeHost.js"

const { Reply } = FakeHost

const gzipped = (body: Uint8Array): FakeHost.Reply =>
  Reply.Answer({ status: 200, headers: { "content-encoding": "gzip" }, body })

const gzip = (text: string | Uint8Array): Uint8Array => Zlib.gzipSync(text)

const sealed = (body: Uint8Array, digest: string, headers: Readonly<Record<string, string>> = {}) =>
  Reply.Answer({ status: 200, headers: { "content-digest": digest, ...headers }, body })

const digestOf = (bytes: Uint8Array) => `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`

const always = { compression: "always", attempts: 1, connections: 1 } as const

/** The plain `HttpClient` of a host's pool. */
const plain = (host: FakeHost.FakeHost, options: Partial<HostConfig.Options> = {}) =>
  Effect.map(
    Layer.build(
      HostPool.layer(Either.getOrThrow(HostConfig.make("archive", { baseUrl: host.url, ...options }))),
    ),
    Context.get(HttpClient.HttpClient),
  )

describe("gzip", () => {
  it.scoped("is asked for where the configuration says so, and read as what it holds", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, always)
      host.script.push(gzipped(gzip('{"n":7}')), FakeHost.json({ n: 8 }), gzipped(gzip("")))
      expect(yield* client.get("/", { response })).toEqual({ n: 7 })
      expect(yield* client.get("/", { response })).toEqual({ n: 8 })
      expect(yield* client.text("GET", "/")).toBe("")
      expect(host.requests.map(({ headers }) => headers["accept-encoding"])).toEqual(["gzip", "gzip", "gzip"])
      expect(host.connections.opened).toBe(1)
    }),
  )

  it.scoped("is not asked of a host on the same machine, nor of any where it is not wanted", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      for (const compression of ["auto", "never"] as const) {
        const client = yield* connect(host, { compression })
        yield* client.get("/", { response })
      }
      expect(host.requests.map(({ headers }) => headers["accept-encoding"])).toEqual([undefined, undefined])
    }),
  )

  it.scoped("is undone in refusals and in bytes, too", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, always)
      const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251)
      host.script.push(
        gzipped(gzip(bytes)),
        Reply.Answer({ status: 404, headers: { "content-encoding": "gzip" }, body: gzip("no such thing") }),
      )
      expect(Buffer.from(yield* client.bytes("GET", "/")).equals(bytes)).toBe(true)
      expect(yield* failureOf(client.text("GET", "/"))).toMatchObject({ status: 404, body: "no such thing" })
    }),
  )

  it.scoped("counts as what it holds: a bomb is not expanded", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { ...always, maxBodyBytes: 1000 })
      const bomb = gzip(new Uint8Array(900_000))
      expect(bomb.length).toBeLessThan(1000)
      host.script.push(gzipped(bomb), gzipped(gzip("x".repeat(1000))), gzipped(gzip("x".repeat(1001))))
      expect((yield* failureOf(client.text("GET", "/"))).reason).toBe("TooLarge")
      expect(yield* client.text("GET", "/")).toBe("x".repeat(1000))
      expect((yield* failureOf(client.text("GET", "/"))).reason).toBe("TooLarge")
    }),
  )

  it.scoped("that breaks off is truncated, that is damaged is malformed, wherever", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { ...always, breakerThreshold: 1000 })
      const whole = gzip('{"n":1,"text":"abcdefghijklmnopqrstuvwxyz"}')
      for (let length = 1; length < whole.length; length++) {
        host.script.push(gzipped(whole.subarray(0, length)))
        expect([length, (yield* failureOf(client.text("GET", "/"))).reason]).toEqual([length, "Truncated"])
      }
      for (const at of [0, 1, 15, whole.length - 6, whole.length - 1]) {
        const damaged = Uint8Array.from(whole)
        damaged[at]! ^= 0xff
        host.script.push(gzipped(damaged))
        expect([at, (yield* failureOf(client.text("GET", "/"))).reason]).toEqual([at, "Malformed"])
      }
    }),
  )
})

describe("Content-Digest", () => {
  const bytes = Uint8Array.from({ length: 10_000 }, (_, index) => index % 251)
  const damaged = Uint8Array.from(bytes, (byte, index) => (index === 5000 ? byte ^ 1 : byte))

  it.scopedLive("finds out an answer that was damaged on its way, which is asked for again", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { attempts: 3, backoff: 1 })
      host.script.push(
        sealed(damaged, digestOf(bytes)),
        sealed(gzip(damaged), digestOf(gzip(bytes)), { "content-encoding": "gzip" }),
        sealed(gzip(bytes), digestOf(gzip(bytes)), { "content-encoding": "gzip" }),
      )
      expect(Buffer.from(yield* client.bytes("GET", "/")).equals(bytes)).toBe(true)
      expect(host.requests.length).toBe(3)
      host.otherwise = () => sealed(damaged, `sha-512=:abcd:, ${digestOf(bytes)}`)
      expect(yield* failureOf(client.bytes("GET", "/"))).toMatchObject({
        reason: "Truncated",
        found: "bytes that are not those of the answer's Content-Digest",
        attempts: 3,
      })
    }),
  )

  it.scoped("that this one does not know of is no matter", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { attempts: 1 })
      for (const digest of ["sha-512=:abcd:", "sha-256=abcd", "", "sha-256=::"]) {
        host.script.push(sealed(bytes, digest))
        expect((yield* client.bytes("GET", "/")).length).toBe(bytes.length)
      }
    }),
  )
})

describe("an answer as a stream", () => {
  it.scoped("is read while it comes, from its beginning to its end", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* plain(host, { connections: 1 })
      let sending: Http.ServerResponse | undefined
      host.script.push(
        Reply.Play({
          play: (response) => {
            response.write("one,")
            sending = response
          },
        }),
      )
      const answer = yield* client.get(host.url)
      const read: Array<string> = []
      const wants = ["one,", "one,two,", "one,two,three,end"]
      yield* answer.stream.pipe(
        Stream.decodeText(),
        Stream.runForEach((text) =>
          Effect.sync(() => {
            read.push(text)
            const all = read.join("")
            if (all === wants[0]) sending?.write("two,")
            if (all === wants[1]) {
              sending?.write("three,")
              sending?.end("end")
            }
          }),
        ),
      )
      expect(read.join("")).toBe(wants[2])
      expect(yield* Effect.flatMap(client.get(host.url), (next) => next.text)).toBe('{"n":2}')
      expect(host.connections.opened).toBe(1)
    }),
  )

  it.scoped("may be longer than one that is gathered, and decompresses as it comes", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* plain(host, { maxBodyBytes: 1000 })
      const text = Array.from({ length: 50_000 }, (_, index) => `${index},`).join("")
      const size = Effect.flatMap(client.get(host.url), ({ stream }) =>
        Stream.runFold(Stream.decodeText(stream), "", (all, part) => all + part),
      )
      host.script.push(gzipped(gzip(text)))
      expect(yield* size).toBe(text)
      host.script.push(gzipped(gzip(text).subarray(0, -20)))
      expect((yield* Effect.flip(size))._tag).toBe("ResponseError")
    }),
  )

  it.scoped("holds back a host that sends faster than it is read, and interrupted closes the socket", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* plain(host)
      let written = 0
      let isBlocked = false
      const pour = (response: { write: (text: string) => boolean; destroyed: boolean }) => {
        while (!response.destroyed) {
          written += 65_536
          isBlocked = !response.write("x".repeat(65_536))
          if (isBlocked) break
        }
      }
      host.script.push(
        Reply.Play({
          play: (response) => {
            response.on("drain", () => pour(response))
            pour(response)
          },
        }),
      )
      let read = 0
      const fiber = yield* Effect.flatMap(client.get(host.url), ({ stream }) =>
        Stream.runForEach(stream, (chunk) => {
          read += chunk.length
          return read > 1_000_000 ? Effect.never : Effect.void
        }),
      ).pipe(Effect.scoped, Effect.fork)
      const settle: Effect.Effect<void> = Effect.suspend(() => {
        const before = written
        return Effect.zipRight(
          Effect.promise(() => new Promise((resolve) => setImmediate(resolve))).pipe(Effect.repeatN(200)),
          Effect.suspend(() => (written === before && isBlocked && read > 1_000_000 ? Effect.void : settle)),
        )
      })
      yield* settle
      expect(written).toBeLessThan(60_000_000)
      yield* Fiber.interrupt(fiber)
      yield* host.until(() => host.connections.open === 0)
      expect(host.requests[0]?.state).toBe("closed")
    }),
  )
})
