import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Packed from "../../../src/training/Network/Packed.js"
import * as Weights from "../../../src/training/Network/Weights.js"
import * as Network from "../../../src/training/Network.js"

const packed = {
  head: { name: "müd", numbers: [0.1, 1e-300, null] },
  arrays: {
    one: Float32Array.of(1, -0, Number.NaN, 1e-45, Number.POSITIVE_INFINITY),
    none: new Float32Array(0),
  },
}

const reasonOf = (bytes: Uint8Array): string =>
  Either.match(Packed.unpack(bytes, "last.ckpt", "DamagedCheckpoint"), {
    onLeft: ({ reason }) => reason,
    onRight: () => "whole",
  })

describe("Packed", () => {
  it("gives back what was packed, wherever the bytes lie", () => {
    const bytes = Packed.pack(packed)
    const shifted = new Uint8Array(bytes.length + 3).subarray(3)
    shifted.set(bytes)
    for (const one of [bytes, shifted]) {
      expect(Either.getOrThrow(Packed.unpack(one, "last.ckpt", "DamagedCheckpoint"))).toEqual(packed)
    }
  })

  it("is little-endian, whatever the machine is", () => {
    const bytes = Packed.pack({ head: null, arrays: { one: Float32Array.of(1) } })
    expect([...bytes.subarray(8, 12)]).toEqual([1, 0, 0, 0])
    expect([...bytes.subarray(-4)]).toEqual([0, 0, 0x80, 0x3f])
  })

  it("notices every bit that flipped and every byte that is missing or too much", () => {
    const bytes = Packed.pack(packed)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const other = bytes.slice()
      other[bit >> 3]! ^= 1 << (bit & 7)
      expect(["DamagedCheckpoint", "NewerVersion"]).toContain(reasonOf(other))
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(reasonOf(bytes.subarray(0, length))).toBe("DamagedCheckpoint")
    }
    expect(reasonOf(Uint8Array.of(...bytes, 0))).toBe("DamagedCheckpoint")
    expect(reasonOf(bytes)).toBe("whole")
  })

  it("says that a later version wrote it", () => {
    const bytes = Packed.pack(packed)
    bytes[8] = Packed.version + 1
    const error = Either.getOrThrow(Either.flip(Packed.unpack(bytes, "last.ckpt", "DamagedCheckpoint")))
    expect(error.reason).toBe("NewerVersion")
    expect(error.message).toBe(
      "last.ckpt: expected version 1 or earlier, found version 2. Use the ktrdr that wrote it, or a later one.",
    )
  })
})

describe("Weights", () => {
  const architecture: Network.Architecture = {
    features: 3,
    hidden_layers: [5],
    activation: "tanh",
    dropout: 0.1,
    outputs: 3,
    loss: "cross_entropy",
  }
  const { parameters } = Network.make(architecture, { optimizer: "adam", seed: 3 })

  it("gives back a network that predicts the same", () => {
    const decoded = Either.getOrThrow(Weights.decode(Weights.encode({ architecture, parameters }), "weights"))
    expect(decoded).toEqual({ architecture, parameters })
    const x = Float32Array.of(1, 2, 3, -1, 0, 0.5)
    const [one, other] = [new Float32Array(6), new Float32Array(6)]
    Network.fromParameters(architecture, parameters).predict(x, 0, 2, one)
    Network.fromParameters(decoded.architecture, decoded.parameters).predict(x, 0, 2, other)
    expect([...other]).toEqual([...one])
    expect(one[0]! + one[1]! + one[2]!).toBeCloseTo(1, 6)
  })

  it("refuses parameters that are not those of the architecture", () => {
    const other = Weights.encode({ architecture, parameters: parameters.slice(1) })
    const stranger = Packed.pack({ head: { other: true }, arrays: { parameters } })
    for (const bytes of [other, stranger, new Uint8Array(5)]) {
      expect(Either.getOrThrow(Either.flip(Weights.decode(bytes, "weights"))).reason).toBe("DamagedModel")
    }
  })
})
