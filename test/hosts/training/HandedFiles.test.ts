import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { sha256 } from "../../../src/internal/sha256.js"
import * as Hosts from "./TrainingHosts.js"

const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index)

const put = (base: string, hash: string, from: number, to: number, total = bytes.length) =>
  Effect.map(
    Hosts.ask(base, "PUT", `/training/datasets/${hash}`, {
      bytes: bytes.subarray(from, to),
      headers: { "content-range": `bytes ${from}-${to - 1}/${total}` },
    }),
    ({ body, status }) => [status, body],
  )

const look = (base: string, hash: string) =>
  Effect.map(Hosts.ask(base, "GET", `/training/datasets/${hash}`), ({ body, status }) => [status, body])

describe("bytes that are handed over", () => {
  it.scopedLive("come in parts, go on where they are after a restart, and are whole or nothing", () =>
    Effect.gen(function* () {
      const directory = yield* Hosts.home
      const hash = yield* sha256(bytes)
      const received = (received: number) => ({ sha256: hash, received, complete: received === 1000 })
      const scope = yield* Scope.make()
      const first = yield* Scope.extend(Hosts.serve({ directory }), scope)
      expect((yield* look(first, hash))[0]).toBe(404)
      expect(yield* put(first, hash, 0, 300)).toEqual([200, received(300)])
      expect(yield* put(first, hash, 0, 300)).toEqual([409, received(300)])
      expect(yield* put(first, hash, 400, 500)).toEqual([409, received(300)])
      yield* Scope.close(scope, Exit.void)
      const base = yield* Hosts.serve({ directory })
      expect(yield* look(base, hash)).toEqual([200, received(300)])
      expect(yield* put(base, hash, 300, 1000)).toEqual([200, received(1000)])
      expect(yield* look(base, hash)).toEqual([200, received(1000)])
      expect(yield* put(base, hash, 0, 300)).toEqual([200, received(1000)])
    }),
  )

  it.scopedLive("are dropped where they are not what they are called", () =>
    Effect.gen(function* () {
      const base = yield* Hosts.serve()
      const hash = "0".repeat(64)
      expect(yield* put(base, hash, 0, 500)).toEqual([200, expect.objectContaining({ complete: false })])
      expect(yield* put(base, hash, 500, 1000)).toEqual([
        422,
        {
          detail: expect.stringMatching(
            /^The bytes that came are not those of SHA-256 000000000000: SHA-256 /,
          ),
        },
      ])
      expect((yield* look(base, hash))[0]).toBe(404)
    }),
  )

  it.scopedLive("must say what they are", () =>
    Effect.gen(function* () {
      const base = yield* Hosts.serve()
      const hash = "0".repeat(64)
      expect((yield* put(base, "x", 0, 10))[0]).toBe(422)
      expect((yield* put(base, "..%2F..%2Fup", 0, 10))[0]).toBe(422)
      expect((yield* put(base, hash, 0, 10, 5))[0]).toBe(422)
      expect((yield* put(base, hash, 0, 10, 2 ** 34))[0]).toBe(413)
      const headers = { "content-range": "bytes 0-20/100" }
      const asking = { headers, bytes: bytes.subarray(0, 10) }
      expect((yield* Hosts.ask(base, "PUT", `/training/datasets/${hash}`, asking)).status).toBe(422)
      expect((yield* look(base, hash))[0]).toBe(404)
      const whole = yield* sha256(bytes)
      const { body } = yield* Hosts.ask(base, "PUT", `/training/datasets/${whole}`, { bytes })
      expect(body).toEqual({ sha256: whole, received: 1000, complete: true })
    }),
  )
})
