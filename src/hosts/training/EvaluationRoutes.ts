/**
 * Where models are evaluated.
 */
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { CandleReader } from "../../data/CandleReader.js"
import * as Metrics from "../../training/Metrics.js"
import type { ModelStore } from "../../training/ModelStore.js"
import * as HostRequest from "../HostRequest.js"
import * as Answering from "./Answering.js"
import * as Evaluation from "./Evaluation.js"
import { stamp } from "./SessionAnswers.js"
import * as SessionId from "./SessionId.js"
import { paths } from "./TrainingHostApi.js"

export type Needed = CandleReader | ModelStore

/** One is evaluated at a time. */
export const routes: HttpRouter.HttpRouter<never, Needed> = HttpRouter.empty.pipe(
  HttpRouter.post(
    paths.evaluate,
    Effect.gen(function* () {
      const { value } = yield* HostRequest.read(fields)
      const began = yield* Clock.currentTimeNanos
      const found = yield* oneByOne.withPermits(1)(
        Evaluation.evaluate(value as unknown as Evaluation.Request),
      )
      const took = (yield* Clock.currentTimeNanos) - began
      return Answering.json({
        evaluation_id: yield* SessionId.make,
        results: {
          accuracy: Metrics.accuracyOf(found),
          loss: Metrics.lossOf(found),
          ...Metrics.averagesOf(found),
          baseline_accuracy: Metrics.baselineAccuracyOf(found),
          verdict: found.verdict,
          rows: found.rows,
        },
        gpu_used: false,
        evaluation_time_seconds: Number(took) / 1e9,
        timestamp: stamp(yield* Clock.currentTimeMillis),
      })
    }).pipe(Answering.granting("Failed to evaluate model")),
  ),
)

// ---------------------------------------------------------------------------------------------------------

const oneByOne = Effect.unsafeMakeSemaphore(1)

/** All metrics are told, whichever are asked for. */
const fields: ReadonlyArray<HostRequest.Field> = [
  { name: "model_path", required: true, kind: "string" },
  { name: "data_config", required: true, kind: "object" },
  { name: "metrics", required: false, kind: "strings" },
]
