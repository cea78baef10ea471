import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { type Claim, Turns } from "../../src/internal/operationTurns.js"

const limits = { a: 1, b: 2 }

const someSteps = fc.array(
  fc.oneof(
    fc.record({
      does: fc.constant("enter" as const),
      kind: fc.constantFrom("a", "b", "free"),
      key: fc.constantFrom(undefined, "k", "l"),
    }),
    fc.record({ does: fc.constant("leave" as const), which: fc.nat({ max: 20 }) }),
  ),
  { maxLength: 60 },
)

/** Whether the turn of a claim has come. */
const hasTurn = (turns: Turns, claim: Claim): boolean => {
  let isOpen = false
  Effect.runFork(
    Effect.map(turns.await(claim), () => {
      isOpen = true
    }),
  )
  return isOpen
}

describe("Turns", () => {
  it("keeps limits and keys, lets nobody wait who need not, and the first first", () => {
    fc.assert(
      fc.property(someSteps, (steps) => {
        const turns = new Turns(limits)
        let inside: ReadonlyArray<Claim> = []
        const settle = () => {
          const running = inside.filter((claim) => hasTurn(turns, claim))
          const waiting = inside.filter((claim) => !running.includes(claim))
          for (const [kind, limit] of Object.entries(limits))
            expect(running.filter((claim) => claim.kind === kind).length).toBeLessThanOrEqual(limit)
          const keys = running.flatMap(({ key }) => key ?? [])
          expect(new Set(keys).size).toBe(keys.length)
          for (const claim of waiting) {
            const limit = limits[claim.kind as keyof typeof limits] ?? Number.POSITIVE_INFINITY
            const isFull = running.filter(({ kind }) => kind === claim.kind).length >= limit
            expect(isFull || (claim.key !== undefined && keys.includes(claim.key))).toBe(true)
          }
          return running
        }
        for (const step of steps) {
          if (step.does === "enter") {
            const claim = {
              kind: step.kind,
              key: step.key === undefined ? undefined : `${step.kind} ${step.key}`,
            }
            const isTurn = turns.enter(claim)
            inside = [...inside, claim]
            expect(isTurn).toBe(settle().includes(claim))
          } else if (inside.length > 0) {
            const before = settle()
            const gone = inside[step.which % inside.length]!
            inside = inside.filter((claim) => claim !== gone)
            turns.leave(gone)
            const come = settle().filter((claim) => !before.includes(claim))
            for (const claim of come) {
              const earlier = inside.slice(0, inside.indexOf(claim))
              const overtaken = earlier.filter(
                (other) => other.kind === claim.kind && other.key === claim.key && !settle().includes(other),
              )
              expect(overtaken).toEqual([])
            }
          }
        }
        for (const claim of inside) turns.leave(claim)
        expect(["a", "b", "b"].map((kind) => turns.enter({ kind, key: undefined }))).toEqual([
          true,
          true,
          true,
        ])
        expect(turns.enter({ kind: "free", key: "free k" })).toBe(true)
      }),
      { seed: 5, numRuns: 500 },
    )
  })
})
