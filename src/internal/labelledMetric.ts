/**
 * Metrics whose labels are put on once, so that an update is a function call.
 */
import * as Metric from "effect/Metric"
import type * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import * as MetricLabel from "effect/MetricLabel"

export type Labels = Readonly<Record<string, string>>

/** Only grows. */
export const counter = (name: string, description: string, labels: Labels) =>
  Metric.fromMetricKey(
    MetricKey.taggedWithLabels(MetricKey.counter(name, { description, incremental: true }), listOf(labels)),
  )

export const gauge = (name: string, description: string, labels: Labels) =>
  Metric.fromMetricKey(MetricKey.taggedWithLabels(MetricKey.gauge(name, { description }), listOf(labels)))

export const histogram = (
  name: string,
  description: string,
  boundaries: MetricBoundaries.MetricBoundaries,
  labels: Labels,
) =>
  Metric.fromMetricKey(
    MetricKey.taggedWithLabels(MetricKey.histogram(name, boundaries, description), listOf(labels)),
  )

// ---------------------------------------------------------------------------------------------------------

const listOf = (labels: Labels): ReadonlyArray<MetricLabel.MetricLabel> =>
  Object.entries(labels).map(([key, value]) => MetricLabel.make(key, value))
