/**
 * A training, one batch at a time: a machine without a clock and without a thread, that whoever turns it can stop
 * after any step, write down, and put together again elsewhere. It then goes on as if nothing had been: the same
 * rows, settings and seed give the same bytes on one machine, however often it was interrupted.
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as Loss from "./Network/Loss.js"
import * as Network from "./Network.js"
import * as Seeded from "./Seeded.js"
import { TrainingError } from "./TrainingError.js"
import * as Epochs from "./TrainingRun/Epochs.js"
import * as Examples from "./TrainingRun/Examples.js"
import type { Ending, EpochReport, Measure, Position } from "./TrainingRun/Position.js"
import * as Saved from "./TrainingRun/Saved.js"
import type { Settings } from "./TrainingRun/Settings.js"

export type { Dataset, Range } from "./TrainingRun/Examples.js"
export { EpochReport, Measure, Position } from "./TrainingRun/Position.js"
export { Settings } from "./TrainingRun/Settings.js"

/** A batch of an epoch; both count from 1. */
interface Batch {
  readonly epoch: number
  readonly batch: number
  readonly batches: number
  readonly rows: number
}

export type Event = Data.TaggedEnum<{
  /** A batch was learned from; `loss` is its mean loss before that. */
  Batch: Batch & { readonly loss: number }
  /** Some of the validation rows were gone through. */
  Validation: Batch
  Epoch: { readonly report: EpochReport }
  /**
   * There is no further step. `bestEpoch` is the one whose parameters the network has: with early stopping the
   * best, otherwise the last.
   */
  Finished: {
    readonly reason: "completed" | "early_stopping"
    readonly epochs: number
    readonly bestEpoch: number
  }
  /** There is no further step, as a loss or a parameter is not a finite number; the error says where. */
  NotFinite: { readonly error: TrainingError }
}>
export const Event = Data.taggedEnum<Event>()

export interface TrainingRun {
  readonly settings: Settings
  /** What learns; it has the best parameters once the training has finished. */
  readonly network: Network.Network
  /** Does the next piece of work; after the last one it says again how the training ended. */
  readonly step: () => Event
  readonly position: () => Position
  /** The epochs so far. */
  readonly history: () => ReadonlyArray<EpochReport>
  /** All of it, to `resume` from. */
  readonly state: () => Uint8Array
}

/** Validation rows go through so many at once, or as many as a batch has where that is more. */
export const validationRows = 1024

/**
 * A training that has not begun. `settings` may be the `model` and `training` sections of a strategy. Fails with
 * `InvalidInput`, `NotEnoughData` or `NoSuchClass` where rows and settings do not go together.
 */
export const make = (
  dataset: Examples.Dataset,
  settings: Settings,
): Either.Either<TrainingRun, TrainingError> =>
  Either.map(Examples.check(dataset, settings), (checked) => build(dataset, checked, undefined))

/**
 * The training whose `state` the bytes are, of the same rows and settings. Fails as `make` does, and with
 * `DamagedCheckpoint`, `NewerVersion`, or `OtherStrategy` where the settings or the shape of the data differ;
 * `place` says whose bytes they are. Whether the rows are the same is for the caller to know.
 */
export const resume = (
  dataset: Examples.Dataset,
  settings: Settings,
  bytes: Uint8Array,
  place: string,
): Either.Either<TrainingRun, TrainingError> =>
  Either.flatMap(Examples.check(dataset, settings), (checked) =>
    Either.map(Saved.decode(bytes, place, checked, dataset), (saved) => build(dataset, checked, saved)),
  )

/** What a training is before it is made: what will learn, and where it goes on. */
export interface Outlook {
  readonly architecture: Network.Architecture
  /** Of the state; none of a training that begins. */
  readonly position: Position | undefined
  /** Of the state: the epochs that are over. */
  readonly history: ReadonlyArray<EpochReport>
}

/** Looks at what `make` or `resume` would be given, fails as they do, and makes nothing. */
export const outlook = (
  dataset: Examples.Dataset,
  settings: Settings,
  from: { readonly state: Uint8Array; readonly place: string } | undefined,
): Either.Either<Outlook, TrainingError> =>
  Either.gen(function* () {
    const checked = yield* Examples.check(dataset, settings)
    const saved =
      from === undefined ? undefined : yield* Saved.decode(from.state, from.place, checked, dataset)
    const architecture = Examples.architecture(dataset, checked)
    return { architecture, position: saved?.position, history: saved?.history ?? [] }
  })

// ---------------------------------------------------------------------------------------------------------

const build = (
  dataset: Examples.Dataset,
  settings: Settings,
  saved: Saved.Saved | undefined,
): TrainingRun => {
  const { batch_size, seed } = settings.training
  const network = Network.make(Examples.architecture(dataset, settings), {
    ...settings.training,
    classWeights: Examples.classWeights(dataset, settings),
  })
  if (saved !== undefined) network.restore(saved.network)
  const best = saved?.best ?? new Float32Array(Saved.bestSize(settings, network.parameters.length))
  const history = [...(saved?.history ?? [])]
  let position = saved?.position ?? Epochs.beginning(settings)

  const order = new Uint32Array(Examples.count(dataset.train))
  const validation = new Uint32Array(Examples.count(dataset.validation))
  Examples.list(dataset.validation, validation)
  const batches = Math.ceil(order.length / batch_size)
  const slice = Math.max(batch_size, validationRows)

  let ordered = 0
  /** The order of an epoch's rows follows from the seed and the epoch alone. */
  const shuffle = (epoch: number): void => {
    if (ordered === epoch) return
    Examples.list(dataset.train, order)
    Seeded.shuffle(Seeded.make(seed, Network.streams.order, epoch), order)
    ordered = epoch
  }

  const measure = (score: Loss.Score): Measure => ({
    loss: Loss.mean(score),
    accuracy: dataset.classes === null ? null : Loss.accuracy(score),
  })

  const conclude = (ending: Ending): Event => {
    if (ending.reason === "not_finite") return Event.NotFinite({ error: notFinite(ending) })
    if (position.bestEpoch !== null) network.assign(best)
    const { epoch } = position
    return Event.Finished({ reason: ending.reason, epochs: epoch, bestEpoch: position.bestEpoch ?? epoch })
  }

  const breakOff = (part: "train" | "validation", batch: number, found: string, cursor = 0): Event => {
    const ending = { reason: "not_finite", epoch: position.epoch, batch, part, found } as const
    position = { ...position, phase: "ending", cursor, ending }
    return conclude(ending)
  }

  const learn = (): Event => {
    const { epoch, cursor, learningRate } = position
    shuffle(epoch)
    const next = Math.min(cursor + batch_size, order.length)
    const batch = Math.ceil(next / batch_size)
    const score = network.learn(dataset, order, cursor, next, learningRate)
    const loss = Loss.mean(score)
    if (!Number.isFinite(loss)) return breakOff("train", batch, `a loss of ${loss}`, next)
    const train = Loss.add(position.train, score)
    position =
      next < order.length
        ? { ...position, train, cursor: next }
        : { ...position, train, cursor: 0, phase: validation.length > 0 ? "validating" : "concluding" }
    return Event.Batch({ epoch, batch, batches, rows: score.rows, loss })
  }

  const validate = (): Event => {
    const { epoch, cursor } = position
    const next = Math.min(cursor + slice, validation.length)
    const batch = Math.ceil(next / slice)
    const score = network.evaluate(dataset, validation, cursor, next)
    const loss = Loss.mean(score)
    if (!Number.isFinite(loss)) return breakOff("validation", batch, `a loss of ${loss}`)
    const phase = next < validation.length ? "validating" : "concluding"
    position = { ...position, validation: Loss.add(position.validation, score), cursor: next, phase }
    return Event.Validation({
      epoch,
      batch,
      batches: Math.ceil(validation.length / slice),
      rows: score.rows,
    })
  }

  const finishEpoch = (): Event => {
    if (!network.parameters.every(Number.isFinite)) {
      return breakOff("train", batches, "a parameter that is not a finite number")
    }
    const measured = validation.length === 0 ? null : measure(position.validation)
    const { report, position: next } = Epochs.conclude(position, settings, measure(position.train), measured)
    if (report.isBest) best.set(network.parameters)
    history.push(report)
    position = next
    return Event.Epoch({ report })
  }

  return {
    settings,
    network,
    step: () => {
      if (position.ending !== null) return conclude(position.ending)
      if (position.phase === "training") return learn()
      return position.phase === "validating" ? validate() : finishEpoch()
    },
    position: () => position,
    history: () => history,
    state: () => Saved.encode({ position, history, network: network.state(), best }, settings, dataset),
  }
}

const notFinite = ({ epoch, batch, part, found }: Extract<Ending, { reason: "not_finite" }>): TrainingError =>
  new TrainingError({
    reason: "NotFinite",
    place: `epoch ${epoch} ${part === "train" ? "" : "validation "}batch ${batch}`,
    expected: "finite numbers",
    found,
    advice: "Lower training.learning_rate, or set training.gradient_clip",
  })
