import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import * as FaultScript from "../../../src/hosts/ib/FaultScript.js"
import { serve } from "./Hosts.js"

const kinds = FaultScript.Kind.literals

const send = (base: string) =>
  Effect.promise(async () => {
    try {
      const response = await fetch(`${base}/data/historical`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          symbol: "AAPL",
          timeframe: "1h",
          start: "2024-01-02T14:30:00Z",
          end: "2024-01-04T14:30:00Z",
        }),
      })
      const announced = Number(response.headers.get("content-length"))
      const text = await response.text().catch(() => undefined)
      const retryAfter = response.headers.get("retry-after")
      return { status: response.status, retryAfter, announced, text }
    } catch {
      return undefined
    }
  })

const rows = (text: string | undefined) => (JSON.parse(text ?? "null") as { rows: number }).rows

describe("FaultScript", () => {
  it("reads shares", () => {
    expect(Either.getOrThrow(FaultScript.parse("all=0.05"))).toEqual(
      Object.fromEntries(kinds.map((kind) => [kind, 0.05])),
    )
    expect(Either.getOrThrow(FaultScript.parse("latency=0.1, reset=0.02"))).toEqual({
      ...FaultScript.none,
      latency: 0.1,
      reset: 0.02,
    })
    expect(Either.getOrThrow(FaultScript.parse("all=0.1,503=0"))).toMatchObject({ "429": 0.1, "503": 0 })
    for (const text of ["", "all", "all=", "all=x", "all=0.2", "fire=0.1", "reset=-0.1", "reset=2"]) {
      expect([text, Either.isLeft(FaultScript.parse(text))]).toEqual([text, true])
    }
  })

  it.effect("draws each kind at its share, the same for the same seed, sparing kinds that do not apply", () =>
    Effect.gen(function* () {
      const shares = Either.getOrThrow(FaultScript.parse("all=0.1,latency=0.2"))
      const draw = (seed: number, of: ReadonlyArray<FaultScript.Kind>) =>
        Effect.map(Effect.replicateEffect(FaultScript.make({ shares, seed }).next(of), 4000), (drawn) =>
          drawn.map((fault) => fault?.kind),
        )
      const drawn = yield* draw(1, kinds)
      for (const kind of kinds) {
        const share = drawn.filter((_) => _ === kind).length / drawn.length
        expect(Math.abs(share - shares[kind])).toBeLessThan(0.025)
      }
      expect(yield* draw(1, kinds)).toEqual(drawn)
      expect(yield* draw(2, kinds)).not.toEqual(drawn)
      expect(yield* draw(1, ["reset"])).toEqual(drawn.map((kind) => (kind === "reset" ? kind : undefined)))
    }),
  )

  it.scopedLive("does to an answer what it says", () =>
    Effect.gen(function* () {
      const sound = yield* Effect.flatMap(serve(), send)
      for (const kind of kinds) {
        const faults = FaultScript.make({
          shares: { ...FaultScript.none, [kind]: 1 },
          seed: 1,
          retryAfterSeconds: 9,
        })
        const base = yield* serve({ faults })
        const found = yield* send(base)
        expect([kind, faults.counts]).toEqual([kind, { ...FaultScript.none, [kind]: 1 }])
        expect((yield* Effect.promise(() => fetch(`${base}/health`))).status).toBe(200)
        switch (kind) {
          case "latency":
            expect(found).toEqual(sound)
            break
          case "reset":
            expect(found).toBeUndefined()
            break
          case "429":
            expect(found).toMatchObject({
              status: 429,
              retryAfter: "9",
              text: '{"detail":"Too Many Requests"}',
            })
            break
          case "503":
            expect(found).toMatchObject({ status: 503, retryAfter: null })
            break
          case "truncated": {
            const broken = [found, yield* send(base), yield* send(base), yield* send(base), yield* send(base)]
            expect(broken.some((_) => _?.text === undefined && _?.announced === sound?.announced)).toBe(true)
            expect(broken.some((_) => _?.text !== undefined)).toBe(true)
            for (const { text } of broken.flatMap((_) => (_?.text === undefined ? [] : [{ text: _.text }]))) {
              expect(() => JSON.parse(text) as unknown).toThrow()
            }
            break
          }
          case "malformed": {
            const { data } = JSON.parse(found?.text ?? "") as { data: string }
            expect(() => JSON.parse(data) as unknown).toThrow()
            break
          }
          case "floored":
            expect(rows(found?.text)).toBeLessThan(rows(sound?.text))
            expect(rows(found?.text)).toBeGreaterThan(0)
        }
      }
    }),
  )

  it("never takes shares that exceed the whole", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (a, b) => {
          expect(Either.isRight(FaultScript.parse(`reset=${a.toFixed(6)},503=${b.toFixed(6)}`))).toBe(
            Number(a.toFixed(6)) + Number(b.toFixed(6)) <= 1,
          )
        },
      ),
    )
  })
})
