/**
 * Every metric of this process for a Prometheus server that scrapes it.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as MetricKeyType from "effect/MetricKeyType"
import type * as MetricPair from "effect/MetricPair"
import * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"
import * as ProcessMetrics from "./ProcessMetrics.js"
import * as PrometheusText from "./PrometheusText.js"

export { contentType } from "./PrometheusText.js"

/**
 * What Effect's metrics and the process itself stand at, as text of `contentType`. Counters that only grow end
 * in `_total`; others are gauges, as is what they stand at. Words of a frequency are counted under the label
 * `key`.
 */
export const text: Effect.Effect<string> = Effect.map(ProcessMetrics.collect, (ofProcess) =>
  PrometheusText.render([...Metric.unsafeSnapshot().map(metricOf), ...ofProcess]),
)

// ---------------------------------------------------------------------------------------------------------

const metricOf = ({ metricKey, metricState }: MetricPair.MetricPair.Untyped): PrometheusText.Metric => {
  const labels = metricKey.tags.map(({ key, value }) => [key, value] as const)
  const as = (type: PrometheusText.Type, series: ReadonlyArray<PrometheusText.Series>) => ({
    name: metricKey.name,
    type,
    help: Option.getOrElse(metricKey.description, () => ""),
    series,
  })
  const one = (type: PrometheusText.Type, samples: ReadonlyArray<PrometheusText.Sample>) =>
    as(type, [{ labels, samples }])

  if (MetricState.isCounterState(metricState)) {
    const { keyType } = metricKey
    const grows = MetricKeyType.isCounterKey(keyType) && keyType.incremental
    return one(grows ? "counter" : "gauge", [{ value: metricState.count }])
  }
  if (MetricState.isHistogramState(metricState)) return one("histogram", bucketsOf(metricState))
  if (MetricState.isSummaryState(metricState)) return one("summary", quantilesOf(metricState))
  if (MetricState.isFrequencyState(metricState)) {
    return as(
      "counter",
      [...metricState.occurrences].map(([word, value]) => ({
        labels: [...labels.filter(([name]) => name !== "key"), ["key", word]],
        samples: [{ value }],
      })),
    )
  }
  return one("gauge", MetricState.isGaugeState(metricState) ? [{ value: metricState.value }] : [])
}

const bucketsOf = ({
  buckets,
  count,
  sum,
}: MetricState.MetricState.Histogram): ReadonlyArray<PrometheusText.Sample> => [
  ...buckets
    .filter(([boundary]) => boundary < Number.POSITIVE_INFINITY)
    .map(([boundary, value]) => bucket(boundary, value)),
  bucket(Number.POSITIVE_INFINITY, count),
  { suffix: "_sum", value: sum },
  { suffix: "_count", value: count },
]

const bucket = (boundary: number, value: number): PrometheusText.Sample => ({
  suffix: "_bucket",
  label: ["le", boundary],
  value,
})

const quantilesOf = ({
  count,
  quantiles,
  sum,
}: MetricState.MetricState.Summary): ReadonlyArray<PrometheusText.Sample> => [
  ...quantiles.map(
    ([quantile, value]): PrometheusText.Sample => ({
      label: ["quantile", quantile],
      value: Option.getOrElse(value, () => Number.NaN),
    }),
  ),
  { suffix: "_sum", value: sum },
  { suffix: "_count", value: count },
]
