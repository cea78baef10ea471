import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Handed from "../../../src/training/Dataset/Handed.js"
import * as Crc32 from "../../../src/training/Network/Crc32.js"
import type { Rows } from "../../../src/training/Trainer.js"

const parts = {
  train: { from: 0, to: 2 },
  validation: { from: 2, to: 3 },
  test: { from: 3, to: 3 },
}

const classes: Rows = {
  x: Float32Array.of(1, -0, Number.NaN, 1e-45, Number.POSITIVE_INFINITY, 7),
  y: Uint8Array.of(0, 2, 255),
  features: ["rsi", "Größe"],
  parts,
}
const values: Rows = { ...classes, y: Float32Array.of(0.01, -0.02, Number.NaN) }

const encode = (rows: Rows) => Effect.runPromise(Handed.encode(rows))
const decode = (bytes: Uint8Array) => Effect.runPromise(Handed.decode(bytes, "dataset 12ab"))

const reasonOf = (bytes: Uint8Array): Promise<string> =>
  Effect.runPromise(
    Effect.match(Handed.decode(bytes, "dataset 12ab"), {
      onFailure: ({ reason }) => reason,
      onSuccess: () => "whole",
    }),
  )

/** The same bytes with another head, and a check sum that fits. */
const withHead = (bytes: Uint8Array, change: (head: Record<string, unknown>) => unknown): Uint8Array => {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const length = view.getUint32(16, true)
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + length)))
  const text = new TextEncoder().encode(JSON.stringify(change(head)))
  const other = Uint8Array.of(...bytes.subarray(0, 20), ...text, ...bytes.subarray(20 + length))
  const written = new DataView(other.buffer)
  written.setUint32(16, text.length, true)
  written.setUint32(12, Crc32.of(other.subarray(16)), true)
  return other
}

describe("Handed", () => {
  it("gives back what was handed over, wherever the bytes lie", async () => {
    for (const rows of [classes, values]) {
      const bytes = await encode(rows)
      const shifted = new Uint8Array(bytes.length + 3).subarray(3)
      shifted.set(bytes)
      for (const one of [bytes, shifted]) expect(await decode(one)).toEqual(rows)
    }
  })

  it("gives back rows of any shape, the same bytes for the same rows", async () => {
    const some = fc.record({ rows: fc.nat(40), features: fc.array(fc.string(), { maxLength: 4 }) })
    await fc.assert(
      fc.asyncProperty(some, fc.boolean(), async ({ rows, features }, isClasses) => {
        const x = Float32Array.from({ length: rows * features.length }, (_, i) => Math.fround(i / 7))
        const y = isClasses ? new Uint8Array(rows).fill(1) : new Float32Array(rows).fill(0.5)
        const one = { from: 0, to: rows }
        const given: Rows = { x, y, features, parts: { train: one, validation: one, test: one } }
        const bytes = await encode(given)
        expect(await decode(bytes)).toEqual(given)
        expect(await encode({ ...given, x: x.slice() })).toEqual(bytes)
      }),
      { numRuns: 30 },
    )
  })

  it("is little-endian, and a class is a byte", async () => {
    const bytes = await encode({ ...classes, x: Float32Array.of(0, 0, 0, 0, 0, 1) })
    expect([...bytes.subarray(8, 12)]).toEqual([1, 0, 0, 0])
    expect([...bytes.subarray(-7)]).toEqual([0, 0, 0x80, 0x3f, 0, 2, 255])
  })

  it("notices every byte that changed, is missing or too much", async () => {
    const bytes = await encode(classes)
    for (let at = 0; at < bytes.length; at++) {
      const other = bytes.slice()
      other[at]! ^= 1 << (at & 7)
      expect(["InvalidInput", "NewerVersion"]).toContain(await reasonOf(other))
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(await reasonOf(bytes.subarray(0, length))).toBe("InvalidInput")
    }
    expect(await reasonOf(Uint8Array.of(...bytes, 0))).toBe("InvalidInput")
    expect(await reasonOf(bytes)).toBe("whole")
  })

  it("sets nothing apart for rows that are not there, however many a head claims", async () => {
    const bytes = await encode(classes)
    for (const rows of [4, 1e9, 2 ** 40, Number.MAX_SAFE_INTEGER, -1, 1.5]) {
      expect(await reasonOf(withHead(bytes, (head) => ({ ...head, rows })))).toBe("InvalidInput")
    }
    const beyond = { ...parts, test: { from: 3, to: 4 } }
    const backwards = { ...parts, test: { from: 3, to: 2 } }
    for (const wrong of [beyond, backwards]) {
      expect(await reasonOf(withHead(bytes, (head) => ({ ...head, parts: wrong })))).toBe("InvalidInput")
    }
    expect(await reasonOf(withHead(bytes, (head) => head))).toBe("whole")
  })

  it("says that a later version wrote it", async () => {
    const bytes = await encode(values)
    bytes[8] = Handed.version + 1
    const error = await Effect.runPromise(Effect.flip(Handed.decode(bytes, "dataset 12ab")))
    expect(error.reason).toBe("NewerVersion")
    expect(error.message).toBe(
      "dataset 12ab: expected version 1 or earlier, found version 2. Use the ktrdr that wrote it, or a later one.",
    )
  })

  it("lets others have their turns meanwhile", async () => {
    const rows = 1_500_000
    const big: Rows = { x: new Float32Array(2 * rows), y: new Uint8Array(rows), features: ["a", "b"], parts }
    let turns = 0
    const counting = setInterval(() => turns++, 0)
    await decode(await encode(big))
    clearInterval(counting)
    expect(turns).toBeGreaterThan(10)
  })
})
