/** Where parameters begin. */
import * as Seeded from "../Seeded.js"
import { leak } from "./Activation.js"
import type { Activation, Layer } from "./Layout.js"

/**
 * Weights evenly drawn from -bound to bound, so that signals neither fade nor grow from layer to layer: He's
 * bound sqrt(6 / (1 + leak^2) / inputs) for layers of `relu` and `leaky_relu` units, Glorot's
 * sqrt(6 / (inputs + units)) for those of `tanh` and `sigmoid` units and for the last layer. Biases are zero.
 */
export const parameters = (
  layers: ReadonlyArray<Layer>,
  activation: Activation,
  generator: Seeded.Seeded,
): Float32Array => {
  const last = layers[layers.length - 1]!
  const values = new Float32Array(last.biases + last.units)
  for (const layer of layers) {
    const bound = layer === last ? glorot(layer) : bounds[activation](layer)
    for (let i = layer.weights; i < layer.biases; i++) {
      values[i] = (2 * Seeded.uniform(generator) - 1) * bound
    }
  }
  return values
}

// ---------------------------------------------------------------------------------------------------------

const he = (squaredGain: number, { inputs }: Layer): number => Math.sqrt((3 * squaredGain) / inputs)
const glorot = ({ inputs, units }: Layer): number => Math.sqrt(6 / (inputs + units))

const bounds: Readonly<Record<Activation, (layer: Layer) => number>> = {
  relu: (layer) => he(2, layer),
  leaky_relu: (layer) => he(2 / (1 + leak * leak), layer),
  tanh: glorot,
  sigmoid: glorot,
}
