/** A model as files, wherever they are kept. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { sha256 } from "../../internal/sha256.js"
import * as Dataset from "../Dataset.js"
import type { Inspection, Model } from "../ModelStore.js"
import * as Weights from "../Network/Weights.js"
import * as Network from "../Network.js"
import * as Json from "../Receipt/Json.js"
import { show } from "../Receipt/Sha256.js"
import * as Receipt from "../Receipt.js"
import * as Strategy from "../Strategy.js"
import { TrainingError } from "../TrainingError.js"
import * as TrainingRun from "../TrainingRun.js"
import * as Manifest from "./Manifest.js"
import { ModelMetrics } from "./ModelMetrics.js"

export const weightsFile = "weights.bin"

/** By name; in the order in which they are written, the manifest last. */
export type Files = ReadonlyMap<string, Uint8Array>

/** The files of one version. */
export interface Reader {
  /** A file as people see it. */
  readonly place: (name: string) => string
  readonly bytes: (name: string) => Effect.Effect<Option.Option<Uint8Array>, TrainingError>
}

/**
 * The same model at the same time gives the same files. Fails with `InvalidInput` where its parts do not belong
 * together, or where one of them could not be read again.
 */
export const encode = Effect.fnUntraced(function* (
  model: Model,
  created: number,
): Effect.fn.Return<Files, TrainingError> {
  const { strategy, weights, metrics, history } = model
  const texts: ReadonlyArray<readonly [string, Effect.Effect<string, TrainingError>]> = [
    ["architecture.json", written("architecture.json", () => encodeArchitecture(weights.architecture))],
    ["features.json", written("features.json", () => encodeScaling(model.scaling))],
    ["metrics.json", written("metrics.json", () => encodeMetrics(metrics))],
    ["history.json", written("history.json", () => encodeHistory(history))],
    ["strategy.yaml", Effect.succeed(model.text)],
    ["strategy.json", written("strategy.json", () => encodeStrategy(strategy))],
    ["receipt.json", written("receipt.json", () => Receipt.encode(model.receipt))],
  ]
  const files = new Map([[weightsFile, Weights.encode(weights)]])
  for (const [name, text] of texts) files.set(name, new TextEncoder().encode(yield* text))
  const stored = yield* Effect.forEach(files, ([name, bytes]) =>
    Effect.map(sha256(bytes), (hash) => ({ name, bytes: bytes.length, sha256: hash })),
  )
  const manifest: Manifest.Manifest = {
    model: Manifest.version,
    strategy: strategy.name,
    symbols: strategy.symbols,
    timeframes: strategy.timeframes,
    created,
    strategyHash: yield* Strategy.hash(strategy),
    features: weights.architecture.features,
    parameters: weights.parameters.length,
    epochs: history.length,
    validation: metrics.validation,
    test: metrics.test,
    files: stored,
  }
  yield* belongTogether(model, manifest)
  files.set(Manifest.fileName, yield* Manifest.encode(manifest))
  const reader: Reader = {
    place: (name) => name,
    bytes: (name) => Effect.succeed(Option.fromNullable(files.get(name))),
  }
  yield* Effect.mapError(read(reader), ({ place, expected, found }) => invalid(place, expected, found))
  return files
})

export const manifest = (reader: Reader): Effect.Effect<Manifest.Manifest, TrainingError> =>
  Effect.flatMap(needed(reader, Manifest.fileName), (bytes) =>
    Manifest.decode(bytes, reader.place(Manifest.fileName)),
  )

/** All of a model, every byte of which is the one that was written. */
export const read = Effect.fnUntraced(function* (reader: Reader): Effect.fn.Return<Model, TrainingError> {
  const { files } = yield* manifest(reader)
  const bytes = Effect.fnUntraced(function* (name: string) {
    const [place, entry] = [reader.place(name), files.find((file) => file.name === name)]
    if (entry === undefined)
      return yield* Json.damaged(place, "a file of the manifest", "one that is not in it")
    const content = yield* needed(reader, name)
    const hash = yield* sha256(content)
    return hash === entry.sha256
      ? content
      : yield* Json.damaged(place, `the bytes that were written (${show(entry.sha256)})`, show(hash))
  })
  const json = <A>(name: string, decode: (text: string, place: string) => Either.Either<A, TrainingError>) =>
    Effect.flatMap(bytes(name), (content) => decode(new TextDecoder().decode(content), reader.place(name)))
  const weights = yield* Weights.decode(yield* bytes(weightsFile), reader.place(weightsFile))
  yield* json("architecture.json", decodeArchitecture)
  const scaling = yield* json("features.json", decodeScaling)
  if (scaling.length !== weights.architecture.features) {
    const expected = `${weights.architecture.features} features`
    return yield* Json.damaged(reader.place("features.json"), expected, `${scaling.length}`)
  }
  return {
    strategy: yield* json("strategy.json", decodeStrategy),
    text: new TextDecoder().decode(yield* bytes("strategy.yaml")),
    weights,
    scaling,
    metrics: yield* json("metrics.json", decodeMetrics),
    history: yield* json("history.json", decodeHistory),
    receipt: yield* json("receipt.json", Receipt.decode),
  }
})

/** What a model says it is, beside what its files are now. */
export const inspect = Effect.fnUntraced(function* (
  reader: Reader,
): Effect.fn.Return<Inspection, TrainingError> {
  const summary = yield* manifest(reader)
  const contents = new Map<string, Uint8Array>()
  const files = yield* Effect.forEach(summary.files, (entry) =>
    Effect.gen(function* () {
      const content = Option.getOrUndefined(yield* reader.bytes(entry.name))
      if (content !== undefined) contents.set(entry.name, content)
      const found = content === undefined ? null : yield* sha256(content)
      return { name: entry.name, place: reader.place(entry.name), written: entry.sha256, found }
    }),
  )
  const seen: Reader = { ...reader, bytes: (name) => Effect.succeed(Option.fromNullable(contents.get(name))) }
  const text = (name: string) =>
    Effect.map(needed(seen, name), (content) => new TextDecoder().decode(content))
  return {
    receipt: yield* Receipt.decode(yield* text("receipt.json"), reader.place("receipt.json")),
    strategy: yield* Effect.either(
      Effect.flatMap(text("strategy.json"), (json) => decodeStrategy(json, reader.place("strategy.json"))),
    ),
    files,
  }
})

// ---------------------------------------------------------------------------------------------------------

const decodeStrategy = Json.decoder(Strategy.Strategy, "a strategy")
const decodeScaling = Json.decoder(Dataset.Scaling, "features with their scaling")
const decodeMetrics = Json.decoder(ModelMetrics, "metrics")
const decodeArchitecture = Json.decoder(Network.Architecture, "an architecture")
const decodeHistory = Json.decoder(Schema.Array(TrainingRun.EpochReport), "epochs")
const encodeStrategy = Json.encoder(Strategy.Strategy)
const encodeScaling = Json.encoder(Dataset.Scaling)
const encodeMetrics = Json.encoder(ModelMetrics)
const encodeArchitecture = Json.encoder(Network.Architecture)
const encodeHistory = Json.encoder(Schema.Array(TrainingRun.EpochReport))

const needed = (reader: Reader, name: string): Effect.Effect<Uint8Array, TrainingError> =>
  Effect.flatMap(
    reader.bytes(name),
    Option.match({
      onNone: () => Effect.fail(Json.damaged(reader.place(name), "a file of a model", "no such file")),
      onSome: (bytes) => Effect.succeed(bytes),
    }),
  )

const written = (place: string, encode: () => string): Effect.Effect<string, TrainingError> =>
  Effect.try({
    try: encode,
    catch: (cause) => invalid(place, "values that can be written", String(cause)),
  })

/** Fails where a part is of another model. */
const belongTogether = (
  { weights, scaling, receipt }: Model,
  { strategyHash, files }: Manifest.Manifest,
): Effect.Effect<void, TrainingError> => {
  const parts: ReadonlyArray<readonly [string, string, string]> = [
    ["features", `${weights.architecture.features}`, `${scaling.length}`],
    ["parameters", `${Network.size(weights.architecture)}`, `${weights.parameters.length}`],
    ["strategy of the receipt", strategyHash, receipt.strategy.sha256],
    ["weights of the receipt", files.find(({ name }) => name === weightsFile)?.sha256 ?? "", receipt.weights],
  ]
  const wrong = parts.find(([, expected, found]) => expected !== found)
  return wrong === undefined ? Effect.void : Effect.fail(invalid(...wrong))
}

const invalid = (place: string, expected: string, found: string): TrainingError =>
  new TrainingError({
    reason: "InvalidInput",
    place: `model to be kept, ${place}`,
    expected,
    found,
    advice: "Give the parts of one model, as a training makes them",
  })
