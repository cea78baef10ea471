/**
 * The port through which models are kept, version by version. What `save` has accepted survives the process.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as OperationFence from "../OperationFence.js"
import type { Scaling } from "./Dataset.js"
import type { Manifest } from "./ModelStore/Manifest.js"
import * as ModelId from "./ModelStore/ModelId.js"
import type { ModelMetrics } from "./ModelStore/ModelMetrics.js"
import * as Stored from "./ModelStore/Stored.js"
import type { Weights } from "./Network/Weights.js"
import type { Receipt } from "./Receipt.js"
import type { Strategy } from "./Strategy.js"
import type { TrainingError } from "./TrainingError.js"
import type { EpochReport } from "./TrainingRun.js"

export * as ModelId from "./ModelStore/ModelId.js"
export { ModelMetrics } from "./ModelStore/ModelMetrics.js"

/** All that predicting takes, and where it comes from. */
export interface Model {
  /** As it was used: the file's, with what the command changed. */
  readonly strategy: Strategy
  /** The strategy file as it was read. */
  readonly text: string
  readonly weights: Weights
  /** The features in the order of a row; as many as the network has. */
  readonly scaling: Scaling
  readonly metrics: ModelMetrics
  readonly history: ReadonlyArray<EpochReport>
  /** Its hashes must be those of the strategy and of the weights. */
  readonly receipt: Receipt
}

/** What a list tells of a model. */
export interface Summary extends Manifest {
  readonly id: ModelId.ModelId
  /** Whether it is the newest version for its strategy, symbols and timeframes. */
  readonly isLatest: boolean
  /** Where it lies, as people see it. */
  readonly place: string
}

export interface Listing {
  /** By strategy, by symbols and timeframes, the oldest version first. */
  readonly models: ReadonlyArray<Summary>
  /** Versions that cannot be told of, each with why: others are not held up by them. */
  readonly damaged: ReadonlyArray<TrainingError>
}

/** What verifying a model goes by: what it says of itself, and what its files are, whatever they are. */
export interface Inspection {
  readonly receipt: Receipt
  readonly strategy: Either.Either<Strategy, TrainingError>
  readonly files: ReadonlyArray<{
    readonly name: string
    readonly place: string
    /** The hash that was written down, and that of the bytes; none where there is no file. */
    readonly written: string
    readonly found: string | null
  }>
}

/**
 * Methods that take an id fail with `NotFound` where there is no such model, with `DamagedModel` or `NewerVersion`
 * naming the file; all with `StoreUnreadable` or `StoreUnwritable` where the disk fails.
 */
export interface Service {
  /**
   * Keeps a model as the next version for its strategy, symbols and timeframes, whole or not at all, whoever else
   * does at the same time. Fails with `InvalidInput` where its parts do not belong together.
   */
  readonly save: (model: Model) => Effect.Effect<Saved, TrainingError>
  /** What there is, by name alone: in the order of `list`. */
  readonly ids: Effect.Effect<ReadonlyArray<ModelId.ModelId>, TrainingError>
  readonly list: Effect.Effect<Listing, TrainingError>
  readonly describe: (id: ModelId.ModelId) => Effect.Effect<Summary, TrainingError>
  /** Every byte that it gives is one that was written. */
  readonly read: (id: ModelId.ModelId) => Effect.Effect<Model, TrainingError>
  /** Looks at every byte; changed ones are told, not failed with, but in the manifest and the receipt's form. */
  readonly inspect: (id: ModelId.ModelId) => Effect.Effect<Inspection, TrainingError>
  /** Its number is not used again. */
  readonly remove: (id: ModelId.ModelId) => Effect.Effect<void, TrainingError>
}

export interface Saved {
  readonly id: ModelId.ModelId
  readonly place: string
}

export class ModelStore extends Context.Tag("ktrdr/training/ModelStore")<ModelStore, Service>() {}

/** The model that a person means; see `ModelId.find`. */
export const find = Effect.fn("ModelStore.find")(function* (
  text: string,
): Effect.fn.Return<ModelId.ModelId, TrainingError, ModelStore> {
  const store = yield* ModelStore
  return yield* ModelId.find(text, yield* store.ids)
})

/** Keeps models for as long as the layer lives; the same laws as on disk. */
export const layerMemory: Layer.Layer<ModelStore> = Layer.sync(ModelStore, () => {
  const versions = new Map<string, { readonly id: ModelId.ModelId; readonly files: Stored.Files }>()
  const used = new Map<string, number>()

  const ids = (): ReadonlyArray<ModelId.ModelId> =>
    Array.from(versions.values(), ({ id }) => id).sort(ModelId.order)

  const reader = (id: ModelId.ModelId): Effect.Effect<Stored.Reader, TrainingError> => {
    const files = versions.get(ModelId.format(id))?.files
    return files === undefined
      ? Effect.fail(ModelId.notFound(id))
      : Effect.succeed({
          place: (name) => `${ModelId.format(id)}/${name}`,
          bytes: (name) => Effect.succeed(Option.fromNullable(files.get(name))),
        })
  }

  const describe: Service["describe"] = Effect.fn("ModelStore.describe")(function* (id) {
    return summary(id, yield* Stored.manifest(yield* reader(id)), ids(), ModelId.format(id))
  })

  return ModelStore.of({
    save: Effect.fn("ModelStore.save")(function* (model) {
      const files = yield* Stored.encode(model, yield* Clock.currentTimeMillis)
      const data = yield* ModelId.dataName(model.strategy)
      yield* OperationFence.check
      const folder = `${model.strategy.name}/${data}`
      const version = (used.get(folder) ?? 0) + 1
      used.set(folder, version)
      const id = { strategy: model.strategy.name, data, version }
      versions.set(ModelId.format(id), { id, files })
      return { id, place: ModelId.format(id) }
    }),
    ids: Effect.sync(ids),
    list: Effect.suspend(() => listing(ids(), describe)),
    describe,
    read: Effect.fn("ModelStore.read")((id) => Effect.flatMap(reader(id), Stored.read)),
    inspect: Effect.fn("ModelStore.inspect")((id) => Effect.flatMap(reader(id), Stored.inspect)),
    remove: Effect.fn("ModelStore.remove")((id) =>
      Effect.suspend(() =>
        versions.delete(ModelId.format(id)) ? Effect.void : Effect.fail(ModelId.notFound(id)),
      ),
    ),
  })
})

/** Of all its files, in bytes. */
export const size = ({ files }: Pick<Summary, "files">): number =>
  files.reduce((sum, { bytes }) => sum + bytes, 0)

/** What a list tells, of one of `ids`. */
export const summary = (
  id: ModelId.ModelId,
  manifest: Manifest,
  ids: ReadonlyArray<ModelId.ModelId>,
  place: string,
): Summary => ({
  ...manifest,
  id,
  isLatest: !ids.some(
    (other) => other.strategy === id.strategy && other.data === id.data && other.version > id.version,
  ),
  place,
})

/** Those that can be described, and why others cannot; what was removed meanwhile is neither. */
export const listing = Effect.fnUntraced(function* (
  ids: ReadonlyArray<ModelId.ModelId>,
  describe: Service["describe"],
): Effect.fn.Return<Listing, TrainingError> {
  const models: Array<Summary> = []
  const damaged: Array<TrainingError> = []
  for (const id of ids) {
    const told = yield* Effect.either(describe(id))
    if (told._tag === "Right") models.push(told.right)
    else if (told.left.reason !== "NotFound") damaged.push(told.left)
  }
  return { models, damaged }
})
