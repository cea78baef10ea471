/**
 * Where the numbers of a network lie: the parameters as they are kept, one after the other in single precision,
 * and the padded matrices that the arithmetic runs on.
 */

/** What a layer's units do with their weighted sums; those of the last layer are left as they are. */
export type Activation = "relu" | "leaky_relu" | "tanh" | "sigmoid"

/** A dense layer, and where its parameters begin: `inputs` rows of `units` weights, then `units` biases. */
export interface Layer {
  readonly inputs: number
  readonly units: number
  /** Multiples of four: what lies between is zero and stays so. */
  readonly paddedInputs: number
  readonly paddedUnits: number
  readonly weights: number
  readonly biases: number
}

/** The layers of a network that is so many units wide from its features to its outputs. */
export const layers = (widths: ReadonlyArray<number>): ReadonlyArray<Layer> => {
  let weights = 0
  return widths.slice(1).map((units, index) => {
    const inputs = widths[index]!
    const biases = weights + inputs * units
    const layer = { inputs, units, paddedInputs: padded(inputs), paddedUnits: padded(units), weights, biases }
    weights = biases + units
    return layer
  })
}

/** How many parameters the layers have. */
export const count = (layers: ReadonlyArray<Layer>): number =>
  layers.reduce((sum, { inputs, units }) => sum + (inputs + 1) * units, 0)

/** The parameters of one layer as matrices in double precision, padded. */
export interface Working {
  /** `paddedInputs` rows of `paddedUnits`. */
  readonly weights: Float64Array
  /** The same, `paddedUnits` rows of `paddedInputs`. */
  readonly transposed: Float64Array
  readonly biases: Float64Array
}

export const working = ({ paddedInputs, paddedUnits }: Layer): Working => ({
  weights: new Float64Array(paddedInputs * paddedUnits),
  transposed: new Float64Array(paddedInputs * paddedUnits),
  biases: new Float64Array(paddedUnits),
})

/** Spreads a layer's parameters over its matrices. */
export const spread = (layer: Layer, parameters: Float32Array, into: Working): void => {
  const { inputs, units, paddedInputs, paddedUnits } = layer
  const { weights, transposed, biases } = into
  let from = layer.weights
  for (let input = 0; input < inputs; input++) {
    const row = input * paddedUnits
    for (let unit = 0; unit < units; unit++) {
      const weight = parameters[from++]!
      weights[row + unit] = weight
      transposed[unit * paddedInputs + input] = weight
    }
  }
  for (let unit = 0; unit < units; unit++) biases[unit] = parameters[from++]!
}

/** Takes a layer's gradient out of the padded matrices, scaled, to where its parameters lie. */
export const collect = (
  layer: Layer,
  weights: Float64Array,
  biases: Float64Array,
  scale: number,
  into: Float64Array,
): void => {
  let to = layer.weights
  for (let input = 0; input < layer.inputs; input++) {
    const row = input * layer.paddedUnits
    for (let unit = 0; unit < layer.units; unit++) into[to++] = weights[row + unit]! * scale
  }
  for (let unit = 0; unit < layer.units; unit++) into[to++] = biases[unit]! * scale
}

// ---------------------------------------------------------------------------------------------------------

const padded = (width: number): number => (width + 3) & ~3
