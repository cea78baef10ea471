import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Cli from "../../../src/node/Cli.js"
import * as Package from "../../../src/node/Package.js"
import * as Strategies from "../../utils/Strategies.js"
import * as TestOutput from "../../utils/TestOutput.js"
import { call, send, until } from "../api/Served.js"

const home = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "ktrdr-serve-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

/**
 * Runs the command line with an environment of its own; what it writes can be read while it runs. `beside` runs
 * another one in the same environment, to its end.
 */
const running = (words: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const path = yield* home
    const output = TestOutput.make()
    const config = ConfigProvider.fromMap(new Map(Object.entries({ KTRDR_HOME: path, ...environment })))
    const fiber = yield* Cli.run(words).pipe(
      Effect.provide(output.layer),
      Effect.withConfigProvider(config),
      Effect.fork,
    )
    const beside = (...others: ReadonlyArray<string>) =>
      Effect.withConfigProvider(TestOutput.run(Cli.run(others)), config)
    return { fiber, output, path, beside }
  })

const served = (...given: Parameters<typeof running>) =>
  Effect.gen(function* () {
    const started = yield* running(...given)
    const { output } = started
    yield* until(Effect.sync(() => output.out().includes("\n")))
    return { ...started, url: output.out().trim() }
  })

describe("ktrdr serve", () => {
  it.scopedLive("prints its URL, serves the home, and leaves nothing running when it is interrupted", () =>
    Effect.gen(function* () {
      const { fiber, output, url } = yield* served(["serve", "--port", "0"])
      expect(output.out()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\n$/)
      expect((yield* call(`${url}/api/v1/health`)).body).toMatchObject({ status: "ok" })
      const loaded = yield* send("POST", `${url}/api/v1/data/load`, {
        symbol: "AAPL",
        timeframe: "1d",
        mode: "full",
        start_date: "2024-01-02",
        end_date: "2024-01-31",
      })
      expect(loaded.body.data).toMatchObject({ status: "success", fetched_bars: 21 })
      const { body } = yield* call(`${url}/api/v1/operations/${loaded.body.data.operation_id}`)
      expect(body.data.metadata.parameters.settings).toEqual({ host: "embedded", pacing: "adaptive" })
      yield* until(Effect.sync(() => output.err().includes("GET /api/v1/health 200")))
      const lines = output
        .err()
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
      expect(lines).toContainEqual(
        expect.objectContaining({ level: "WARN", message: expect.stringMatching(/^No IB host given: /) }),
      )
      yield* Fiber.interrupt(fiber)
      const refused = yield* Effect.promise(() =>
        fetch(url).then(
          () => "answered",
          () => "refused",
        ),
      )
      expect(refused).toBe("refused")
    }),
  )

  it.scopedLive(
    "trains the strategies of its home, and those that come with ktrdr, once there are bars, and keeps the models",
    () =>
      Effect.gen(function* () {
        const { beside, fiber, path, url } = yield* served(["serve", "--port", "0"])
        const api = `${url}/api/v1`
        expect((yield* call(`${api}/models`)).body).toEqual({ success: true, models: [], damaged: [] })
        mkdirSync(join(path, "strategies"))
        const mine = Strategies.change([
          ["name: mean_reversion", "name: mine"],
          ["epochs: 50", "epochs: 2"],
          ["threshold: 0.002", "threshold: 0.02"],
        ])
        writeFileSync(join(path, "strategies", "mine.yaml"), mine)
        const range = { start_date: "2014-01-02", end_date: "2020-01-01" }
        const start = (strategy: string) =>
          send("POST", `${api}/trainings/start`, {
            ...range,
            symbols: ["SPX"],
            timeframes: ["1d"],
            strategy_name: strategy,
          })
        const unknown = yield* start("yours")
        expect([unknown.status, unknown.body.detail]).toEqual([
          404,
          expect.stringContaining("mean_reversion, mine, trend_following"),
        ])
        /** The record of a training, once it has ended. */
        const ended = Effect.fnUntraced(function* (strategy: string) {
          const { body, status } = yield* start(strategy)
          expect(status).toBe(200)
          yield* call(`${api}/operations/${body.task_id}/events`)
          return (yield* call(`${api}/operations/${body.task_id}`)).body.data
        })
        expect(yield* ended("mine")).toMatchObject({
          operation_type: "training",
          status: "failed",
          metadata: {
            symbol: "SPX",
            timeframe: "1d",
            mode: "training",
            parameters: { failure: { tag: "DataError", reason: "NotFound", error: { _tag: "DataError" } } },
          },
        })
        expect((yield* call(`${api}/models`)).body.models).toEqual([])
        const sample = `${Package.samples()}SPX_1d.csv`
        const series = ["--symbol", "SPX", "--timeframe", "1d", "--venue", "XNYS", "--type", "index"]
        expect((yield* beside("data", "import", sample, ...series)).result).toBe(0)
        for (const strategy of ["mine", "trend_following"]) {
          expect(yield* ended(strategy)).toMatchObject({ operation_type: "training", status: "completed" })
        }
        const { models } = (yield* call(`${api}/models`)).body
        expect(models.map(({ model_id }: { readonly model_id: string }) => model_id)).toEqual([
          "mine/SPX_1d/v1",
          "trend_following/SPX_1d/v1",
        ])
        yield* Fiber.interrupt(fiber)
      }),
  )

  it.scopedLive("wants a token where others can reach it", () =>
    Effect.gen(function* () {
      for (const address of ["0.0.0.0", "::", "192.0.2.1"]) {
        const { fiber, output } = yield* running(["serve", "--port", "0", "--host", address])
        expect(yield* Fiber.join(fiber)).toBe(2)
        expect(output.out()).toBe("")
        expect(output.err()).toContain(`--host ${address}: expected 127.0.0.1, or a token in KTRDR_API_TOKEN`)
      }
      const { fiber, url } = yield* served(["serve", "--port", "0", "--host", "0.0.0.0"], {
        KTRDR_API_TOKEN: "sesame",
      })
      const here = url.replace("0.0.0.0", "127.0.0.1")
      expect((yield* call(`${here}/api/v1/health`)).status).toBe(401)
      const bearer = { authorization: "Bearer sesame" }
      expect((yield* call(`${here}/api/v1/health`, { headers: bearer })).status).toBe(200)
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.scopedLive("says that a port is taken, and what to do", () =>
    Effect.gen(function* () {
      const other = yield* Effect.acquireRelease(
        Effect.async<Http.Server>((resume) => {
          const server = Http.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close()),
      )
      const { port } = other.address() as AddressInfo
      const { fiber, output } = yield* running(["serve", "--port", String(port)])
      expect(yield* Fiber.join(fiber)).toBe(1)
      expect(output.out()).toBe("")
      expect(output.err()).toContain(`127.0.0.1:${port}: expected an address to listen on`)
      expect(output.err()).toContain("--port")
    }),
  )

  it.scopedLive("knows its options", () =>
    Effect.gen(function* () {
      const { result, out } = yield* TestOutput.run(Cli.run(["serve", "--help"]))
      expect(result).toBe(0)
      for (const option of ["--port", "--host", "--ib-host", "--pacing", "--calendar"])
        expect(out).toContain(option)
      expect((yield* TestOutput.run(Cli.run(["serve", "--port", "70000"]))).result).toBe(2)
    }),
  )
})
