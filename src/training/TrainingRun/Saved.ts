/** A training between two steps, as bytes: where it is, and the numbers of its network. */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Optimizer from "../Network/Optimizer.js"
import * as Packed from "../Network/Packed.js"
import * as Network from "../Network.js"
import { TrainingError } from "../TrainingError.js"
import * as Examples from "./Examples.js"
import { EpochReport, Position } from "./Position.js"
import { Settings } from "./Settings.js"

const Head = Schema.Struct({
  settings: Settings,
  data: Schema.Struct({
    features: Schema.Number,
    classes: Schema.NullOr(Schema.Number),
    train: Schema.Number,
    validation: Schema.Number,
  }),
  position: Position,
  history: Schema.Array(EpochReport),
  steps: Schema.NonNegativeInt,
  random: Schema.Array(Schema.NonNegativeInt).pipe(Schema.itemsCount(4)),
})

export interface Saved {
  readonly position: Position
  readonly history: ReadonlyArray<EpochReport>
  readonly network: Network.State
  /** The parameters after the best epoch; without entries where nothing tells which is. */
  readonly best: Float32Array
}

export const encode = (
  { position, history, network, best }: Saved,
  settings: Settings,
  dataset: Examples.Dataset,
): Uint8Array => {
  const { steps, random, ...arrays } = network
  const head = encodeHead({ settings, data: shapeOf(dataset), position, history, steps, random })
  return Packed.pack({ head, arrays: { ...arrays, best } })
}

/**
 * Fails with `DamagedCheckpoint`, `NewerVersion`, or `OtherStrategy` where it was saved with other settings or for
 * rows of another shape.
 */
export const decode = (
  bytes: Uint8Array,
  place: string,
  settings: Settings,
  dataset: Examples.Dataset,
): Either.Either<Saved, TrainingError> =>
  Either.gen(function* () {
    const unpacked = yield* Packed.unpack(bytes, place, "DamagedCheckpoint")
    const head = yield* Either.fromOption(decodeHead(unpacked.head), () => damaged(place))
    const difference = differenceOf(head, settings, dataset)
    if (difference !== undefined) {
      return yield* Either.left(
        new TrainingError({
          reason: "OtherStrategy",
          place,
          expected: `a training with ${difference.name} ${difference.expected}`,
          found: `one with ${difference.found}`,
          advice: "Train from the beginning, or with the strategy and the data that it began with",
        }),
      )
    }
    const architecture = Examples.architecture(dataset, settings)
    const size = Network.size(architecture)
    const remembered = Optimizer.lengths(settings.training, size)
    const { parameters, first, second, best } = unpacked.arrays
    if (
      parameters?.length !== size ||
      first?.length !== remembered.first ||
      second?.length !== remembered.second ||
      best?.length !== bestSize(settings, size)
    ) {
      return yield* Either.left(damaged(place))
    }
    const { position, history, steps, random } = head
    return { position, history, network: { parameters, first, second, steps, random }, best }
  })

/** The epochs that a state tells of; fails with `DamagedCheckpoint` or `NewerVersion`. */
export const historyOf = (
  bytes: Uint8Array,
  place: string,
): Either.Either<ReadonlyArray<EpochReport>, TrainingError> =>
  Either.flatMap(Packed.unpack(bytes, place, "DamagedCheckpoint"), ({ head }) =>
    Either.fromOption(
      Option.map(decodeHead(head), ({ history }) => history),
      () => damaged(place),
    ),
  )

/** How many numbers are kept of the best epoch. */
export const bestSize = ({ training }: Settings, parameters: number): number =>
  training.early_stopping === undefined ? 0 : parameters

// ---------------------------------------------------------------------------------------------------------

const decodeHead = Schema.decodeUnknownOption(Head)
const encodeHead = Schema.encodeSync(Head)

const shapeOf = ({ features, classes, train, validation }: Examples.Dataset): (typeof Head.Type)["data"] => ({
  features,
  classes,
  train: Examples.count(train),
  validation: Examples.count(validation),
})

/** The first setting, or fact about the data, in which they differ. */
const differenceOf = (saved: typeof Head.Type, settings: Settings, dataset: Examples.Dataset) => {
  const sections = [
    ["model", saved.settings.model, settings.model],
    ["training", saved.settings.training, settings.training],
    ["data", saved.data, shapeOf(dataset)],
  ] as const
  for (const [section, then, now] of sections) {
    const [before, after] = [new Map(Object.entries(then)), new Map(Object.entries(now))]
    for (const name of new Set([...before.keys(), ...after.keys()])) {
      const [found, expected] = [before, after].map((map) => JSON.stringify(map.get(name)) ?? "absent")
      if (found !== expected) return { name: `${section}.${name}`, expected, found }
    }
  }
  return undefined
}

const damaged = (place: string): TrainingError =>
  new TrainingError({
    reason: "DamagedCheckpoint",
    place,
    expected: "the state of a training",
    found: "something else",
    advice: "Resume from an earlier checkpoint",
  })
