/**
 * The operation that loads one series.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Operation from "../Operation.js"
import { DataError } from "./DataError.js"
import { DataManager } from "./DataManager.js"
import * as DataProgress from "./DataProgress.js"
import { LoadMode } from "./LoadMode.js"
import { LoadReport } from "./LoadReport.js"
import { Session } from "./Series.js"
import { Symbol } from "./Symbol.js"
import { Timeframe } from "./Timeframe.js"
import { Instant } from "./TimeRange.js"

const withDefault = <A extends string | boolean>(schema: Schema.Schema<A>, value: NoInfer<A>) =>
  schema.pipe(
    Schema.optionalWith({ default: () => value }),
    Schema.withConstructorDefault(() => value),
  )

/**
 * `start` and `end` (epoch ms inside, ISO on the wire, `end` exclusive) narrow what the mode goes for;
 * `recheck` asks again for bars that the source is known not to have.
 */
export const Payload = Schema.Struct({
  symbol: Symbol,
  timeframe: Timeframe,
  mode: withDefault(LoadMode, "tail"),
  session: withDefault(Session, "regular"),
  start: Schema.optionalWith(Instant, { exact: true }),
  end: Schema.optionalWith(Instant, { exact: true }),
  recheck: withDefault(Schema.Boolean, false),
}).annotations({ identifier: "LoadDataPayload" })
export type Payload = typeof Payload.Type

const seriesKey = (payload: Payload): string => [payload.symbol, payload.timeframe, payload.session].join(" ")

/** A backfill that began with nothing stored no longer knows that it was to reach up to now: it goes on as a full load. */
export const goOn = (payload: Payload): Payload =>
  payload.mode === "backfill" ? { ...payload, mode: "full" } : payload

/** Kind `data_load`. Resumes by running again, because loading fetches only what is missing. */
export const LoadData = Operation.make("data_load", {
  version: 1,
  payload: Payload,
  success: LoadReport,
  error: DataError,
  context: DataProgress.Context,
  idempotencyKey: (payload) =>
    [seriesKey(payload), payload.mode, payload.start, payload.end, payload.recheck].join(" "),
  exclusive: seriesKey,
  resume: "again",
  estimate: ({ timeframe, mode }) => ({
    key: `data_load ${timeframe} ${mode}`,
    unit: DataProgress.segmentUnit,
    units: 0,
  }),
  render: DataProgress.render,
  kept: DataProgress.kept,
  continuation: goOn,
})

/** The handler: `DataManager.load`, which it needs. */
export const layer: Layer.Layer<Operation.Handler<"data_load">, never, DataManager> = LoadData.toLayer(
  (payload) => Effect.flatMap(DataManager, (manager) => manager.load(payload)),
)

/** Loads a series: needs `layer`, and reports to whatever progress tree it runs in. */
export const run = (
  payload: Parameters<typeof Payload.make>[0],
  execution?: Partial<Operation.Execution>,
): ReturnType<typeof LoadData.run> => Effect.suspend(() => LoadData.run(Payload.make(payload), execution))
