import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Candle from "../../../src/data/Candle.js"
import * as Symbol from "../../../src/data/Symbol.js"
import type { Derived } from "../../../src/node/api/Client.js"
import * as Package from "../../../src/node/Package.js"
import * as JsonSchema from "./JsonSchema.js"
import { call, withClient } from "./Served.js"

const symbol = Symbol.Symbol.make("AAPL")
const series = { path: { symbol, timeframe: "1d" as const } }
const withResponse = true as const

interface Ids {
  readonly running: string
  readonly failed: string
  readonly done: string
  readonly trained: string
}

type Called = Effect.Effect<readonly [unknown, HttpClientResponse.HttpClientResponse], unknown>

/** A call of every route, by the id that the document gives it. */
const calls: Readonly<Record<string, (client: Derived, ids: Ids) => Called>> = {
  "health.health": ({ health }) => health.health({ withResponse }),
  "operations.list": ({ operations }) =>
    operations.list({
      urlParams: { status: "running", limit: 5, offset: 0, active_only: true },
      withResponse,
    }),
  "operations.get": ({ operations }, { done: id }) => operations.get({ path: { id }, withResponse }),
  "operations.start": ({ operations }) =>
    operations.start({ path: { kind: "count" }, payload: { name: "x", ticks: 1 }, withResponse }),
  "operations.cancel": ({ operations }, { running: id }) =>
    operations.cancel({ path: { id }, payload: { reason: "seen", force: false }, withResponse }),
  "operations.retry": ({ operations }, { failed: id }) => operations.retry({ path: { id }, withResponse }),
  "operations.resume": ({ operations }, { running: id }) => operations.resume({ path: { id }, withResponse }),
  "operations.results": ({ operations }, { done: id }) => operations.results({ path: { id }, withResponse }),
  "operations.children": ({ operations }, { done: id }) =>
    operations.children({ path: { id }, withResponse }),
  "operations.metrics": ({ operations }, { done: id }) =>
    operations.metrics({ path: { id }, urlParams: { cursor: 0 }, withResponse }),
  "data.load": ({ data }) =>
    data.load({
      payload: {
        symbol,
        timeframe: "1d",
        mode: "full",
        start_date: Date.UTC(2024, 0, 2),
        end_date: Date.UTC(2024, 0, 9),
      },
      urlParams: { async_mode: false },
      withResponse,
    }),
  "data.bars": ({ data }) =>
    data.bars({ ...series, urlParams: { limit: 3, tail: true, trading_hours_only: true }, withResponse }),
  "data.range": ({ data }) => data.range({ payload: { symbol: "AAPL", timeframe: "1d" }, withResponse }),
  "data.coverage": ({ data }) =>
    data.coverage({ ...series, urlParams: { start_date: Date.UTC(2024, 0, 3) }, withResponse }),
  "data.quality": ({ data }) =>
    data.quality({ ...series, urlParams: { include_extended: false }, withResponse }),
  "data.symbols": ({ data }) => data.symbols({ withResponse }),
  "data.timeframes": ({ data }) => data.timeframes({ withResponse }),
  "trainings.start": ({ trainings }) =>
    trainings.start({
      payload: {
        symbols: [symbol],
        timeframes: ["1h"],
        strategy_name: "test",
        start_date: Date.UTC(2024, 0, 2),
        end_date: Date.UTC(2024, 0, 9),
        task_id: "mine",
        allow_gaps: true,
        detailed_analytics: false,
      },
      withResponse,
    }),
  "trainings.performance": ({ trainings }, { trained: id }) =>
    trainings.performance({ path: { id }, withResponse }),
  "hosts.list": ({ hosts }) => hosts.list({ withResponse }),
  "models.list": ({ models }) => models.list({ withResponse }),
  "models.predict": ({ models }) =>
    models.predict({
      payload: { model_name: "held", symbol, timeframe: "1h", test_date: Date.UTC(2024, 0, 9), bars: 3 },
      withResponse,
    }),
}

const operationsOf = ({ paths }: JsonSchema.Document) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )

describe("the OpenAPI document", () => {
  it.scopedLive("is one: names, parameters, references and schemas are as the standard wants them", () =>
    Effect.gen(function* () {
      const { url } = yield* withClient()
      const answer = yield* call(`${url}/openapi.json`)
      expect((yield* call(`${url}/api/v1/openapi.json`)).text).toBe(answer.text)
      const document = answer.body as JsonSchema.Document
      expect(document.openapi).toBe("3.1.0")
      expect(document.info).toEqual({ title: "ktrdr", version: Package.version() })
      for (const requirement of document.security) {
        for (const scheme of Object.keys(requirement))
          expect(document.components.securitySchemes).toHaveProperty(scheme)
      }
      for (const [name, schema] of Object.entries(document.components.schemas)) {
        expect(name).toMatch(/^[\w.-]+$/)
        expect(JsonSchema.faults(document, schema, name)).toEqual([])
      }
      const all = operationsOf(document)
      const ids = all.map(({ operation }) => operation.operationId)
      expect(new Set(ids).size).toBe(ids.length)
      const tags = new Set(document.tags.map(({ name }) => name))
      for (const { method, operation, path } of all) {
        const place = `${method} ${path}`
        expect([place, /^(\/([\w.-]+|\{\w+\}))+$/.test(path)]).toEqual([place, true])
        expect([place, operation.summary]).toEqual([place, expect.any(String)])
        expect(operation.tags.every((tag) => tags.has(tag))).toBe(true)
        const inPath = operation.parameters.filter((one) => one.in === "path")
        expect([place, inPath.map(({ name, required }) => [name, required])]).toEqual([
          place,
          [...path.matchAll(/\{(\w+)\}/g)].map((match) => [match[1], true]),
        ])
        const parameters = operation.parameters.map((one) => `${one.in} ${one.name}`)
        expect(new Set(parameters).size).toBe(parameters.length)
        const statuses = Object.keys(operation.responses)
        expect([place, statuses.every((status) => /^[1-5]\d\d$/.test(status))]).toEqual([place, true])
        expect([place, statuses.some((status) => status.startsWith("2"))]).toEqual([place, true])
        expect([place, ...statuses]).toEqual(expect.arrayContaining([place, "401", "403", "422", "503"]))
        if (method === "get") expect([place, operation.requestBody]).toEqual([place, undefined])
        const contents = [
          operation.requestBody?.content,
          ...Object.values(operation.responses).map((response) => {
            expect(response.description).toMatch(/\w/)
            return response.content
          }),
        ]
        for (const schema of [
          ...contents.flatMap((content) => Object.values(content ?? {}).map((media) => media.schema)),
          ...operation.parameters.map((one) => one.schema),
        ]) {
          expect(JsonSchema.faults(document, schema, place)).toEqual([])
        }
      }
    }),
  )

  it.scopedLive("has no route that the derived client does not call, and answers fit what it says", () =>
    Effect.gen(function* () {
      const { client, manager, operations, url } = yield* withClient()
      const document = (yield* call(`${url}/openapi.json`)).body as JsonSchema.Document
      const row = { open: 1, high: 2, low: 1, close: 2, volume: null }
      const days = ["2024-01-05", "2024-01-06", "2024-01-08"].map((date) => ({
        start: Date.parse(date),
        ...row,
      }))
      yield* manager.importCandles({ symbol, timeframe: "1d", session: "regular" }, Candle.fromRows(days))
      const running = (yield* operations.startKind("count", { name: "r", ticks: 0, last: "wait" })).id
      const failed = (yield* operations.startKind("count", { name: "f", ticks: 1, last: "fail" })).id
      const done = (yield* operations.startKind("count", { name: "d", ticks: 1 })).id
      const training = { symbols: [symbol], timeframes: ["1h"], strategy_name: "held" } as const
      const trained = (yield* client.derived.trainings.start({ payload: training })).task_id
      for (const id of [failed, done, trained]) yield* operations.await(id)
      const all = operationsOf(document).filter(
        ({ operation }) => operation.operationId !== "operations.events",
      )
      expect(all.map(({ operation }) => operation.operationId).sort()).toEqual(Object.keys(calls).sort())
      for (const { method, operation, path } of all) {
        const place = `${method} ${path}`
        const [value, response] = yield* calls[operation.operationId]!(client.derived, {
          running,
          failed,
          done,
          trained,
        })
        expect([place, value]).toEqual([place, expect.anything()])
        const declared = operation.responses[String(response.status)]
        expect([place, response.status, declared]).toEqual([place, response.status, expect.anything()])
        const schema = declared?.content?.["application/json"]?.schema ?? false
        const body: unknown = yield* response.json
        expect([place, JsonSchema.differences(document, schema, body)]).toEqual([place, []])
      }
      const last = yield* Stream.runLast(client.operations.changes(done))
      expect(last).toMatchObject({ value: { status: "completed" } })
    }),
  )

  it.scopedLive("has error bodies as it says", () =>
    Effect.gen(function* () {
      const { url } = yield* withClient()
      const document = (yield* call(`${url}/openapi.json`)).body as JsonSchema.Document
      const schema = { $ref: "#/components/schemas/ErrorBody" }
      for (const path of [
        "/nope",
        "/api/v1/operations/x",
        "/api/v1/operations?limit=x&y=1",
        "/api/v1/data/A/7h",
      ]) {
        const { body, status } = yield* call(`${url}${path}`)
        expect(status).toBeGreaterThan(399)
        expect([path, JsonSchema.differences(document, schema, body)]).toEqual([path, []])
      }
      const wrong = { success: true, error: {}, detail: [{ type: 1 }] }
      expect(JsonSchema.differences(document, schema, wrong).length).toBeGreaterThan(2)
    }),
  )
})

describe("the page to try it", () => {
  it.scopedLive("needs nothing from elsewhere, and its policy allows what it has", () =>
    Effect.gen(function* () {
      const { url } = yield* withClient()
      const page = yield* call(`${url}/docs`)
      expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8")
      expect((yield* call(`${url}/api/v1/docs`)).text).toBe(page.text)
      expect(page.text).not.toMatch(/https?:\/\/|src=|@import|url\(/)
      const { createHash } = yield* Effect.promise(() => import("node:crypto"))
      const policy = page.headers.get("content-security-policy") ?? ""
      for (const element of ["script", "style"]) {
        const inner = new RegExp(`<${element}>([\\s\\S]*)</${element}>`).exec(page.text)?.[1] ?? ""
        expect(policy).toContain(createHash("sha256").update(inner).digest("base64"))
        if (element === "script") expect(() => new Function(inner.replace("load();\n", ""))).not.toThrow()
      }
      expect((yield* call(url)).body).toEqual({
        message: "The ktrdr API is running. Visit /docs for documentation",
      })
      const metrics = yield* call(`${url}/metrics`)
      expect(metrics.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8")
      expect(metrics.text).toMatch(/^# TYPE \w+ gauge$/m)
    }),
  )
})
