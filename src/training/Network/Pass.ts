/**
 * Some rows through a network, forwards to its outputs and backwards to the slopes of its parameters. The rows
 * go in chunks that stay in the processor's nearest memory; every array is made once.
 */
import * as Seeded from "../Seeded.js"
import * as Activation from "./Activation.js"
import * as Layout from "./Layout.js"
import * as Product from "./Product.js"

/** At most so many rows go through at once; even, as the product wants it. */
export const chunk = 32

export interface Pass {
  /** Where `forward` finds its rows: `chunk` rows, `stride` apart. */
  readonly inputs: Float64Array
  readonly stride: number
  /** Where `forward` leaves the last layer's weighted sums: `chunk` rows, `outputStride` apart. */
  readonly outputs: Float64Array
  readonly outputStride: number
  /** Where `backward` finds the slopes of the loss for the outputs. */
  readonly deltas: Float64Array
  /** Takes over new parameters. */
  readonly load: (parameters: Float32Array) => void
  /** The first `rows` rows to the outputs; with a generator, which only networks with dropout take, without some hidden units. */
  readonly forward: (rows: number, dropping: Seeded.Seeded | undefined) => void
  /** Adds the slopes for the rows that went forwards last to the gradient. */
  readonly backward: (rows: number, dropped: boolean) => void
  readonly clear: () => void
  /** The gradient, scaled, in the order of the parameters. */
  readonly collect: (scale: number, into: Float64Array) => void
}

/** What a layer's arithmetic runs on. */
interface Station extends Layout.Working {
  readonly layer: Layout.Layer
  readonly gradient: Float64Array
  readonly biasGradient: Float64Array
  /** Of each unit and row; for the last layer weighted sums. */
  readonly outputs: Float64Array
  readonly deltas: Float64Array
  /** What the next layer sees: the outputs, or those that are left of them. */
  readonly passed: Float64Array
  /** What each output is multiplied with: 0, or what makes up for those that are dropped. */
  readonly mask: Float64Array
}

export const make = (
  layers: ReadonlyArray<Layout.Layer>,
  activation: Layout.Activation,
  dropout: number,
): Pass => {
  const stride = layers[0]!.paddedInputs
  const inputs = new Float64Array(chunk * stride)
  const stations = layers.map((layer, index): Station => {
    const outputs = new Float64Array(chunk * layer.paddedUnits)
    const drops = dropout > 0 && index < layers.length - 1
    return {
      ...Layout.working(layer),
      layer,
      gradient: new Float64Array(layer.paddedInputs * layer.paddedUnits),
      biasGradient: new Float64Array(layer.paddedUnits),
      outputs,
      deltas: new Float64Array(outputs.length),
      passed: drops ? new Float64Array(outputs.length) : outputs,
      mask: new Float64Array(drops ? outputs.length : 0),
    }
  })
  const last = stations.length - 1
  const scale = 1 / (1 - dropout)
  const threshold = dropout * 2 ** 32

  const drop = ({ layer, outputs, passed, mask }: Station, rows: number, dropping: Seeded.Seeded): void => {
    for (let row = 0; row < rows; row++) {
      const from = row * layer.paddedUnits
      for (let at = from; at < from + layer.units; at++) {
        const factor = Seeded.next(dropping) < threshold ? 0 : scale
        mask[at] = factor
        passed[at] = outputs[at]! * factor
      }
    }
  }

  return {
    inputs,
    stride,
    outputs: stations[last]!.outputs,
    outputStride: layers[last]!.paddedUnits,
    deltas: stations[last]!.deltas,
    load: (parameters) => {
      for (const station of stations) Layout.spread(station.layer, parameters, station)
    },
    forward: (rows, dropping) => {
      let from: Float64Array = inputs
      for (let index = 0; index <= last; index++) {
        const station = stations[index]!
        const { layer, outputs, weights, biases } = station
        const { paddedInputs, paddedUnits } = layer
        for (let row = 0; row < rows; row++) outputs.set(biases, row * paddedUnits)
        Product.add(outputs, from, paddedInputs, 1, weights, rows, paddedUnits, paddedInputs)
        if (index === last) return
        Activation.apply(activation, outputs, rows * paddedUnits)
        if (dropping !== undefined) drop(station, rows, dropping)
        from = dropping === undefined ? outputs : station.passed
      }
    },
    backward: (rows, dropped) => {
      for (let index = last; index >= 0; index--) {
        const { layer, deltas, gradient, biasGradient, transposed } = stations[index]!
        const { paddedInputs, paddedUnits } = layer
        for (let row = 0; row < rows; row++) {
          const from = row * paddedUnits
          for (let unit = 0; unit < paddedUnits; unit++) {
            biasGradient[unit] = biasGradient[unit]! + deltas[from + unit]!
          }
        }
        const before = stations[index - 1]
        const seen = before === undefined ? inputs : dropped ? before.passed : before.outputs
        Product.add(gradient, seen, 1, paddedInputs, deltas, paddedInputs, paddedUnits, rows)
        if (before === undefined) return
        before.deltas.fill(0, 0, rows * paddedInputs)
        Product.add(before.deltas, deltas, paddedUnits, 1, transposed, rows, paddedInputs, paddedUnits)
        if (dropped) {
          for (let at = 0; at < rows * paddedInputs; at++) {
            before.deltas[at] = before.deltas[at]! * before.mask[at]!
          }
        }
        Activation.descend(activation, before.deltas, before.outputs, rows * paddedInputs)
      }
    },
    clear: () => {
      for (const { gradient, biasGradient } of stations) {
        gradient.fill(0)
        biasGradient.fill(0)
      }
    },
    collect: (scale, into) => {
      for (const { layer, gradient, biasGradient } of stations) {
        Layout.collect(layer, gradient, biasGradient, scale, into)
      }
    },
  }
}
