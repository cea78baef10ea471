/**
 * `ktrdr models`: what was trained, what it says, whether it still is what its receipt tells, and its end.
 */
import { join } from "node:path"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { DataError } from "../../data/DataError.js"
import type { Symbol } from "../../data/Symbol.js"
import * as Progress from "../../Progress.js"
import { Manifest } from "../../training/ModelStore/Manifest.js"
import * as ModelStore from "../../training/ModelStore.js"
import * as Receipt from "../../training/Receipt.js"
import type { TrainingError } from "../../training/TrainingError.js"
import { TrainingManager } from "../../training/TrainingManager.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as TerminalProgress from "../TerminalProgress.js"
import * as Confirm from "./Confirm.js"
import { Incomplete, type Program, UsageError } from "./Failure.js"
import * as ModelsText from "./ModelsText.js"
import * as Trains from "./Trains.js"

interface Shown {
  readonly json: boolean
}

interface Named extends Shown {
  /** `mean_reversion`, `mean_reversion/AAPL_1h`, `mean_reversion/AAPL_1h/v3`: the newest where no version is named. */
  readonly name: string
}

/** A line a model; those that cannot be told of are named on standard error, and make it fail. */
export const list = ({ json }: Shown): Program =>
  Effect.gen(function* () {
    const { damaged, models } = yield* Effect.flatMap(ModelStore.ModelStore, (store) => store.list)
    if (models.length + damaged.length === 0) return yield* Output.note(ModelsText.nothingKept)
    if (models.length > 0) {
      const lines = json ? models.map((one) => JSON.stringify(entry(one))) : ModelsText.table(models)
      yield* Output.line(lines.join("\n"))
    }
    for (const { message } of damaged) yield* Output.note(`ktrdr: ${message}`)
    if (damaged.length > 0) return yield* new Incomplete()
  }).pipe(Effect.provide(Main.layerModelFiles))

/** How good it is, what it was trained on, how it learned. */
export const show = ({ json, name }: Named): Program =>
  Effect.gen(function* () {
    const store = yield* ModelStore.ModelStore
    const id = yield* ModelStore.find(name)
    const summary = yield* store.describe(id)
    const { history, metrics, receipt } = yield* store.read(id)
    if (json) {
      const told = { ...entry(summary), metrics, history, receipt: encodeReceipt(receipt) }
      return yield* Output.line(JSON.stringify(told))
    }
    const best = history.reduce((last, { epoch, isBest }) => (isBest ? epoch : last), 0)
    const text = ModelsText.whole({ summary, metrics, receipt, home: yield* Main.home })
    const curve = yield* Trains.curve(history, best === 0 ? (history.at(-1)?.epoch ?? 1) : best)
    yield* Output.line([...curve, text].join("\n"))
  }).pipe(Effect.provide(Main.layerModelFiles))

export interface PredictOptions extends Named {
  /** So many of the newest bars of each symbol; 1 by default. */
  readonly bars: number | undefined
  /** Those that it was trained on, where left out. */
  readonly symbols: ReadonlyArray<Symbol> | undefined
  /** Instant behind the last bar. */
  readonly end: number | undefined
  readonly noProgress: boolean
}

/** What the model says of the newest bars that are kept. */
export const predict = ({ bars, end, json, name, noProgress, symbols }: PredictOptions): Program =>
  Effect.gen(function* () {
    const id = yield* ModelStore.find(name)
    const predictions = yield* watched(
      `Predicting with ${ModelStore.ModelId.format(id)}`,
      { json, noProgress },
      Effect.flatMap(TrainingManager, (manager) =>
        manager.predict(id, {
          ...(bars === undefined ? {} : { count: bars }),
          ...(symbols === undefined ? {} : { symbols }),
          ...(end === undefined ? {} : { end }),
        }),
      ),
    )
    if (predictions.length === 0) return yield* Output.note("There is no bar to say something of")
    const lines = json
      ? predictions.map((one) =>
          JSON.stringify(ModelsText.predictionJson(ModelStore.ModelId.format(id), one)),
        )
      : ModelsText.predictions(predictions)
    yield* Output.line(lines.join("\n"))
    if (!json) yield* Output.note(`by ${ModelStore.ModelId.format(id)}`)
  }).pipe(Effect.provide(Main.layerModels))

/** Computes anew what the receipt says. Fails with `Incomplete` where something differs, which it names. */
export const verify = ({ json, name, noProgress }: Named & { readonly noProgress: boolean }): Program =>
  Effect.gen(function* () {
    const id = yield* ModelStore.find(name)
    const model = ModelStore.ModelId.format(id)
    const found = yield* watched(
      `Verifying ${model}`,
      { json, noProgress },
      Effect.flatMap(TrainingManager, (manager) => manager.verify(id)),
    )
    yield* Output.line(
      json ? JSON.stringify({ name: model, ...found }) : ModelsText.verification(model, found),
    )
    if (found.differences.length > 0) return yield* new Incomplete()
  }).pipe(Effect.provide(Main.layerModels))

export interface DeleteOptions extends Named {
  /** Without asking. */
  readonly yes: boolean
}

/** Removes one version. Asks before, unless it is told not to; where nobody can answer it refuses. */
export const remove = ({ json, name, yes }: DeleteOptions): Program =>
  Effect.gen(function* () {
    const store = yield* ModelStore.ModelStore
    const id = yield* ModelStore.find(name)
    const model = ModelStore.ModelId.format(id)
    if (!yes) {
      const answer = yield* Confirm.ask(
        `Delete ${join(yield* Main.home, "models", model)}, which cannot be undone?`,
      )
      if (answer === "nobody") {
        return yield* new UsageError({
          path: ["models", "delete"],
          message: `${model} is not deleted: expected an answer, found no terminal to ask at; give --yes`,
        })
      }
      if (answer === "no") {
        yield* Output.note(`${model} is not deleted`)
        return yield* new Incomplete()
      }
    }
    yield* store.remove(id)
    yield* Output.line(json ? JSON.stringify({ name: model, deleted: true }) : `${model} is deleted`)
  }).pipe(Effect.provide(Main.layerModelFiles))

// ---------------------------------------------------------------------------------------------------------

const encodeManifest = Schema.encodeSync(Manifest)
const encodeReceipt = Schema.encodeSync(Receipt.Receipt)

const entry = ({ id, isLatest, place, ...manifest }: ModelStore.Summary) => ({
  name: ModelStore.ModelId.format(id),
  ...encodeManifest(manifest),
  version: id.version,
  latest: isLatest,
  place,
})

/** The work as a tree of steps of that name. */
const watched = <A, E extends ConfigError | DataError | TrainingError, R>(
  name: string,
  { json, noProgress }: Shown & { readonly noProgress: boolean },
  work: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R | Output.Output> =>
  TerminalProgress.make({ json, silent: noProgress }).pipe(
    Effect.flatMap((observer) => Progress.observe(work, { observer, name })),
    Effect.scoped,
  )
