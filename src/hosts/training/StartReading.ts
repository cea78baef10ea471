/**
 * What the body of a start asks for: which strategy, with what in the place of what its file says, on which data.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Indicators from "../../training/Indicators.js"
import * as Sense from "../../training/Strategy/Sense.js"
import { Strategy } from "../../training/Strategy.js"
import * as StrategyFile from "../../training/StrategyFile.js"
import { TrainingError } from "../../training/TrainingError.js"
import * as StrategyFolder from "./StrategyFolder.js"
import type { StartRequest } from "./TrainingHostApi.js"
import type * as TrainingSession from "./TrainingSession.js"

export interface Ordered extends Pick<TrainingSession.Payload, "strategy" | "text" | "source"> {
  /** As they came. */
  readonly start_date: string | null
  readonly end_date: string | null
  readonly estimated_duration_minutes: number | null
}

/**
 * A strategy comes as text, or by the path of a file, of which the name counts and the folder does not. Symbols,
 * timeframes, `epochs`, `batch_size`, `learning_rate`, `optimizer`, `early_stopping` and `validation_split` hold
 * instead of what the file says; `start_date` and `end_date` bound the bars, both days included. All else is passed
 * over. Rows that were handed over are as they are: they take nothing but the strategy.
 *
 * Fails with `InvalidInput` or `InvalidStrategy`, as reading the file does.
 */
export const read = Effect.fn("StartReading.read")(function* (
  request: StartRequest,
): Effect.fn.Return<Ordered, TrainingError, StrategyFolder.StrategyFolder> {
  const { data_configuration, model_configuration, training_configuration, resume } = request
  const { strategy: found, text } = yield* fileOf(model_configuration)
  const { estimated_duration_minutes } = training_configuration
  const common = {
    text,
    estimated_duration_minutes:
      typeof estimated_duration_minutes === "number" ? estimated_duration_minutes : null,
  }
  const sha256 = data_configuration.dataset ?? undefined
  if (sha256 !== undefined) {
    const source = { _tag: "Handed", sha256 } as const
    return { ...common, strategy: found, source, start_date: null, end_date: null }
  }
  if (resume?.state != null) {
    return yield* invalid("resume.state", "one beside rows that were handed over", "one without")
  }
  const given = yield* Effect.mapError(decodeGiven(training_configuration), (error) => {
    const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
    const path = ["training_configuration", ...(issue?.path ?? [])].map(String).join(".")
    return invalid(path, "a value of its kind", issue?.message ?? "something else")
  })
  const symbols = [model_configuration.symbols, data_configuration.symbols].find((one) => one?.length)
  const timeframes = [model_configuration.timeframes, data_configuration.timeframes].find(
    (one) => one?.length,
  )
  const encoded = encode(found)
  const changed = yield* Effect.mapError(
    decode({
      ...encoded,
      ...(symbols == null ? {} : { symbols }),
      ...(timeframes == null ? {} : { timeframes }),
      split: yield* splitOf(encoded.split, given.validation_split ?? undefined),
      training: trainingOf(encoded.training, given),
    }),
    (error) => {
      const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
      return invalid((issue?.path ?? []).map(String).join("."), "a strategy", issue?.message ?? "none")
    },
  )
  const fault = Sense.firstFault(changed, Indicators.builtIn)
  if (fault !== undefined) {
    return yield* invalid(fault.path.map(String).join("."), fault.expected, fault.found)
  }
  const start = yield* dayOf("start_date", given.start_date ?? undefined)
  const end = yield* dayOf("end_date", given.end_date ?? undefined)
  if (start !== undefined && end !== undefined && start.from >= end.to) {
    return yield* invalid("end_date", `a day not before ${given.start_date}`, `${given.end_date}`)
  }
  return {
    ...common,
    strategy: changed,
    source: {
      _tag: "Stored",
      ...(start === undefined ? {} : { start: start.from }),
      ...(end === undefined ? {} : { end: end.to }),
    },
    start_date: given.start_date ?? null,
    end_date: given.end_date ?? null,
  }
})

/** A day or an instant, as the first and the one after the last of its milliseconds. */
export const dayOf = (
  name: string,
  text: string | undefined,
): Either.Either<{ readonly from: number; readonly to: number } | undefined, TrainingError> => {
  if (text === undefined) return Either.right(undefined)
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text)
  const from = Date.parse(/T.*(Z|[+-]\d{2}:?\d{2})$/i.test(text) || isDay ? text : `${text}Z`)
  return Number.isNaN(from)
    ? Either.left(invalid(name, "a day or an instant, such as 2024-01-31", JSON.stringify(text.slice(0, 60))))
    : Either.right({ from, to: isDay ? from + 86_400_000 : from + 1 })
}

/** What came in was not what it should be. */
export const invalid = (place: string, expected: string, found: string): TrainingError =>
  new TrainingError({
    reason: "InvalidInput",
    place,
    expected,
    found,
    advice: "Correct the request at that place",
  })

// ---------------------------------------------------------------------------------------------------------

type Encoded = typeof Strategy.Encoded
const encode = Schema.encodeSync(Strategy)
const decode = Schema.decodeUnknown(Strategy, { errors: "first" })

const maybe = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))

/** What of a training configuration is looked at. */
const Given = Schema.Struct({
  epochs: maybe(Schema.Number),
  batch_size: maybe(Schema.Number),
  learning_rate: maybe(Schema.Number),
  optimizer: maybe(Schema.String),
  early_stopping: maybe(
    Schema.Struct({
      enabled: maybe(Schema.Boolean),
      patience: maybe(Schema.Number),
      monitor: maybe(Schema.String),
    }),
  ),
  validation_split: maybe(Schema.Number),
  start_date: maybe(Schema.String),
  end_date: maybe(Schema.String),
})
type Given = typeof Given.Type
const decodeGiven = Schema.decodeUnknown(Given, { errors: "first" })

const fileOf = Effect.fnUntraced(function* ({
  strategy_config,
  strategy_yaml,
}: StartRequest["model_configuration"]): Effect.fn.Return<
  StrategyFolder.Found,
  TrainingError,
  StrategyFolder.StrategyFolder
> {
  if (strategy_yaml != null) {
    return { ...(yield* StrategyFile.parse("strategy_yaml", strategy_yaml)), text: strategy_yaml }
  }
  if (strategy_config == null) {
    return yield* invalid("model_configuration", "a strategy_config or a strategy_yaml", "neither")
  }
  const name =
    strategy_config
      .split(/[\\/]/)
      .at(-1)
      ?.replace(/\.ya?ml$/i, "") ?? ""
  return yield* Effect.flatMap(StrategyFolder.StrategyFolder, (folder) => folder.read(name))
})

const trainingOf = (
  { early_stopping: stopping, ...training }: Encoded["training"],
  { batch_size, early_stopping, epochs, learning_rate, optimizer }: Given,
) => ({
  ...training,
  ...(epochs == null ? {} : { epochs }),
  ...(batch_size == null ? {} : { batch_size }),
  ...(learning_rate == null ? {} : { learning_rate }),
  ...(optimizer == null ? {} : { optimizer: optimizer.toLowerCase() }),
  ...(early_stopping == null
    ? stopping === undefined
      ? {}
      : { early_stopping: stopping }
    : early_stopping.enabled === false
      ? {}
      : { early_stopping: stoppingOf(early_stopping) }),
})

const stoppingOf = ({ monitor, patience }: NonNullable<Given["early_stopping"]>) => ({
  patience: patience ?? 10,
  monitor: monitor === "val_accuracy" ? "val_accuracy" : "val_loss",
})

/** With a validation part of such a share; the test part stays what it is. */
const splitOf = (
  split: Encoded["split"],
  validation: number | undefined,
): Either.Either<Encoded["split"], TrainingError> => {
  if (validation === undefined) return Either.right(split)
  const train = 1 - split.test - validation
  return validation > 0 && train > 0
    ? Either.right({ ...split, validation, train: Math.round(train * 1e9) / 1e9 })
    : Either.left(
        invalid(
          "training_configuration.validation_split",
          `a share above 0 that leaves rows beside the test part of ${split.test}`,
          `${validation}`,
        ),
      )
}
