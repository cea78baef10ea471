import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Candle from "../../../src/data/Candle.js"
import * as CandleSource from "../../../src/data/CandleSource.js"
import { isTransient } from "../../../src/data/DataError.js"
import * as FaultScript from "../../../src/hosts/ib/FaultScript.js"
import * as IbCandleSource from "../../../src/hosts/ib/IbCandleSource.js"
import * as IbPacing from "../../../src/hosts/ib/IbPacing.js"
import * as SimulatedMarket from "../../../src/hosts/ib/SimulatedMarket.js"
import * as FakeHost from "../../utils/FakeHost.js"
import { Turnwise } from "../../utils/Turnwise.js"
import { adapter, ask, at, serve, symbol } from "./Hosts.js"

const day = 86_400_000
const price = { open: 187.1, high: 187.9, low: 186.8, close: 187.4, volume: 1000 }
const hours = ask("AAPL", "1h", "2024-01-02T14:30:00Z", "2024-01-02T20:00:00Z")
const first = "2024-01-02T14:30:00.000Z"
const second = "2024-01-02T15:00:00.000Z"

const answer = (data: unknown, more: object = {}) =>
  FakeHost.json({
    success: true,
    data: typeof data === "string" ? data : JSON.stringify(data),
    error: null,
    rows: typeof data === "string" ? null : Object.keys(data as object).length,
    ...more,
  })
const refusal = (error: string, more: object = {}) =>
  FakeHost.json({ success: false, data: null, error, rows: null, ...more })
const nothing = answer({})

const bar = (hour: number) => `2024-01-02T${hour}:00:00.000Z`
const before = (instant: string) =>
  refusal(`Data not available before ${instant}. Requested start: x. Head timestamp: ${instant}`)

/** A stand-in host, the adapter to it, and what it was asked. */
const stage = Effect.gen(function* () {
  const host = yield* FakeHost.make()
  host.otherwise = () => nothing
  const source = yield* adapter({ baseUrl: host.url, attempts: 3, backoff: "1 millis" })
  return {
    host,
    source,
    asked: () => host.requests.map(({ body }) => JSON.parse(body) as Record<string, unknown>),
  }
})

const starts = (bars: Candle.Candles) => Array.from(bars.start, (start) => new Date(start).toISOString())

describe("IbCandleSource", () => {
  it.scopedLive("asks with stamps that carry an offset, and with the host's instrument types", () =>
    Effect.gen(function* () {
      const { asked, host, source } = yield* stage
      host.script.push(answer({ [first]: price, "2024-01-02T20:00:00.000Z": price }))
      const bars = yield* source.fetch(hours)
      expect(Candle.toRows(bars)).toEqual([{ start: at(first), ...price }])
      const forex = ask("EURUSD", "1h", "2024-01-02T14:30:00.250Z", "2024-01-02T20:00:00Z", "extended")
      yield* source.fetch({ ...forex, instrument: { ...forex.instrument, type: "forex" } })
      expect(asked()).toEqual([
        {
          symbol: "AAPL",
          timeframe: "1h",
          start: "2024-01-02T14:30:00+00:00",
          end: "2024-01-02T20:00:00+00:00",
          instrument_type: "STK",
        },
        {
          symbol: "EURUSD",
          timeframe: "1h",
          start: "2024-01-02T14:30:00.250+00:00",
          end: "2024-01-02T20:00:00+00:00",
          instrument_type: "CASH",
          session: "extended",
        },
      ])
    }),
  )

  it.scopedLive("asks nothing for an empty range", () =>
    Effect.gen(function* () {
      const { host, source } = yield* stage
      expect(Candle.size(yield* source.fetch({ ...hours, range: { start: 5, end: 5 } }))).toBe(0)
      expect(Candle.size(yield* source.fetch({ ...hours, range: { start: 5, end: 4 } }))).toBe(0)
      expect(host.requests.length).toBe(0)
    }),
  )

  it.scopedLive("refuses what cannot be, with the bar's place", () =>
    Effect.gen(function* () {
      const { host, source } = yield* stage
      const bad: ReadonlyArray<readonly [unknown, RegExp]> = [
        ["{broken", /AAPL 1h: expected JSON text of bars/],
        ["[]", /AAPL 1h: expected a JSON object of bars/],
        [{ [second]: price, [first]: price }, /bar 2024-01-02T14:30:00\+00:00: .*rising|bar .*14:30/],
        [`{"${first}":${JSON.stringify(price)},"${first}":${JSON.stringify(price)}}`, /every start once/],
        [{ "2024-01-02T13:30:00.000Z": price }, /bar 2024-01-02T13:30:00\+00:00: expected bars of/],
        [{ "2024-01-02T20:30:00.000Z": price }, /bar 2024-01-02T20:30:00\+00:00: expected bars of/],
        [{ tomorrow: price }, /bar tomorrow: expected an ISO instant/],
        [{ "2024-02-30T14:30:00.000Z": price }, /bar 2024-02-30T14:30:00.000Z: expected an ISO instant/],
        [{ [first]: { ...price, close: null } }, /bar .*14:30.*: expected a number for close, found null/],
        [{ [first]: { ...price, close: "187" } }, /a number for close, found "187"/],
        [{ [first]: { ...price, volume: "1" } }, /a number for volume/],
        [{ [first]: { high: 1, low: 1, close: 1 } }, /a number for open/],
        [{ [first]: 7 }, /an object of prices, found 7/],
        [{ [first]: { ...price, high: 187.2 } }, /bar 2024-01-02T14:30:00\+00:00/],
        [{ [first]: { ...price, low: -1 } }, /bar 2024-01-02T14:30:00\+00:00/],
        [{ [first]: { ...price, volume: -5 } }, /bar 2024-01-02T14:30:00\+00:00/],
        [
          `{"${first}":{"open":1e999,"high":1e999,"low":1,"close":1,"volume":0}}`,
          /bar 2024-01-02T14:30:00\+00:00/,
        ],
      ]
      for (const [data, words] of bad) {
        host.script.push(answer(data))
        const error = yield* Effect.flip(source.fetch(hours))
        expect([data, error.reason]).toEqual([data, "Malformed"])
        expect(error.message).toMatch(words)
      }
      host.script.push(answer({ [first]: price }, { rows: 2 }))
      const miscounted = yield* Effect.flip(source.fetch(hours))
      expect([miscounted.reason, miscounted.found]).toEqual(["Malformed", "1 of them"])
    }),
  )

  it.scopedLive("stamps days with their date and weeks with their Monday", () =>
    Effect.gen(function* () {
      const { host, source } = yield* stage
      host.script.push(
        answer({
          "2024-01-02T05:00:00.000Z": price,
          "2024-01-03T14:30:00": price,
          "2024-01-04T00:00:00Z": price,
        }),
      )
      const days = yield* source.fetch(ask("AAPL", "1d", "2024-01-02", "2024-01-04"))
      expect(starts(days)).toEqual(["2024-01-02T00:00:00.000Z", "2024-01-03T00:00:00.000Z"])
      host.script.push(answer({ "2024-01-05T00:00:00.000Z": { ...price, volume: -1 } }))
      const weeks = yield* source.fetch(ask("AAPL", "1w", "2024-01-01", "2024-01-08"))
      expect(Candle.toRows(weeks)).toEqual([{ start: at("2024-01-01"), ...price, volume: null }])
    }),
  )

  it.scopedLive("asks again for the first bars that an answer lacks, and reports all together", () =>
    Effect.gen(function* () {
      const { asked, host, source } = yield* stage
      host.script.push(
        answer({ [bar(18)]: price, [bar(19)]: price }),
        answer({ [bar(16)]: price, [bar(17)]: price }),
        answer({ [first]: price, [second]: price }),
      )
      const meter = { requests: 0 }
      const bars = yield* source.fetch(hours).pipe(Effect.provideService(CandleSource.RequestMeter, meter))
      expect(starts(bars)).toEqual([first, second, bar(16), bar(17), bar(18), bar(19)])
      expect(asked().map(({ end }) => end)).toEqual([
        "2024-01-02T20:00:00+00:00",
        "2024-01-02T18:00:00+00:00",
        "2024-01-02T16:00:00+00:00",
      ])
      expect(meter.requests).toBe(3)

      host.requests.length = 0
      host.script.push(answer({ [second]: price }))
      expect(starts(yield* source.fetch(hours))).toEqual([second])
      expect(asked().map(({ end }) => end)).toEqual([
        "2024-01-02T20:00:00+00:00",
        "2024-01-02T15:00:00+00:00",
      ])

      let end = at("2024-01-02T20:00:00Z")
      host.otherwise = () => answer({ [new Date((end -= 60_000)).toISOString()]: price })
      host.requests.length = 0
      const error = yield* Effect.flip(source.fetch(hours))
      expect([error.reason, host.requests.length]).toEqual(["Malformed", 16])
    }),
  )

  it.scopedLive("asks for the rest when there is nothing before an instant", () =>
    Effect.gen(function* () {
      const { asked, host, source } = yield* stage
      host.script.push(before("2024-01-02T15:00:00+00:00"), answer({ [second]: price }))
      expect(starts(yield* source.fetch(hours))).toEqual([second])
      expect(asked().map(({ start }) => start)).toEqual([
        "2024-01-02T14:30:00+00:00",
        "2024-01-02T15:00:00+00:00",
      ])
      host.script.push(before("2025-01-02T15:00:00+00:00"))
      expect(Candle.size(yield* source.fetch(hours))).toBe(0)
      expect(host.requests.length).toBe(3)
    }),
  )

  it.scopedLive("tells refusals apart by the host's code, else by their words", () =>
    Effect.gen(function* () {
      const { host, source } = yield* stage
      const told = (error: string, more: object = {}) => {
        host.script.push(refusal(error, more))
        return Effect.map(Effect.either(source.fetch(hours)), (result) =>
          Either.match(result, {
            onLeft: ({ reason, retryAfterMillis, suggestion }) =>
              [reason, retryAfterMillis, suggestion].filter((_) => _ !== undefined).join(" "),
            onRight: (bars) => `${Candle.size(bars)} bars`,
          }),
        )
      }
      const words: ReadonlyArray<readonly [string, string]> = [
        ["Symbol validation failed: Symbol USDJPY not found. Did you mean USD.JPY?", "UnknownSymbol USD.JPY"],
        ["Symbol  not found", "UnknownSymbol"],
        ["Symbol validation failed: Timeout while creating connection", "Unreachable"],
        ["Symbol PACING not found", "UnknownSymbol"],
        ["No data returned for AAPL 1h", "0 bars"],
        ["Error 162: Historical Market Data Service error message: pacing violation", "Pacing 60000"],
        ["Error 100: Max rate of messages per second has been exceeded", "Pacing 60000"],
        ["IB error code 420: Invalid Real-time Query", "Pacing 60000"],
        ["354: Requested market data is not subscribed", "NoPermission"],
        ["Error 10090: Part of requested market data is not subscribed", "NoPermission"],
        ["Error 10197, No market data during competing live session", "NoPermission"],
        ["Error 1100: Connectivity between IB and TWS has been lost", "Unreachable"],
        ["[502] Couldn't connect to TWS", "Unreachable"],
        ["Error 507: Bad Message Length", "Unreachable"],
        ["Timeout while creating connection", "Unreachable"],
        ["can't compare offset-naive and offset-aware datetimes", "Refused"],
        ["no such thing in 354 days", "Refused"],
      ]
      for (const [text, outcome] of words) expect([text, yield* told(text)]).toEqual([text, outcome])
      expect(yield* told("whatever", { error_code: "Pacing", retry_after_seconds: 7 })).toBe("Pacing 7000")
      expect(yield* told("whatever", { error_code: "Timeout" })).toBe("Timeout")
      expect(yield* told("whatever", { error_code: "InvalidInput" })).toBe("Refused")
    }),
  )

  it.scopedLive(
    "retries what a repeat may cure, counts every attempt, and names what failed in the end",
    () =>
      Effect.gen(function* () {
        const { host, source } = yield* stage
        host.script.push(FakeHost.Reply.Reset(), FakeHost.json({}, 503), answer({ [first]: price }))
        const meter = { requests: 0 }
        yield* source.fetch(hours).pipe(Effect.provideService(CandleSource.RequestMeter, meter))
        expect(meter.requests).toBe(3)
        host.otherwise = () => FakeHost.Reply.Reset()
        const reset = yield* Effect.flip(source.fetch(hours))
        expect([reset.reason, isTransient(reset)]).toEqual(["Unreachable", true])
        host.otherwise = () => FakeHost.json({ detail: "slow down" }, 429, { "retry-after": "0" })
        const paced = yield* Effect.flip(source.fetch(hours))
        expect(paced.reason).toBe("Pacing")
        host.otherwise = () => FakeHost.json({ detail: "boom" }, 500)
        expect((yield* Effect.flip(source.fetch(hours))).reason).toBe("Refused")
        host.otherwise = () => FakeHost.Reply.Truncated()
        expect((yield* Effect.flip(source.fetch(hours))).reason).toBe("Malformed")
      }),
  )

  it.scopedLive("closes its connection when it is interrupted", () =>
    Effect.gen(function* () {
      const { host, source } = yield* stage
      host.otherwise = () => FakeHost.Reply.Hang()
      const fiber = yield* Effect.fork(source.fetch(hours))
      yield* host.until(() => host.requests.length === 1)
      yield* Fiber.interrupt(fiber)
      yield* host.until(() => host.requests[0]?.state === "closed")
      expect(host.requests.length).toBe(1)
    }),
  )

  it.scopedLive("does not take KTRDR's daily bars for seconds", () =>
    Effect.gen(function* () {
      const { asked, host, source } = yield* stage
      host.otherwise = () => FakeHost.json({ success: true, is_valid: true, contract_info: null })
      const error = yield* Effect.flip(
        source.fetch(ask("AAPL", "1s", "2024-01-02T14:30:00Z", "2024-01-02T15:00:00Z")),
      )
      expect(error.reason).toBe("Refused")
      expect(error.message).toMatch(/no 1s bars/)
      expect(asked()).toEqual([{ symbol: "AAPL", timeframes: ["1s"] }])
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
  )

  it.scopedLive("finds out once what host it is, however many ask for seconds at once", () =>
    Effect.gen(function* () {
      const { host, source } = yield* stage
      const valid = { success: true, is_valid: true, contract_info: null, error_code: null }
      host.otherwise = ({ url }) => (url.endsWith("/validate") ? FakeHost.json(valid) : nothing)
      const seconds = ask("AAPL", "1s", "2024-01-02T14:30:00Z", "2024-01-02T15:00:00Z")
      yield* Effect.all(
        [1, 2, 3, 4].map(() => source.fetch(seconds)),
        { concurrency: "unbounded" },
      )
      const paths = host.requests.map(({ url }) => url.split("/").at(-1))
      expect(paths).toEqual(["validate", ...Array.from({ length: 4 }, () => "historical")])
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
  )

  it("whoever asks for all what the host is may be interrupted anywhere", () => {
    let posts = 0
    const valid = { success: true, is_valid: true, contract_info: null, error_code: null }
    const post = () =>
      Effect.zipRight(
        Effect.yieldNow(),
        Effect.sync(() => {
          posts++
          return valid
        }),
      )
    const request = ask("AAPL", "1s", "2024-01-02T14:30:00Z", "2024-01-02T15:00:00Z")
    for (let every = 15; every < 60; every++) {
      for (let turn = 0; turn < 12; turn++) {
        const runner = new Turnwise()
        const made = runner.fork(
          Effect.scoped(IbCandleSource.make).pipe(
            Effect.provideService(IbCandleSource.IbHost, { config: { maxOpen: 2 }, post } as never),
            Effect.provideService(IbPacing.PacingMode, "none"),
          ),
        )
        runner.turns()
        const source = Effect.runSync(made.unsafePoll() ?? Effect.dieMessage("no source"))
        const fetch = Effect.ignore(source.fetch(request)).pipe(Logger.withMinimumLogLevel(LogLevel.None))
        runner.interrupted(fetch, every, turn)
        posts = 0
        runner.fork(fetch)
        runner.turns()
        expect(posts, `interrupted after ${turn} turns of ${every} operations`).toBeGreaterThan(0)
      }
    }
  })

  it.scopedLive("lists what ktrdr's own host lists", () =>
    Effect.gen(function* () {
      const source = yield* adapter({ baseUrl: yield* serve() })
      const market = SimulatedMarket.make({ seed: 7 })
      for (const name of ["AAPL", "EURUSD", "EUR.USD", "SPX", "BTC"]) {
        for (const timeframe of ["1m", "1d", "1w"] as const) {
          const found = yield* source.validate(symbol(name), timeframe)
          expect(found).toEqual(yield* market.validate(symbol(name), timeframe))
        }
      }
      const error = yield* Effect.flip(source.validate(symbol("MFST"), "1h"))
      expect([error.reason, error.suggestion]).toEqual(["UnknownSymbol", "MSFT"])
    }),
  )

  it.scopedLive("loads a whole series through every kind of fault", () =>
    Effect.gen(function* () {
      const shares = Either.getOrThrow(FaultScript.parse("all=0.05"))
      const faults = FaultScript.make({ shares, seed: 3, latencyMillis: 20, retryAfterSeconds: 0 })
      const source = yield* adapter({ baseUrl: yield* serve({ faults }), backoff: "1 millis" })
      const request = ask("EURUSD", "5m", "2023-01-02T22:15:00Z", "2023-07-21T22:15:00Z")
      const { start, end } = request.range
      const segments = Array.from({ length: (end - start) / day }, (_, index) => start + index * day)
      const parts = yield* Effect.forEach(
        segments,
        (start) =>
          source
            .fetch({ ...request, range: { start, end: start + day } })
            .pipe(Effect.retry({ while: isTransient, times: 10 })),
        { concurrency: source.concurrency },
      )
      const whole = yield* SimulatedMarket.make({ seed: 7 }).fetch(request)
      const loaded = Candle.concat(parts)
      for (const column of Candle.columns) expect(loaded[column].join()).toBe(whole[column].join())
      expect(Object.entries(faults.counts).filter(([, count]) => count === 0)).toEqual([])
    }),
  )
})
