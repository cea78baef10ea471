import { createHash } from "node:crypto"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { handOver, partBytes } from "../../../src/hosts/training/HandOver.js"
import { TrainingHost } from "../../../src/hosts/training/RemoteTrainer.js"
import * as FakeHost from "../../utils/FakeHost.js"

const bytes = Uint8Array.from({ length: 2.5 * partBytes }, (_, at) => at % 251)
const hash = createHash("sha256").update(bytes).digest("hex")

/** A host that has so many of the bytes, and takes those that come next. */
const make = (has: number | undefined) =>
  Effect.map(FakeHost.make(), (host) => {
    let received = has
    const answer = (status = 200) =>
      FakeHost.json({ sha256: hash, received: received ?? 0, complete: received === bytes.length }, status)
    host.otherwise = ({ headers, method }) => {
      if (method === "GET") return received === undefined ? FakeHost.json({ detail: "none" }, 404) : answer()
      const [, from, to] = /^bytes (\d+)-(\d+)\//.exec(headers["content-range"] ?? "") ?? []
      if (Number(from) !== (received ?? 0)) return answer(409)
      received = Number(to) + 1
      return answer()
    }
    return host
  })

const give = (host: FakeHost.FakeHost) =>
  Effect.gen(function* () {
    const options = { baseUrl: host.url, backoff: "10 millis", attempts: 3 } as const
    const client = Context.get(yield* Layer.build(TrainingHost.layer(options)), TrainingHost)
    return yield* handOver(client, bytes)
  })

/** Which bytes were sent, in parts. */
const ranges = (host: FakeHost.FakeHost) =>
  host.requests.flatMap(({ headers, method }) =>
    method === "PUT" ? [headers["content-range"]?.replace(/^bytes (.*)\/\d+$/, "$1")] : [],
  )

const part = (index: number) => `${index * partBytes}-${Math.min((index + 1) * partBytes, bytes.length) - 1}`

describe("HandOver", () => {
  it.scopedLive("sends what the host has not, in parts, under the hash of all", () =>
    Effect.gen(function* () {
      const host = yield* make(undefined)
      expect(yield* give(host)).toBe(hash)
      expect(ranges(host)).toEqual([part(0), part(1), part(2)])
      const { body, headers, url } = host.requests[1]!
      expect(url).toBe(`/training/datasets/${hash}`)
      expect(headers["content-type"]).toBe("application/octet-stream")
      expect(Number(headers["content-length"])).toBe(partBytes)
      expect(body.length).toBeGreaterThan(0)
    }),
  )

  it.scopedLive("sends nothing to a host that has all, and the rest to one that has some", () =>
    Effect.gen(function* () {
      const whole = yield* make(bytes.length)
      expect(yield* give(whole)).toBe(hash)
      expect(ranges(whole)).toEqual([])
      const some = yield* make(1000)
      expect(yield* give(some)).toBe(hash)
      expect(ranges(some)).toEqual([
        `1000-${partBytes + 999}`,
        `${partBytes + 1000}-${2 * partBytes + 999}`,
        `${2 * partBytes + 1000}-${bytes.length - 1}`,
      ])
    }),
  )

  it.scopedLive("goes on behind a part that the host has, although its answer was lost", () =>
    Effect.gen(function* () {
      const host = yield* make(undefined)
      const taking = host.otherwise
      let isLost = false
      host.otherwise = (seen) => {
        const reply = taking(seen)
        if (seen.method !== "PUT" || isLost) return reply
        isLost = true
        return FakeHost.Reply.Reset()
      }
      expect(yield* give(host)).toBe(hash)
      expect(ranges(host)).toEqual([part(0), part(0), part(1), part(2)])
    }),
  )

  it.scopedLive("fails where the host does not get further, or refuses, and does not go on for ever", () =>
    Effect.gen(function* () {
      const stuck = yield* FakeHost.make()
      stuck.otherwise = () => FakeHost.json({ sha256: hash, received: 0, complete: false })
      const error = yield* Effect.flip(give(stuck))
      expect([error.reason, error.found]).toEqual(["Malformed", "one that has 0"])
      expect(ranges(stuck).length).toBe(1)

      const beyond = yield* FakeHost.make()
      beyond.otherwise = ({ method }) =>
        FakeHost.json({ sha256: hash, received: method === "GET" ? 0 : bytes.length + 1, complete: false })
      expect((yield* Effect.flip(give(beyond))).reason).toBe("Malformed")

      for (const [status, detail] of [
        [413, "Too large"],
        [422, "The bytes are not those of the hash"],
        [409, "Another is handing it over"],
      ] as const) {
        const host = yield* make(undefined)
        const taking = host.otherwise
        host.otherwise = (seen) => (seen.method === "PUT" ? FakeHost.json({ detail }, status) : taking(seen))
        expect(yield* Effect.flip(give(host))).toMatchObject({ reason: "Status", status })
      }
    }),
  )
})
