/**
 * What a process uses of its machine, under the names that Prometheus' client libraries agree on.
 */
import * as NodeFs from "node:fs/promises"
import { monitorEventLoopDelay, performance } from "node:perf_hooks"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Metric } from "./PrometheusText.js"

/** How late timers fired, in seconds, since it was last asked; nothing while nobody measures. */
export class EventLoopLag extends Context.Reference<EventLoopLag>()("ktrdr/node/http/EventLoopLag", {
  defaultValue: (): { readonly take: () => Lag | undefined } => ({ take: () => undefined }),
}) {}

export interface Lag {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Measures the event loop for as long as it is provided, at a hundred wake-ups a second. */
export const layer: Layer.Layer<EventLoopLag> = Layer.scopedContext(
  Effect.acquireRelease(
    Effect.sync(() => {
      const histogram = monitorEventLoopDelay({ resolution })
      histogram.enable()
      return histogram
    }),
    (histogram) => Effect.sync(() => histogram.disable()),
  ).pipe(
    Effect.map((histogram) => {
      return Context.make(EventLoopLag, {
        take: () => {
          if (histogram.count === 0) return undefined
          const { max } = histogram
          const taken = {
            p50: late(histogram.percentile(50)),
            p99: late(histogram.percentile(99)),
            max: late(max),
          }
          histogram.reset()
          return taken
        },
      })
    }),
  ),
)

/** What the process stands at now. Open descriptors, but for the one that finds out, where the system has `/proc`. */
export const collect: Effect.Effect<ReadonlyArray<Metric>> = Effect.gen(function* () {
  const lag = (yield* EventLoopLag).take()
  const descriptors = yield* Effect.option(Effect.tryPromise(() => NodeFs.readdir("/proc/self/fd")))
  const cpu = process.cpuUsage()
  return [
    one("process_cpu_seconds", "counter", "Processor time used, in seconds", (cpu.user + cpu.system) / 1e6),
    one("process_resident_memory_bytes", "gauge", "Resident memory in bytes", process.memoryUsage.rss()),
    one(
      "process_start_time_seconds",
      "gauge",
      "When the process started, in seconds since 1970",
      performance.timeOrigin / 1e3,
    ),
    ...Option.match(descriptors, {
      onNone: () => [],
      onSome: ({ length }) => [one("process_open_fds", "gauge", "Open file descriptors", length - 1)],
    }),
    ...(lag === undefined
      ? []
      : [
          one("nodejs_eventloop_lag_p50_seconds", "gauge", lagHelp("median"), lag.p50),
          one("nodejs_eventloop_lag_p99_seconds", "gauge", lagHelp("99th percentile"), lag.p99),
          one("nodejs_eventloop_lag_max_seconds", "gauge", lagHelp("longest"), lag.max),
        ]),
  ]
})

// ---------------------------------------------------------------------------------------------------------

/** Milliseconds between two looks at the event loop. */
const resolution = 10

/** By how much a wake-up came late that was `nanos` after the one before. */
const late = (nanos: number): number => Math.max(0, nanos / 1e9 - resolution / 1e3)

const lagHelp = (which: string): string =>
  `How late the event loop was since the last scrape, in seconds: ${which}`

const one = (name: string, type: "counter" | "gauge", help: string, value: number): Metric => ({
  name,
  type,
  help,
  series: [{ labels: [], samples: [{ value }] }],
})
