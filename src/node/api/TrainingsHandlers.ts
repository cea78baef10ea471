/**
 * What the routes of `TrainingsApi` do.
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { OperationError } from "../../OperationError.js"
import type { OperationRecord } from "../../OperationRecord.js"
import * as Operations from "../../Operations.js"
import * as Indicators from "../../training/Indicators.js"
import * as ModelStore from "../../training/ModelStore.js"
import * as Sense from "../../training/Strategy/Sense.js"
import type { Strategy } from "../../training/Strategy.js"
import { TrainModel } from "../../training/TrainModel.js"
import { Api } from "../Api.js"
import * as TrainingKind from "../TrainingKind.js"
import * as Complaint from "./Complaint.js"
import * as OperationWire from "./OperationWire.js"
import * as Refusal from "./Refusal.js"
import * as Strategies from "./Strategies.js"
import type * as TrainingsApi from "./TrainingsApi.js"
import * as TrainingWire from "./TrainingWire.js"

export const layer = HttpApiBuilder.group(Api, "trainings", (handlers) =>
  Effect.gen(function* () {
    const operations = yield* Operations.Operations
    const strategies = yield* Effect.serviceOption(Strategies.Strategies)
    const models = yield* Effect.serviceOption(ModelStore.ModelStore)
    return handlers
      .handle("start", ({ payload }) =>
        Refusal.refusing(
          Effect.flatMap(Refusal.needed(strategies), (folder) => start(operations, folder, payload)),
        ),
      )
      .handle("performance", ({ path }) => Refusal.refusing(performance(operations, models, path.id)))
  }),
)

// ---------------------------------------------------------------------------------------------------------

const success = true as const

const start = Effect.fn("Api.startTraining")(function* (
  operations: Operations.Service,
  strategies: Strategies.Service,
  given: TrainingsApi.StartRequest,
) {
  const { strategy_name: name, symbols, timeframes } = given
  const found = yield* strategies.read(name)
  const strategy: Strategy = { ...found.strategy, symbols, timeframes }
  const fault = Sense.firstFault(strategy, Indicators.builtIn)
  if (fault !== undefined) return yield* Effect.fail(unfit(fault, given))
  const payload = encode({
    strategy,
    text: found.text,
    allow_gaps: given.allow_gaps ?? false,
    ...(typeof given.start_date === "number" ? { start: given.start_date } : {}),
    ...(typeof given.end_date === "number" ? { end: given.end_date + 1 } : {}),
  })
  const minutes = yield* lately(operations, strategy)
  const id = given.task_id ?? undefined
  const { id: task_id } = yield* operations.startKind(
    TrainingKind.kind,
    payload,
    id === undefined ? {} : { id },
  )
  return {
    success,
    task_id,
    status: "training_started" as const,
    message: `Neural network training started for ${symbols.join(", ")} using ${name} strategy`,
    symbols,
    timeframes,
    strategy_name: name,
    estimated_duration_minutes: minutes,
    warnings: Sense.warnings(strategy, Indicators.builtIn).map(
      ({ path, text }) => `${path.map(String).join(".")}: ${text}`,
    ),
  }
})

const encode = Schema.encodeSync(TrainModel.definition.payload)

/** What the file says fits together; not so with what the request puts in its place. */
const unfit = ({ expected, found, path }: Sense.Fault, given: TrainingsApi.StartRequest): Refusal.Refusal => {
  const part = path[0] === "symbols" ? "symbols" : "timeframes"
  const place = path[0] === part ? "" : `${path.map(String).join(".")} of the strategy: `
  const words = Complaint.valueError(`${place}expected ${expected}, found ${found}`)
  return Refusal.invalid([Complaint.at(words, ["body", part], given[part])])
}

/** How many minutes the last training of the same took, rounded up; none where no recent one is. */
const lately = (
  operations: Operations.Service,
  { name, symbols, timeframes }: Strategy,
): Effect.Effect<number | null, OperationError> =>
  Effect.map(operations.list({ kind: TrainingKind.kind, statuses: ["completed"], limit: looked }), (page) => {
    const wanted = JSON.stringify([name, symbols, timeframes])
    const last = page.operations.find(({ payload }) => subjectOf(payload) === wanted)
    return last === undefined || last.started === null || last.completed === null
      ? null
      : Math.max(1, Math.ceil((last.completed - last.started) / 60_000))
  })

/** So many of the newest trainings are looked at: each is read with its whole payload. */
const looked = 10

const subjectOf = (payload: unknown): string | undefined => {
  const strategy = Predicate.hasProperty(payload, "strategy") ? payload.strategy : undefined
  return Predicate.isRecord(strategy)
    ? JSON.stringify([strategy["name"], strategy["symbols"], strategy["timeframes"]])
    : undefined
}

const performance = Effect.fn("Api.performance")(function* (
  operations: Operations.Service,
  models: Option.Option<ModelStore.Service>,
  id: string,
) {
  const record = yield* Effect.catchIf(
    operations.get(id),
    ({ reason }) => reason === "UnknownId",
    () => Effect.fail(Refusal.notFound(`Training task ${id} not found`)),
  )
  const told = yield* Option.match(TrainingWire.performance(record), {
    onNone: () => Effect.fail(withoutPerformance(record)),
    onSome: Effect.succeed,
  })
  const { model_info, test_metrics, training_metrics } = told
  return {
    success,
    task_id: id,
    status: "completed" as const,
    training_metrics,
    test_metrics,
    model_info: { ...model_info, model_size_bytes: yield* sizeOf(models, model_info.model_id) },
  }
})

const withoutPerformance = ({ id, kind, status }: OperationRecord): Refusal.Refusal =>
  Refusal.notFound(
    status === "completed"
      ? `Training task ${id} not found: it is an operation of kind ${kind}`
      : `Training task ${id} is not completed (status: ${OperationWire.statusOf(status)})`,
  )

/** In bytes, of the model's files; none where it was deleted, or cannot be read. */
const sizeOf = (models: Option.Option<ModelStore.Service>, name: string): Effect.Effect<number | null> =>
  Effect.gen(function* () {
    const store = yield* models
    const id = yield* ModelStore.ModelId.find(name, yield* store.ids)
    return ModelStore.size(yield* store.describe(id))
  }).pipe(Effect.orElseSucceed(() => null))
