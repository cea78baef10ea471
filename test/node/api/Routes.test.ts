import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Candle from "../../../src/data/Candle.js"
import * as Symbol from "../../../src/data/Symbol.js"
import { send, until, withClient } from "./Served.js"

const span = { start_date: "2024-01-02", end_date: "2024-02-01" }
const aapl = { symbol: Symbol.Symbol.make("AAPL"), timeframe: "1d", session: "regular" } as const

describe("the API", () => {
  it.scopedLive("health, the lists of symbols and timeframes, and what a load brings", () =>
    Effect.gen(function* () {
      const { api, client } = yield* withClient()
      const health = yield* send("GET", `${api}/health`)
      expect(health.body).toEqual({ status: "ok", version: expect.stringMatching(/^\d+\.\d+\.\d+$/) })
      expect(yield* client.health).toEqual(health.body)
      expect((yield* send("GET", `${api}/symbols`)).body).toEqual({ success: true, data: [], error: null })
      const timeframes = yield* send("GET", `${api}/timeframes`)
      expect(timeframes.body.data).toContainEqual({
        id: "15m",
        name: "15 Minutes",
        description: "Fifteen-minute interval data",
      })
      expect((yield* client.derived.data.timeframes({})).data).toEqual(timeframes.body.data)

      const request = { symbol: "aapl", timeframe: "1d", mode: "full", ...span }
      const loaded = yield* send("POST", `${api}/data/load`, request)
      expect([loaded.status, loaded.body]).toEqual([
        200,
        {
          success: true,
          data: {
            status: "success",
            operation_id: expect.stringMatching(/^op_data_load_\d{8}_\d{6}_[0-9a-f]{8}$/),
            fetched_bars: 22,
            cached_before: false,
            merged_file: "",
            gaps_analyzed: 0,
            segments_fetched: 1,
            ib_requests_made: expect.any(Number),
            execution_time_seconds: expect.any(Number),
            error_message: null,
          },
          error: null,
        },
      ])
      const again = yield* client.derived.data.load({
        payload: { symbol: aapl.symbol, timeframe: "1d" },
        urlParams: {},
      })
      expect(again.data).toMatchObject({ status: "success", fetched_bars: 0, cached_before: true })

      expect((yield* send("GET", `${api}/symbols`)).body.data).toEqual([
        {
          symbol: "AAPL",
          name: expect.any(String),
          type: "stock",
          exchange: "XNYS",
          currency: "USD",
          available_timeframes: ["1d"],
          trading_hours: null,
        },
      ])
      expect(yield* client.data.symbols).toHaveLength(1)
      const range = yield* send("POST", `${api}/data/range`, { symbol: "AAPL", timeframe: "1d" })
      expect(range.body.data).toEqual({
        symbol: "AAPL",
        timeframe: "1d",
        start_date: "2024-01-02T00:00:00Z",
        end_date: "2024-02-01T00:00:00Z",
        point_count: 22,
      })
      const ranged = yield* client.derived.data.range({ payload: { symbol: "AAPL", timeframe: "1d" } })
      expect(ranged.data).toEqual(range.body.data)
    }),
  )

  it.scopedLive("bars, whole and in parts, as the store has them", () =>
    Effect.gen(function* () {
      const { api, client, manager } = yield* withClient()
      const request = { symbol: "AAPL", timeframe: "1d", mode: "full", ...span }
      yield* send("POST", `${api}/data/load`, request)
      const stored = yield* manager.show(aapl)
      const all = yield* send("GET", `${api}/data/AAPL/1d`)
      expect(all.headers.get("content-type")).toBe("application/json")
      expect(all.body.data.dates.slice(0, 2)).toEqual(["2024-01-02T00:00:00", "2024-01-03T00:00:00"])
      expect(all.body.data.ohlcv).toEqual(
        Candle.toRows(stored).map(({ open, high, low, close, volume }) => [open, high, low, close, volume]),
      )
      expect(all.body.data.points).toBe(null)
      expect(all.body.data.metadata).toEqual({
        symbol: "AAPL",
        timeframe: "1d",
        start_date: "2024-01-02T00:00:00+00:00",
        end_date: "2024-02-01T00:00:00+00:00",
        point_count: 22,
      })
      expect(yield* client.data.show(aapl)).toEqual(stored)
      const last = yield* client.data.show(aapl, { limit: 3 })
      expect(last).toEqual(Candle.slice(stored, 19, 22))
      const [from, to] = [Date.parse("2024-01-08"), Date.parse("2024-01-10")]
      expect(yield* client.data.show(aapl, { start: from, end: to })).toEqual(Candle.slice(stored, 4, 6))
      const included = yield* send("GET", `${api}/data/aapl/1d?start_date=2024-01-08&end_date=2024-01-10`)
      expect(included.body.data.dates).toHaveLength(3)
      const first = yield* send("GET", `${api}/data/AAPL/1d?limit=2&trading_hours_only=true`)
      expect(first.body.data.dates).toEqual(["2024-01-02T00:00:00", "2024-01-03T00:00:00"])
      const none = yield* send("GET", `${api}/data/NOSUCH/1h`)
      expect([none.status, none.body]).toEqual([
        200,
        {
          success: true,
          data: {
            dates: [],
            ohlcv: [],
            points: null,
            metadata: { symbol: "NOSUCH", timeframe: "1h", start: "", end: "", points: 0 },
          },
          error: null,
        },
      ])
    }),
  )

  it.scopedLive("leaves out bars outside the sessions where trading hours are asked for", () =>
    Effect.gen(function* () {
      const { api, manager } = yield* withClient()
      const row = { open: 1, high: 2, low: 1, close: 2, volume: null }
      const days = ["2024-01-05", "2024-01-06", "2024-01-08"].map((date) => ({
        start: Date.parse(date),
        ...row,
      }))
      yield* manager.importCandles(aapl, Candle.fromRows(days))
      const all = yield* send("GET", `${api}/data/AAPL/1d`)
      expect(all.body.data.ohlcv).toEqual([1, 2, 3].map(() => [1, 2, 1, 2, null]))
      const inside = yield* send("GET", `${api}/data/AAPL/1d?trading_hours_only=true`)
      expect(inside.body.data.dates).toEqual(["2024-01-05T00:00:00", "2024-01-08T00:00:00"])
    }),
  )

  it.scopedLive("coverage and quality are those of the manager", () =>
    Effect.gen(function* () {
      const { api, client, manager } = yield* withClient()
      const row = { open: 1, high: 2, low: 1, close: 2, volume: 1 }
      const days = ["2024-01-05", "2024-01-06", "2024-01-10"].map((date) => ({
        start: Date.parse(date),
        ...row,
      }))
      yield* manager.importCandles(aapl, Candle.fromRows(days))
      const coverage = yield* send("GET", `${api}/data/AAPL/1d/coverage`)
      expect(coverage.body.data).toMatchObject({
        symbol: "AAPL",
        venue: "XNYS",
        expected: 4,
        present: 2,
        pending: 2,
        unexpected: 1,
        missing: [{ start: "2024-01-08T00:00:00.000Z", end: "2024-01-10T00:00:00.000Z" }],
      })
      const report = yield* manager.coverage(aapl)
      expect(yield* client.data.coverage(aapl)).toMatchObject({
        ...report.range,
        missing: report.missing,
        unexpected: 1,
      })
      const quality = yield* send("GET", `${api}/data/AAPL/1d/quality`)
      const checked = yield* manager.check(aapl)
      expect(quality.body.data.issues).toEqual(checked.issues)
      expect((yield* client.data.quality(aapl)).issues).toEqual(checked.issues)
      const unknown = yield* send("GET", `${api}/data/NOSUCH/1d/quality`)
      expect([unknown.status, unknown.body.detail]).toEqual([404, "Data not found for NOSUCH (1d)"])
      const failed = yield* Effect.either(
        client.data.coverage({ ...aapl, symbol: Symbol.Symbol.make("NOSUCH") }),
      )
      expect(failed).toMatchObject(Either.left({ _tag: "DataError", reason: "NotFound" }))
    }),
  )

  it.scopedLive("an operation is started, listed, looked at, cancelled and tried again", () =>
    Effect.gen(function* () {
      const { api, client, operations } = yield* withClient({ settings: { host: "elsewhere" } })
      const payload = { name: "a", ticks: 2, last: "wait" }
      const started = yield* send("POST", `${api}/operations/count`, payload)
      expect(started.status).toBe(202)
      const id: string = started.body.data.operation_id
      yield* until(Effect.map(operations.list(), (page) => page.operations[0]?.message === "Counting a: 2"))
      const seen = yield* send("GET", `${api}/operations/${id}`)
      expect(seen.body).toEqual({
        success: true,
        data: {
          operation_id: id,
          parent_operation_id: null,
          operation_type: "count",
          status: "running",
          created_at: expect.stringMatching(/^\d{4}-.*Z$/),
          started_at: expect.stringMatching(/^\d{4}-.*Z$/),
          completed_at: null,
          progress: {
            percentage: expect.any(Number),
            current_step: "Counting a: 2",
            steps_completed: 0,
            steps_total: 0,
            items_processed: 2,
            items_total: 2,
            current_item: "count",
            context: { name: "a" },
          },
          metadata: {
            symbol: "N/A",
            timeframe: "N/A",
            mode: "N/A",
            start_date: null,
            end_date: null,
            parameters: expect.objectContaining({ state: "running", payload: { ...payload, millis: 0 } }),
          },
          error_message: null,
          warnings: [],
          errors: [],
          result_summary: null,
        },
      })
      expect(yield* client.operations.get(id)).toEqual(yield* operations.get(id))

      const list = yield* send("GET", `${api}/operations`)
      expect(list.body).toMatchObject({ success: true, total_count: 1, active_count: 1 })
      expect(list.body.data[0]).toMatchObject({
        operation_id: id,
        operation_type: "count",
        status: "running",
        current_step: "Counting a: 2",
        symbol: "N/A",
        duration_seconds: expect.any(Number),
      })
      const wrong = yield* send("POST", `${api}/operations/${id}/retry`)
      expect([wrong.status, wrong.body.detail]).toEqual([
        400,
        `Operation ${id} cannot be retried (status: running)`,
      ])
      const early = yield* send("GET", `${api}/operations/${id}/results`)
      expect(early.status).toBe(400)

      const cancelled = yield* send("DELETE", `${api}/operations/${id}`, { reason: "enough", force: "True" })
      expect(cancelled.body).toEqual({
        success: true,
        data: {
          success: true,
          operation_id: id,
          status: "cancelled",
          cancelled_at: expect.stringMatching(/Z$/),
          cancellation_reason: "enough",
          task_cancelled: true,
          training_session_cancelled: false,
        },
      })
      const late = yield* send("DELETE", `${api}/operations/${id}`)
      expect([late.status, late.body.detail, late.body.error.code]).toEqual([
        400,
        `Operation ${id} cannot be cancelled (status: cancelled)`,
        "OPERATION-Finished",
      ])
      const tooLate = yield* Effect.either(client.operations.cancel(id))
      expect(tooLate).toMatchObject(Either.left({ _tag: "OperationError", reason: "Finished", place: id }))
      const results = yield* send("GET", `${api}/operations/${id}/results`)
      expect(results.body.data).toEqual({
        operation_id: id,
        operation_type: "count",
        status: "cancelled",
        results: null,
      })

      const retried = yield* client.operations.retry(id)
      expect(retried).toMatchObject({ resumedFrom: id, attempt: 2, settings: { host: "elsewhere" } })
      const conflict = yield* send("POST", `${api}/operations/${id}/resume`)
      expect([conflict.status, conflict.body.error.code]).toEqual([409, "OPERATION-Superseded"])
      const twice = yield* client.operations.cancel(retried.id, { reason: "both" })
      expect(twice).toMatchObject({ isFirst: true, record: { status: "cancelled" } })
      const resumed = yield* send("POST", `${api}/operations/${id}/resume`)
      expect(resumed.status).toBe(200)
      const without = yield* send("DELETE", `${api}/operations/${resumed.body.data.operation_id}`)
      expect(without.body.data).toMatchObject({ status: "cancelled", cancellation_reason: null })
    }),
  )

  it.scopedLive("lists by status, kind and part, and says what a client needs to know of each", () =>
    Effect.gen(function* () {
      const { api, client, operations } = yield* withClient()
      const done = yield* client.operations.start("count", { name: "done", ticks: 1 })
      yield* operations.await(done.id)
      const failed = yield* client.operations.start("count", { name: "failed", ticks: 1, last: "fail" })
      yield* operations.await(failed.id)
      const running = yield* client.operations.start("count", { name: "running", ticks: 0, last: "wait" })
      const part = yield* operations.startKind(
        "count",
        { name: "part", ticks: 0, last: "wait" },
        { parent: running.id },
      )
      const ids = (query: string) =>
        Effect.map(send("GET", `${api}/operations?${query}`), ({ body }) =>
          body.data.map((one: { readonly operation_id: string }) => one.operation_id),
        )
      expect(yield* ids("status=completed")).toEqual([done.id])
      expect(yield* ids("status=failed&operation_type=count")).toEqual([failed.id])
      expect(new Set(yield* ids("active_only=true"))).toEqual(new Set([running.id, part.id]))
      expect(yield* ids("active_only=1&status=failed")).toEqual([])
      expect(yield* ids("limit=1&offset=3")).toEqual([done.id])
      expect(yield* ids("operation_type=data_load")).toEqual([])
      const unknown = yield* send("GET", `${api}/operations?operation_type=nosuch`)
      expect([unknown.status, unknown.body.detail[0].type]).toEqual([422, "enum"])

      for (const query of [
        {},
        { limit: 2, offset: 1 },
        { statuses: ["failed", "completed"] as const },
        { statuses: ["pending", "running", "cancelling"] as const },
        { statuses: ["pending", "running", "cancelling", "failed"] as const, limit: 2 },
        { kind: "count", statuses: ["running"] as const },
        { parent: running.id },
      ]) {
        const page = yield* client.operations.list(query)
        const here = yield* operations.list(query)
        expect(page.operations.map(({ id }) => id)).toEqual(here.operations.map(({ id }) => id))
        expect(page.total).toBe(here.total)
      }
      const told = (yield* client.operations.list()).operations
      expect((yield* operations.list()).operations).toMatchObject(told)

      const children = yield* send("GET", `${api}/operations/${running.id}/children`)
      expect(children.body).toMatchObject({ success: true, total_count: 1, active_count: 1 })
      expect((yield* client.operations.children(running.id)).operations[0]).toMatchObject({
        id: part.id,
        parent: running.id,
      })
      const results = yield* send("GET", `${api}/operations/${done.id}/results`)
      expect(results.body.data).toMatchObject({ status: "completed", results: { counted: 1 } })
      expect(yield* client.operations.get(done.id)).toEqual(yield* operations.get(done.id))
      const seen = yield* send("GET", `${api}/operations/${failed.id}`)
      expect(seen.body.data).toMatchObject({
        status: "failed",
        error_message: expect.stringContaining("told to fail"),
        errors: [expect.stringContaining("told to fail")],
      })
      expect((yield* client.derived.operations.results({ path: { id: done.id } })).data.results).toEqual({
        counted: 1,
      })
    }),
  )

  it.scopedLive("metrics go on behind a cursor", () =>
    Effect.gen(function* () {
      const { api, client, operations } = yield* withClient()
      const { id } = yield* client.operations.start("count", {
        name: "m",
        ticks: 5,
        millis: 150,
        last: "wait",
      })
      yield* until(Effect.map(operations.get(id), ({ sequence }) => sequence >= 2))
      const first = yield* send("GET", `${api}/operations/${id}/metrics`)
      expect(first.body.data.metrics[0]).toMatchObject({
        sequence: 1,
        status: "running",
        percentage: expect.any(Number),
        items_total: 5,
        context: { name: "m" },
      })
      const { cursor } = first.body.data
      expect(cursor).toBe(first.body.data.metrics.at(-1).sequence)
      yield* until(Effect.map(operations.get(id), ({ sequence }) => sequence > cursor))
      const next = yield* client.derived.operations.metrics({ path: { id }, urlParams: { cursor } })
      expect(next.data.metrics[0]?.sequence).toBe(cursor + 1)
      const after = { path: { id }, urlParams: { cursor: 1_000_000 } }
      expect((yield* client.derived.operations.metrics(after)).data).toMatchObject({
        metrics: [],
        cursor: 1_000_000,
      })
    }),
  )

  it.scopedLive("a load that nobody waits for any more is cancelled, one that was only started goes on", () =>
    Effect.gen(function* () {
      const { api, operations } = yield* withClient()
      const asked = yield* send("POST", `${api}/data/load?async_mode=true`, {
        symbol: "MSFT",
        timeframe: "1d",
        mode: "full",
        ...span,
      })
      expect(asked.body.data).toMatchObject({
        status: "started",
        fetched_bars: 0,
        segments_fetched: 0,
        error_message: null,
      })
      const ended = yield* operations.await(asked.body.data.operation_id)
      expect(ended).toMatchObject({ status: "completed", result: { fetched: 22 } })
    }),
  )
})
