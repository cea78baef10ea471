/**
 * A million one-minute bars from a host service, a process of its own, to the store; beside the time in which
 * bare undici receives the same answers and parses both levels of their JSON; then the same load again. The
 * requests keep no pace but the host's own: Interactive Brokers' 50 messages a second would be all there is to
 * see.
 */
import {
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
  performance,
} from "node:perf_hooks"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { Pool } from "@effect/platform-node/Undici"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Parquet from "../../src/data/CandleStore/Parquet.js"
import * as DataManager from "../../src/data/DataManager.js"
import * as LoadData from "../../src/data/LoadData.js"
import * as LoadPlan from "../../src/data/LoadPlan.js"
import * as IbCandleSource from "../../src/hosts/ib/IbCandleSource.js"
import * as IbPacing from "../../src/hosts/ib/IbPacing.js"
import * as Progress from "../../src/Progress.js"
import { median, quantile, table } from "./measure.js"
import * as MinuteLoads from "./minuteLoads.js"
import * as Part from "./part.js"

const bars = 1_000_000
const connections = 10

const { other, series, start, symbol } = MinuteLoads
const end = MinuteLoads.endOf(bars)

const segments = Effect.runPromise(
  LoadPlan.make({
    series,
    mode: "full",
    start,
    end,
    listing: { instrument: { symbol, type: "stock", venue: "XNYS" }, head: start, last: undefined },
    stored: new Float64Array(0),
    noData: [],
    now: Date.UTC(2026, 0, 1),
  }),
)

/** Milliseconds in which bare undici receives every answer and parses it, envelope and bars. */
const bare = async (port: number): Promise<number> => {
  const requests = (await segments).segments
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections })
  const began = performance.now()
  let next = 0
  let seen = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < requests.length; index = next++) {
      const { range } = requests[index]!
      const body = JSON.stringify({
        symbol,
        timeframe: "1m",
        start: new Date(range.start).toISOString(),
        end: new Date(range.end).toISOString(),
        instrument_type: "STK",
      })
      const answer = await pool.request({
        method: "POST",
        path: "/data/historical",
        headers: { "content-type": "application/json" },
        body,
      })
      const envelope = (await answer.body.json()) as { readonly data: string }
      seen += Object.keys(JSON.parse(envelope.data) as object).length
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
  await pool.close()
  if (seen !== bars) throw new Error(`expected ${bars} bars, received ${seen}`)
  return performance.now() - began
}

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const began = performance.now()
    const value = yield* effect
    return { value, millis: performance.now() - began }
  })

interface Span {
  readonly from: number
  readonly to: number
}

/**
 * Watches for stretches in which no timer could run, and for the collector's pauses. `stop` tells the 99.9th
 * percentile of the stretches, in milliseconds, once the pauses inside are taken out of them.
 */
const watchStretches = () => {
  const stretches: Array<Span> = []
  const pauses: Array<Span> = []
  const take = (entries: ReadonlyArray<PerformanceEntry>) => {
    for (const { startTime, duration } of entries) pauses.push({ from: startTime, to: startTime + duration })
  }
  const collector = new PerformanceObserver((list) => take(list.getEntries()))
  collector.observe({ entryTypes: ["gc"] })
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    stretches.push({ from: last, to: now })
    last = now
  }, 1)
  const stop = async (): Promise<number> => {
    clearInterval(timer)
    await new Promise((resolve) => setImmediate(resolve))
    take(collector.takeRecords())
    collector.disconnect()
    const own = stretches.map(({ from, to }) => {
      const paused = pauses.reduce(
        (sum, _) => sum + Math.max(0, Math.min(to, _.to) - Math.max(from, _.from)),
        0,
      )
      return to - from - paused
    })
    return quantile(own, 0.999)
  }
  return stop
}

const seconds = (millis: number): string => `${(millis / 1000).toFixed(2)} s`

export const bench = Effect.gen(function* () {
  const { port } = yield* Part.ibHost()
  const directory = yield* Part.folder("load")
  const system = LoadData.layer.pipe(
    Layer.provide(DataManager.layer),
    Layer.provide(Layer.provide(Parquet.layer({ directory }), NodeContext.layer)),
    Layer.provide(IbCandleSource.layerHost({ baseUrl: `http://127.0.0.1:${port}`, connections })),
    Layer.provide(Layer.succeed(IbPacing.PacingMode, "none")),
  )
  const load = LoadData.run({ ...series, mode: "full", start, end }).pipe(
    Progress.observe({ observer: () => Effect.void }),
  )
  yield* Effect.promise(() => bare(port))
  const before = yield* Effect.promise(() => bare(port))
  const loop = monitorEventLoopDelay({ resolution: 1 })
  const { first, second, delays, warming } = yield* Effect.gen(function* () {
    loop.enable()
    yield* LoadData.run({ ...series, symbol: other, start: end - 7 * 86_400_000, end, mode: "full" })
    const loading = loop.max / 1e6
    loop.reset()
    const stop = watchStretches()
    const one = yield* timed(load)
    loop.disable()
    const own = yield* Effect.promise(stop)
    const seen = { p999: loop.percentile(99.9) / 1e6, max: loop.max / 1e6, own }
    const again = [yield* timed(load), yield* timed(load), yield* timed(load)]
    return { first: one, second: again, delays: seen, warming: loading }
  }).pipe(Effect.provide(system))
  const rss = process.resourceUsage().maxRSS / 1024
  const after = yield* Effect.promise(() => bare(port))
  const again = median(second.map(({ millis }) => millis))
  if (first.value.present !== bars || second.some(({ value }) => value.requests !== 0)) {
    return yield* Effect.fail(new Error(`a load was not complete: ${JSON.stringify(first.value)}`))
  }
  const result = {
    bars,
    bars_per_second: Math.round(bars / (first.millis / 1000)),
    vs_json_parse: Number((first.millis / ((before + after) / 2)).toFixed(2)),
    peak_rss_mb: Math.round(rss),
    reload_fraction: Number((again / first.millis).toFixed(3)),
    loop_delay_p999_ms: Number(delays.p999.toFixed(1)),
    loop_delay_max_ms: Number(delays.max.toFixed(1)),
    stretch_p999_ms: Number(delays.own.toFixed(1)),
  }
  yield* Console.log(
    table([
      ["what", "measured", "to reach"],
      [
        `bare undici, ${(yield* Effect.promise(() => segments)).segments.length} requests, before and after`,
        `${seconds(before)}, ${seconds(after)}`,
        "",
      ],
      ["load to the store", seconds(first.millis), ""],
      ["load / bare undici", String(result.vs_json_parse), "<= 4"],
      ["bars a second", String(result.bars_per_second), ""],
      ["peak memory, MB", String(result.peak_rss_mb), "<= 500"],
      ["the same again, nothing missing", seconds(again), ""],
      ["again / first", String(result.reload_fraction), "<= 0.05"],
      ["event-loop delay while modules load, once, ms", warming.toFixed(1), ""],
      ["event-loop delay p99.9, collector's pauses left out, ms", String(result.stretch_p999_ms), "<= 20"],
      [
        "event-loop delay p99.9, largest, ms",
        `${result.loop_delay_p999_ms}, ${result.loop_delay_max_ms}`,
        "",
      ],
    ]),
  )
  yield* Console.log(JSON.stringify({ bench: "load", ...result }))
}).pipe(Effect.scoped)
