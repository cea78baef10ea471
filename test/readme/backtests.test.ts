/** The adapter of `src/hosts/README.md` against a service that backtests. */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { Progress } from "ktrdr"
import * as FakeHost from "../utils/FakeHost.js"
import { BacktestFailed, BacktestHost, Backtests, layer } from "./backtests.js"

/** A service on which a backtest gets ten days further with each question, and comes to a profit after `of` days. */
const service = (of: number, profit: number | null = 12.5) =>
  Effect.map(FakeHost.make(), (host) => {
    let days = 0
    host.otherwise = ({ method, url }) => {
      if (url === "/strategies") return FakeHost.json(["trend", "carry"])
      if (method !== "GET") return FakeHost.json(null)
      days = Math.min(of, days + 10)
      const isOver = days === of
      return FakeHost.json({ isOver, days, of, profit: isOver ? profit : null })
    }
    const backtests = Layer.provide(layer, BacktestHost.layer({ baseUrl: host.url, backoff: "10 millis" }))
    return { host, backtests }
  })

const run = Effect.flatMap(Backtests, (backtests) => backtests.run("b-1", "trend"))

it.live("comes to a profit, and tells how far it is on the way", () =>
  Effect.gen(function* () {
    const { backtests, host } = yield* service(20)
    host.script.push(FakeHost.Reply.Reset())
    const seen: Array<number> = []
    const profit = yield* run.pipe(
      Progress.observe({
        observer: ({ fraction }) => Effect.sync(() => void seen.push(fraction ?? 0)),
        interval: 1,
      }),
      Effect.provide(backtests),
    )
    expect(profit).toBe(12.5)
    expect(seen).toContain(0.5)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    const starts = host.requests.filter(({ method }) => method === "POST")
    expect(starts.map(({ headers }) => headers["idempotency-key"])).toEqual(["b-1", "b-1"])
    expect(host.requests.filter(({ method }) => method === "DELETE")).toEqual([])
  }).pipe(Effect.scoped),
)

it.live("ends at the host where it is interrupted", () =>
  Effect.gen(function* () {
    const { backtests, host } = yield* service(1_000_000)
    const fiber = yield* Effect.fork(Effect.provide(run, backtests))
    yield* host.until(() => host.requests.some(({ method }) => method === "GET"))
    expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
    expect(host.requests.at(-1)).toMatchObject({ method: "DELETE", url: "/backtests/b-1" })
  }).pipe(Effect.scoped),
)

it.live("says so where the host comes to nothing", () =>
  Effect.gen(function* () {
    const { backtests } = yield* service(10, null)
    expect(yield* Effect.provide(Effect.flip(run), backtests)).toEqual(new BacktestFailed({ id: "b-1" }))
  }).pipe(Effect.scoped),
)

it.live("asks for the strategies", () =>
  Effect.gen(function* () {
    const { backtests } = yield* service(10)
    const strategies = Effect.flatMap(Backtests, (_) => _.strategies)
    expect(yield* Effect.provide(strategies, backtests)).toEqual(["trend", "carry"])
  }).pipe(Effect.scoped),
)
