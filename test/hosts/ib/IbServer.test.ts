import * as Http from "node:http"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Candle from "../../../src/data/Candle.js"
import * as CandleSource from "../../../src/data/CandleSource.js"
import { DataError } from "../../../src/data/DataError.js"
import * as SimulatedMarket from "../../../src/hosts/ib/SimulatedMarket.js"
import { adapter, ask, serve, symbol } from "./Hosts.js"

const call = (url: string, init: RequestInit = {}) =>
  Effect.promise(async () => {
    const response = await fetch(url, { redirect: "manual", ...init })
    const text = await response.text()
    const body = (text === "" ? undefined : JSON.parse(text)) as Record<string, unknown>
    return { status: response.status, headers: response.headers, body }
  })

const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  call(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  })

const hours = {
  symbol: "AAPL",
  timeframe: "1h",
  start: "2024-01-02T14:30:00+00:00",
  end: "2024-01-03T14:30:00+00:00",
  instrument_type: null,
}

const bars = (answer: { readonly body: Record<string, unknown> }) =>
  JSON.parse(String(answer.body["data"])) as Record<string, Record<string, number>>

/** A source whose fetch does as it is told. */
const failing = (fetch: CandleSource.Service["fetch"]) =>
  Layer.succeed(CandleSource.CandleSource, { ...SimulatedMarket.make({ seed: 7 }), fetch })

describe("IbServer", () => {
  it.scopedLive("serves bars as text that holds JSON", () =>
    Effect.gen(function* () {
      const base = yield* serve()
      const answer = yield* post(`${base}/data/historical`, hours)
      expect(answer.status).toBe(200)
      const { data, ...rest } = answer.body
      expect(rest).toEqual({
        success: true,
        error: null,
        rows: 7,
        error_code: null,
        retry_after_seconds: null,
      })
      const market = SimulatedMarket.make({ seed: 7 })
      const wanted = yield* market.fetch(ask("AAPL", "1h", hours.start, hours.end))
      expect(String(data).startsWith('{"2024-01-02T14:30:00.000Z":{"open":')).toBe(true)
      expect(bars(answer)).toEqual(
        Object.fromEntries(
          Candle.toRows(wanted).map(({ start, ...prices }) => [new Date(start).toISOString(), prices]),
        ),
      )
      const extended = yield* post(`${base}/data/historical`, { ...hours, session: "extended" })
      expect(Object.keys(bars(extended)).length).toBeGreaterThan(7)
      const long = { ...hours, timeframe: "1m", start: "2022-10-01T00:00:00Z", end: "2023-01-01T00:00:00Z" }
      const minutes = yield* post(`${base}/data/historical`, long)
      const wholly = yield* market.fetch(ask("AAPL", "1m", long.start, long.end))
      expect(minutes.body["rows"]).toBe(Candle.size(wholly))
      expect(Candle.size(wholly)).toBeGreaterThan(20_000)
      expect(Object.values(bars(minutes)).map(({ close }) => close)).toEqual(Array.from(wholly.close))
      const forex = yield* post(`${base}/data/historical`, { ...hours, symbol: "EURUSD" })
      expect(new Set(Object.values(bars(forex)).map(({ volume }) => volume))).toEqual(new Set([-1]))
    }),
  )

  it.scopedLive("says what it does not serve", () =>
    Effect.gen(function* () {
      const base = yield* serve()
      const refused = (changes: object) =>
        Effect.map(post(`${base}/data/historical`, { ...hours, ...changes }), ({ status, body }) => {
          expect([status, body["data"], body["rows"]]).toEqual([200, null, null])
          return `${String(body["error_code"])}: ${String(body["error"])}`
        })
      expect(yield* refused({ symbol: "APPL" })).toBe(
        "UnknownSymbol: Symbol validation failed: Symbol APPL not found. Did you mean AAPL?",
      )
      expect(yield* refused({ symbol: "../etc" })).toBe(
        "UnknownSymbol: Symbol validation failed: Symbol ../etc not found",
      )
      expect(yield* refused({ timeframe: "7h" })).toMatch(
        /^InvalidInput: timeframe: expected one of 1s .*"7h"/,
      )
      expect(yield* refused({ start: "2024-01-02T14:30:00" })).toMatch(/^InvalidInput: start: .*offset/)
      expect(yield* refused({ start: "1970-01-02T00:00:00Z", end: "1980-01-02T00:00:00Z" })).toBe(
        "NoData: Data not available before 1980-12-12T14:30:00+00:00. " +
          "Requested start: 1970-01-02T00:00:00+00:00. Head timestamp: 1980-12-12T14:30:00+00:00",
      )
      expect(yield* refused({ timeframe: "1m", start: "1990-01-01T00:00:00Z" })).toMatch(
        /^Refused: .*in parts/,
      )
      const empty = yield* post(`${base}/data/historical`, { ...hours, end: hours.start })
      expect(empty.body).toMatchObject({ success: true, data: "{}", rows: 0 })
      const session = yield* post(`${base}/data/historical`, { ...hours, session: "night" })
      expect([session.status, session.body]).toEqual([
        422,
        {
          detail: [
            {
              type: "literal_error",
              loc: ["body", "session"],
              msg: "Input should be 'regular' or 'extended'",
              input: "night",
              ctx: { expected: "'regular' or 'extended'" },
            },
          ],
        },
      ])
    }),
  )

  it.scopedLive("tells what it knows of a symbol, with the allowed keys only", () =>
    Effect.gen(function* () {
      const base = yield* serve()
      const answer = yield* post(`${base}/data/validate`, {
        symbol: "EUR/USD",
        timeframes: ["1h", "1d", "7h"],
      })
      expect(answer.body).toMatchObject({
        success: true,
        is_valid: true,
        contract_info: { symbol: "EUR", asset_type: "CASH", exchange: "IDEALPRO", currency: "USD" },
        head_timestamps: { "1h": "2005-03-09T22:15:00+00:00", "1d": "2005-03-10T00:00:00+00:00", "7h": null },
        last_timestamp: null,
      })
      const contract = answer.body["contract_info"] as Record<string, Record<string, unknown>>
      expect(Object.keys(contract).sort()).toEqual(
        (
          "asset_type contract currency description exchange head_timestamp head_timestamp_fetched_at " +
          "head_timestamp_timeframes symbol trading_hours validated_at"
        ).split(" "),
      )
      expect(contract["head_timestamp_timeframes"]).toHaveProperty("default", "2005-03-09T22:15:00+00:00")
      const stock = yield* call(`${base}/data/symbol-info/AAPL`)
      const info = stock.body["contract_info"] as Record<string, unknown>
      expect(info["trading_hours"]).toEqual({
        timezone: "America/New_York",
        regular_hours: { start: "09:30", end: "16:00", name: "Regular" },
        extended_hours: [{ start: "04:00", end: "20:00", name: "Extended" }],
        trading_days: [0, 1, 2, 3, 4],
        holidays: [],
      })
      const market = SimulatedMarket.make({ seed: 7 })
      const archive = Layer.succeed(CandleSource.CandleSource, {
        ...market,
        validate: (symbol, timeframe) =>
          Effect.map(market.validate(symbol, timeframe), (listing) => ({
            ...listing,
            last: Date.parse("2020-04-17"),
          })),
      })
      const old = yield* serve({}, archive)
      const archived = yield* call(`${old}/data/symbol-info/SPX`)
      expect(archived.body["last_timestamp"]).toBe("2020-04-17T00:00:00+00:00")
      expect((yield* (yield* adapter({ baseUrl: old })).validate(symbol("SPX"), "1d")).last).toBe(
        Date.parse("2020-04-17"),
      )
      const head = yield* call(`${base}/data/head-timestamp?symbol=AAPL&timeframe=1d&instrument_type=`)
      expect(head.body["timestamp"]).toBe("1980-12-12T00:00:00+00:00")
    }),
  )

  it.scopedLive("passes its source's failures on with their reason and wait", () =>
    Effect.gen(function* () {
      const details = { place: "AAPL 1h", expected: "bars", found: "too many requests", advice: "Wait" }
      const source = failing(() =>
        Effect.fail(new DataError({ reason: "Pacing", ...details, retryAfterMillis: 12_300 })),
      )
      const base = yield* serve({}, source)
      const paced = yield* post(`${base}/data/historical`, hours)
      expect(paced.body).toMatchObject({ success: false, error_code: "Pacing", retry_after_seconds: 13 })
      expect(paced.body["error"]).toMatch(/pacing violation/)
      const broken = yield* serve(
        {},
        failing(() => Effect.die("boom")),
      )
      expect(yield* post(`${broken}/data/historical`, hours)).toMatchObject({
        status: 500,
        body: { detail: "Internal Server Error" },
      })
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
  )

  it.scopedLive("counts truly", () =>
    Effect.gen(function* () {
      const reached = yield* Deferred.make<void>()
      const source = failing(() => Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never))
      const base = yield* serve({}, source)
      yield* call(`${base}/data/head-timestamp?symbol=AAPL&timeframe=1h`)
      yield* post(`${base}/data/historical`, { ...hours, symbol: "NOSUCH" })
      yield* post(`${base}/data/validate`, {})
      const aborted = new AbortController()
      const hanging = yield* Effect.fork(
        Effect.promise(() =>
          fetch(`${base}/data/historical`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify(hours),
            signal: aborted.signal,
          }).then(
            () => "answered",
            () => "aborted",
          ),
        ),
      )
      yield* Deferred.await(reached)
      const during = yield* call(`${base}/health/detailed`)
      expect(during.body).toMatchObject({
        ib_gateway_connected: true,
        active_connections: 1,
        total_requests: 4,
        error_count: 2,
        last_error: "POST /data/validate: status 422",
      })
      expect(during.body["uptime_seconds"]).toBeGreaterThan(0)
      aborted.abort()
      expect(yield* Fiber.join(hanging)).toBe("aborted")
      const idle = Effect.flatMap(call(`${base}/health/detailed`), ({ body }) =>
        body["active_connections"] === 0 ? Effect.void : Effect.fail("busy"),
      )
      yield* Effect.retry(idle, Schedule.intersect(Schedule.spaced("5 millis"), Schedule.recurs(200)))
    }),
  )

  it.scopedLive("has manners: request ids, compression, limits, unknown paths, its own description", () =>
    Effect.gen(function* () {
      const base = yield* serve()
      const day = { ...hours, timeframe: "1m" }
      const named = yield* post(`${base}/data/historical`, day, {
        "x-request-id": "a-1",
        "accept-encoding": "gzip",
      })
      expect(named.headers.get("x-request-id")).toBe("a-1")
      expect(named.headers.get("content-encoding")).toBe("gzip")
      const plain = yield* post(`${base}/data/historical`, day, { "accept-encoding": "identity, gzip;q=0" })
      expect(plain.headers.get("content-encoding")).toBe(null)
      expect(named.body).toEqual(plain.body)
      const short = yield* call(`${base}/health`, { headers: { "accept-encoding": "gzip" } })
      expect(short.headers.get("content-encoding")).toBe(null)

      const large = yield* post(`${base}/data/validate`, { symbol: "A".repeat(1024 * 1024) })
      expect(large.status).toBe(413)
      expect(large.body).toEqual({ detail: "Request body larger than 1048576 bytes" })
      const unmeasured = (pieces: number, piece: string) =>
        Effect.promise(async () => {
          let left = pieces
          const body = new ReadableStream({
            pull: (controller) => {
              if (left-- > 0) controller.enqueue(new TextEncoder().encode(piece))
              else controller.close()
            },
          })
          const headers = { "content-type": "application/json" }
          const init = { method: "POST", headers, body, duplex: "half" } as RequestInit
          return (await fetch(`${base}/data/validate`, init)).status
        })
      expect(yield* unmeasured(40, " ".repeat(65_536))).toBe(413)
      expect(yield* unmeasured(1, JSON.stringify({ symbol: "AAPL" }))).toBe(200)

      const unknown = yield* call(`${base}/data/nope`, { headers: { "x-request-id": "b" } })
      expect([unknown.status, unknown.body, unknown.headers.get("x-request-id")]).toEqual([
        404,
        { detail: "Not Found" },
        "b",
      ])
      const wrong = yield* call(`${base}/data/validate`)
      expect([wrong.status, wrong.body, wrong.headers.get("allow")]).toEqual([
        405,
        { detail: "Method Not Allowed" },
        "POST",
      ])
      const slash = yield* post(`${base}/data/validate/?a=1`, { symbol: "AAPL" })
      expect([slash.status, slash.headers.get("location")]).toEqual([307, `${base}/data/validate?a=1`])
      expect((yield* call(`${base}/data/symbol-info/%E0%A4%A`)).status).toBe(404)
      expect((yield* call(`${base}/data/symbol-info/BRK%2FB`)).body).toMatchObject({ is_valid: true })

      const spec = yield* call(`${base}/openapi.json`)
      const paths = spec.body["paths"] as object
      expect(Object.keys(paths)).toContain("/data/symbol-info/{symbol}")
      expect(Object.keys(paths)).toContain("/data/historical")
    }),
  )

  it.scopedLive("asks for its token, on every route, and takes nothing from pages", () =>
    Effect.gen(function* () {
      const base = yield* serve({ token: Redacted.make("s3cret") })
      const asked = (headers: Readonly<Record<string, string>>) =>
        Effect.promise(async () => (await fetch(`${base}/health`, { headers })).status)
      expect(yield* asked({})).toBe(401)
      expect(yield* asked({ authorization: "Bearer s3cre" })).toBe(401)
      expect(yield* asked({ authorization: "bearer s3cret" })).toBe(200)
      expect(yield* asked({ authorization: "Bearer s3cret", origin: base })).toBe(403)
    }),
  )

  it.live("ends within bounds though a request hangs, and answers it", () =>
    Effect.gen(function* () {
      const reached = yield* Deferred.make<void>()
      const source = failing(() => Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never))
      const scope = yield* Scope.make()
      const base = yield* Scope.extend(serve({}, source), scope)
      const hanging = yield* Effect.fork(
        Effect.promise(async () => {
          const agent = new Http.Agent({ keepAlive: true })
          return new Promise<number>((resolve, reject) => {
            const headers = { "content-type": "application/json" }
            const request = Http.request(
              `${base}/data/historical`,
              { agent, method: "POST", headers },
              (answer) => {
                answer.resume()
                resolve(answer.statusCode ?? 0)
              },
            )
            request.on("error", reject)
            request.end(JSON.stringify(hours))
          })
        }),
      )
      yield* Deferred.await(reached)
      const closed = yield* Effect.timed(Effect.timeout(Scope.close(scope, Exit.void), "4 seconds"))
      expect(yield* Fiber.join(hanging)).toBe(503)
      expect(Duration.toMillis(closed[0])).toBeLessThan(3000)
    }),
  )
})
