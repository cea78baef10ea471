import * as Schema from "effect/Schema"
import { Metrics } from "../Metrics.js"

/** How good a model is on each part of its rows; none where that was not measured. */
export const ModelMetrics = Schema.Struct({
  train: Schema.NullOr(Metrics),
  validation: Schema.NullOr(Metrics),
  test: Schema.NullOr(Metrics),
}).annotations({ identifier: "ModelMetrics" })
export type ModelMetrics = typeof ModelMetrics.Type
