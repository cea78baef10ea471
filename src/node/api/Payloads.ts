/**
 * What the payloads and results of the operations known here say in KTRDR's terms. Of others nothing is said.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as DataProgress from "../../data/DataProgress.js"
import { LoadData } from "../../data/LoadData.js"
import { LoadReport } from "../../data/LoadReport.js"
import * as TimeRange from "../../data/TimeRange.js"
import type { OperationRecord } from "../../OperationRecord.js"
import type { ProgressSnapshot } from "../../ProgressSnapshot.js"
import * as TrainingWire from "./TrainingWire.js"

export interface Subject {
  readonly symbol: string | undefined
  readonly timeframe: string | undefined
  readonly mode: string | undefined
  readonly start: string | undefined
  /** The last instant that is in: payloads say the first that is not. */
  readonly end: string | undefined
}

/** What an encoded payload is about: a training, one series, or many that agree in what is told of them. */
export const of = (payload: unknown): Subject =>
  Predicate.hasProperty(payload, "strategy") ? ofTraining(payload, payload.strategy) : ofLoads(payload)

/** The counters of a load and the numbers of a training under KTRDR's names; of other kinds the result, or how many there are in it. */
export const resultSummary = (record: OperationRecord): Readonly<Record<string, unknown>> | null => {
  if (record.status !== "completed") return null
  if (record.kind === LoadData.kind && Schema.is(Report)(record.result)) {
    return loadCounters(decode(record.result), record.progress)
  }
  const training = TrainingWire.summary(record)
  if (training !== null) return training
  if (Array.isArray(record.result)) return { count: record.result.length }
  return Predicate.isRecord(record.result) ? record.result : { result: record.result }
}

/**
 * What a load did. `gaps_analyzed` counts the runs of expected bars that are still missing, `segments_fetched`
 * those that came, `ib_requests_made` what was really sent, repeats included.
 */
export const loadCounters = (report: LoadReport, progress: ProgressSnapshot | null) => {
  const segments = progress?.context["segments"]
  return {
    status: report.given_up.length === 0 ? ("success" as const) : ("partial" as const),
    fetched_bars: report.fetched,
    gaps_analyzed: report.missing.length,
    segments_fetched: typeof segments === "number" ? segments : 0,
    ib_requests_made: report.requests,
    execution_time_seconds: report.duration_seconds,
  }
}

// ---------------------------------------------------------------------------------------------------------

const ofLoads = (payload: unknown): Subject => {
  const loads =
    Predicate.hasProperty(payload, "loads") && Array.isArray(payload.loads) ? payload.loads : [payload]
  const common = (key: string): string | undefined => {
    const values = new Set(loads.map((load: unknown) => text(load, key)))
    return values.size === 1 ? [...values][0] : undefined
  }
  const symbols = new Set(loads.map((load: unknown) => text(load, "symbol")).filter(Predicate.isString))
  return {
    symbol: symbols.size === 0 ? undefined : DataProgress.names([...symbols]),
    timeframe: common("timeframe"),
    mode: common("mode"),
    start: common("start"),
    end: lastOf(common("end")),
  }
}

const ofTraining = (payload: object, strategy: unknown): Subject => {
  const symbols = texts(strategy, "symbols")
  const timeframes = texts(strategy, "timeframes")
  return {
    symbol: symbols.length === 0 ? undefined : DataProgress.names(symbols),
    timeframe: timeframes.length === 0 ? undefined : timeframes.join(", "),
    mode: "training",
    start: text(payload, "start"),
    end: lastOf(text(payload, "end")),
  }
}

const Report = Schema.encodedSchema(LoadReport)
const decode = Schema.decodeSync(LoadReport)

const lastOf = (end: string | undefined): string | undefined => {
  const millis = Date.parse(end ?? "")
  return Number.isNaN(millis) ? undefined : TimeRange.formatInstant(millis - 1)
}

const text = (value: unknown, key: string): string | undefined => {
  const found = Predicate.hasProperty(value, key) ? value[key] : undefined
  return typeof found === "string" ? found : undefined
}

const texts = (value: unknown, key: string): ReadonlyArray<string> => {
  const found = Predicate.hasProperty(value, key) ? value[key] : undefined
  return Array.isArray(found) ? found.filter(Predicate.isString) : []
}
