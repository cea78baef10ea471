import { readdirSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as OperationMetrics from "../../../src/internal/operationMetrics.js"
import * as ProcessMetrics from "../../../src/node/http/ProcessMetrics.js"
import * as Prometheus from "../../../src/node/http/Prometheus.js"
import * as PrometheusText from "../../../src/node/http/PrometheusText.js"
import * as Exposition from "../../utils/Exposition.js"

const scrape = Effect.map(Prometheus.text, Exposition.parse)

const gauge = (
  name: string,
  labels: PrometheusText.Labels,
  value: number | bigint,
): PrometheusText.Metric => ({
  name,
  type: "gauge",
  help: "",
  series: [{ labels, samples: [{ value }] }],
})

describe("Effect's metrics as text", () => {
  it.effect("has every kind of metric", () =>
    Effect.gen(function* () {
      yield* Metric.incrementBy(Metric.counter("t_grows", { incremental: true, description: "Only up" }), 2)
      yield* Metric.incrementBy(Metric.counter("t_moves"), -3)
      yield* Metric.incrementBy(Metric.counter("t_big", { bigint: true, incremental: true }), 2n ** 60n)
      yield* Metric.set(Metric.gauge("t_level").pipe(Metric.tagged("where", "here")), -0.5)
      const sizes = Metric.histogram("t_sizes", MetricBoundaries.fromIterable([1, 10]))
      for (const size of [0.5, 1, 5, 50]) yield* Metric.update(sizes, size)
      const words = Metric.frequency("t_words", { description: "Words" })
      for (const word of ["a", "b", "a"]) yield* Metric.update(words, word)
      const ages = Metric.summary({
        name: "t_ages",
        maxAge: "1 hour",
        maxSize: 9,
        error: 0,
        quantiles: [0.5, 1],
      })
      const text = yield* Prometheus.text
      expect(text).toContain("# HELP t_grows_total Only up\n# TYPE t_grows_total counter\nt_grows_total 2\n")
      expect(text).toContain("# TYPE t_moves gauge\nt_moves -3\n")
      expect(text).toContain("t_big_total 1152921504606846976\n")
      expect(text).toContain('t_level{where="here"} -0.5\n')
      expect(text).toContain(
        't_sizes_bucket{le="1"} 2\nt_sizes_bucket{le="10"} 3\nt_sizes_bucket{le="+Inf"} 4\nt_sizes_sum 56.5\nt_sizes_count 4\n',
      )
      expect(text).toContain('t_words_total{key="a"} 2\nt_words_total{key="b"} 1\n')
      expect(text).not.toContain("t_ages")
      Exposition.parse(text)
      yield* Metric.update(ages, 7)
      const after = yield* Prometheus.text
      expect(after).toMatch(
        /# TYPE t_ages summary\nt_ages\{quantile="0.5"\} (NaN|7)\nt_ages\{quantile="1"\} (NaN|7)\nt_ages_sum 7\nt_ages_count 1\n/,
      )
      Exposition.parse(after)
    }),
  )

  it.effect("counts an operation through its life", () =>
    Effect.gen(function* () {
      const kind = "t_kind"
      const at = (families: ReadonlyMap<string, Exposition.Family>) =>
        ["waiting", "active", "started_total"].map((name) =>
          Exposition.valueOf(families, `ktrdr_operations_${name}`, { kind }),
        )
      yield* OperationMetrics.waiting(kind)
      yield* OperationMetrics.waiting(kind)
      yield* OperationMetrics.started(kind)
      expect(at(yield* scrape)).toEqual([1, 1, 1])
      yield* OperationMetrics.cancelRequested(kind)
      yield* OperationMetrics.cancelTook(kind, 40)
      yield* OperationMetrics.ended(kind, "cancelled", 1500)
      yield* OperationMetrics.ended(kind, "cancelled", undefined)
      const families = yield* scrape
      expect(at(families)).toEqual([0, 0, 1])
      const of = (name: string, labels: Readonly<Record<string, string>>) =>
        Exposition.valueOf(families, `ktrdr_operations_${name}`, { kind, ...labels })
      expect(of("ended_total", { status: "cancelled" })).toBe(2)
      expect(of("duration_seconds_count", { status: "cancelled" })).toBe(1)
      expect(of("duration_seconds_sum", { status: "cancelled" })).toBe(1.5)
      expect(of("duration_seconds_bucket", { status: "cancelled", le: "1" })).toBe(0)
      expect(of("duration_seconds_bucket", { status: "cancelled", le: "2.5" })).toBe(1)
      expect(of("cancel_requests_total", {})).toBe(1)
      expect(of("cancel_latency_seconds_bucket", { le: "0.025" })).toBe(0)
      expect(of("cancel_latency_seconds_bucket", { le: "0.05" })).toBe(1)
    }),
  )
})

describe("the process", () => {
  it.effect("is told as client libraries tell it", () =>
    Effect.gen(function* () {
      const families = yield* scrape
      const value = (name: string) => Exposition.valueOf(families, name) ?? Number.NaN
      expect(value("process_resident_memory_bytes")).toBeGreaterThan(10e6)
      const cpu = process.cpuUsage()
      expect(value("process_cpu_seconds_total")).toBeGreaterThan(0)
      expect(value("process_cpu_seconds_total")).toBeLessThanOrEqual((cpu.user + cpu.system) / 1e6)
      expect(value("process_start_time_seconds")).toBeCloseTo(performance.timeOrigin / 1e3)
      if (process.platform === "linux") {
        const open = readdirSync("/proc/self/fd").length - 1
        expect(Math.abs(value("process_open_fds") - open)).toBeLessThanOrEqual(3)
      }
      expect(families.has("nodejs_eventloop_lag_p99_seconds")).toBe(false)
    }),
  )

  it.live("tells how late the event loop was since the last scrape, while that is measured", () =>
    Effect.gen(function* () {
      yield* Effect.sleep("30 millis")
      const until = performance.now() + 300
      while (performance.now() < until);
      yield* Effect.sleep("30 millis")
      const families = yield* scrape
      const of = (which: string) =>
        Exposition.valueOf(families, `nodejs_eventloop_lag_${which}_seconds`) ?? -1
      expect(of("max")).toBeGreaterThan(0.1)
      expect(of("p50")).toBeLessThanOrEqual(of("p99"))
      expect(of("p99")).toBeLessThanOrEqual(of("max"))
      expect((yield* scrape).has("nodejs_eventloop_lag_max_seconds")).toBe(false)
    }).pipe(Effect.provide(ProcessMetrics.layer)),
  )
})

describe("the format", () => {
  it("escapes what labels and help say", () => {
    const text = PrometheusText.render([
      { ...gauge("x", [["path", 'C:\\dir\n"q"']], 1), help: "back\\slash\nand line" },
    ])
    expect(text).toBe('# HELP x back\\\\slash\\nand line\n# TYPE x gauge\nx{path="C:\\\\dir\\n\\"q\\""} 1\n')
    expect(Exposition.parse(text).get("x")).toEqual({
      type: "gauge",
      help: "back\\slash\nand line",
      samples: [{ name: "x", labels: { path: 'C:\\dir\n"q"' }, value: 1 }],
    })
  })

  it("writes numbers as Go reads them", () => {
    const of = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 1e21, 5e-324, 0.1, 7n]
    expect(of.map(PrometheusText.number)).toEqual(["NaN", "+Inf", "-Inf", "0", "1e+21", "5e-324", "0.1", "7"])
  })

  it("makes names fit, and tells apart what is not of one type", () => {
    const histogram: PrometheusText.Metric = {
      name: "a.b",
      type: "histogram",
      help: "",
      series: [
        {
          labels: [["le", "mine"]],
          samples: [
            { suffix: "_bucket", label: ["le", Number.POSITIVE_INFINITY], value: 1 },
            { suffix: "_sum", value: 2 },
            { suffix: "_count", value: 1 },
          ],
        },
      ],
    }
    const count = (name: string, value: number | bigint): PrometheusText.Metric => ({
      ...gauge(
        name,
        [
          ["__name__", "y"],
          ["9", "z"],
          ["none", ""],
        ],
        value,
      ),
      type: "counter",
    })
    const metrics = [
      count("2c", 1),
      count("2c_total", 2n),
      gauge("a_b", [], 3),
      gauge("a_b_count", [], 4),
      histogram,
    ]
    const text = PrometheusText.render(metrics)
    Exposition.parse(text)
    expect(PrometheusText.render(metrics.toReversed())).toBe(text)
    expect(text.split("\n").filter((line) => !line.startsWith("#"))).toEqual([
      '_2c_total{_9="z",_name__="y"} 3',
      'a_b_bucket{exported_le="mine",le="+Inf"} 1',
      'a_b_sum{exported_le="mine"} 2',
      'a_b_count{exported_le="mine"} 1',
      "a_b_count_gauge 4",
      "a_b_gauge 3",
      "",
    ])
  })

  it.prop(
    "is well formed whatever names, labels and values are",
    [
      FastCheck.array(
        FastCheck.record({
          name: FastCheck.oneof(
            FastCheck.string(),
            FastCheck.constantFrom("a", "a_total", "a_count", "a-count"),
          ),
          type: FastCheck.constantFrom("counter" as const, "gauge" as const),
          help: FastCheck.fullUnicodeString(),
          labels: FastCheck.array(
            FastCheck.tuple(
              FastCheck.oneof(
                FastCheck.string16bits({ maxLength: 3 }),
                FastCheck.constantFrom("a", "__a", "le"),
              ),
              FastCheck.oneof(FastCheck.string16bits(), FastCheck.constantFrom('"', "\\", "\n", "\\n", "\r")),
            ),
            { maxLength: 4 },
          ),
          value: FastCheck.oneof(FastCheck.double(), FastCheck.bigInt()),
        }),
        { maxLength: 8 },
      ),
    ],
    ([metrics]) => {
      const given = metrics.map(({ name, type, help, labels, value }): PrometheusText.Metric => {
        const least = typeof value === "bigint" ? (value < 0n ? -value : value) : Math.abs(value) || 0
        return {
          name,
          type,
          help,
          series: [{ labels, samples: [{ value: type === "counter" ? least : value }] }],
        }
      })
      const text = PrometheusText.render(given)
      const families = given.length === 0 ? new Map<string, Exposition.Family>() : Exposition.parse(text)
      const written = [...families.values()].flatMap(({ samples }) =>
        samples.flatMap((one) => Object.values(one.labels)),
      )
      for (const { series } of given) {
        for (const [, value] of series[0]?.labels ?? []) {
          if (value !== "") expect(written).toContain(Buffer.from(value).toString())
        }
      }
      expect(Buffer.from(text).toString()).toBe(text)
    },
    { fastCheck: { numRuns: 200 } },
  )
})
