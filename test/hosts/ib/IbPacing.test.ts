import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as fc from "fast-check"
import * as Candle from "../../../src/data/Candle.js"
import * as CandleSource from "../../../src/data/CandleSource.js"
import * as CandleStore from "../../../src/data/CandleStore.js"
import { DataError } from "../../../src/data/DataError.js"
import * as DataManager from "../../../src/data/DataManager.js"
import * as LoadData from "../../../src/data/LoadData.js"
import * as LoadMany from "../../../src/data/LoadMany.js"
import * as Timeframe from "../../../src/data/Timeframe.js"
import { HostError } from "../../../src/HostError.js"
import * as IbPacing from "../../../src/hosts/ib/IbPacing.js"
import * as IbRules from "../../../src/hosts/ib/IbRules.js"
import type * as Operation from "../../../src/Operation.js"
import * as Pacing from "../../../src/Pacing.js"
import * as PacingLedger from "../../../src/PacingLedger.js"
import * as Progress from "../../../src/Progress.js"
import { violations } from "../../utils/PacingChecker.js"
import * as PublishedRules from "../../utils/PublishedRules.js"
import { VirtualTime } from "../../utils/VirtualTime.js"
import { at, symbol } from "./Hosts.js"

const iso = (millis: number) => new Date(millis).toISOString()

interface Start {
  readonly at: number
  readonly request: IbPacing.Paced
}

/** A source that is paced as the IB host is, has no bars, and takes its time to say so. */
const source = (starts: Array<Start>, lasts: (count: number) => number) =>
  Effect.map(
    IbPacing.make(16),
    ({ gate, plan }): CandleSource.Service => ({
      name: "ib",
      concurrency: 16,
      validate: (symbol) =>
        Effect.succeed({
          instrument: { symbol, type: "stock", venue: "XNYS", currency: "USD" },
          head: at("2024-01-01"),
          last: undefined,
        }),
      fetch: (asked) => {
        const request = IbPacing.historical(asked)
        const answer = Effect.gen(function* () {
          starts.push({ at: yield* Clock.currentTimeMillis, request })
          yield* Effect.sleep(lasts(starts.length))
          return Candle.empty
        })
        return Effect.orDie(gate(request).pass(answer))
      },
      plan,
    }),
  )

/** Between a fifth of a second and nine seconds. */
const uneven = (count: number): number => 200 + ((count * 7919) % 9000)

/** Runs a program that loads from such a source, from 2024-07-04 on, and returns what started when. */
const simulate = <A, E>(
  program: Effect.Effect<
    A,
    E,
    DataManager.DataManager | Operation.Handler<"data_load"> | Operation.Handler<"data_load_many">
  >,
  lasts = uneven,
) => {
  const time = new VirtualTime()
  const began = at("2024-07-04")
  time.shift = began
  const starts: Array<Start> = []
  const system = LoadMany.layer.pipe(
    Layer.provideMerge(LoadData.layer),
    Layer.provideMerge(DataManager.layer),
    Layer.provide(CandleStore.layerMemory),
    Layer.provide(Layer.scoped(CandleSource.CandleSource, source(starts, lasts))),
  )
  const exit = time.run(Effect.provide(program, system))
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
  const after = starts.map(({ at, request }) => ({ at: at - began, request }))
  expect(violations(PublishedRules.limits(PublishedRules.isSmall), after)).toEqual([])
  return { value: exit.value, starts: after, began }
}

const loadOf = (name: string, timeframe: Timeframe.Timeframe, start: string, end: string) =>
  LoadData.Payload.make({ symbol: symbol(name), timeframe, mode: "full", start: at(start), end: at(end) })

describe("the rules", () => {
  const tickTypes = ["TRADES", "MIDPOINT", "BID", "ASK", "BID_ASK"] as const
  const somePaced: fc.Arbitrary<IbPacing.Paced> = fc.record({
    contract: fc.constantFrom("AAPL stock", "EUR.USD forex"),
    bars: fc.option(
      fc.record({
        tickType: fc.constantFrom(...tickTypes),
        timeframe: fc.constantFrom<Timeframe.Timeframe>("1s", "30s", "1m", "1d"),
        session: fc.constantFrom("regular" as const, "extended" as const),
        range: fc.constantFrom({ start: 0, end: 1 }, { start: 1, end: 2 }, { start: 0, end: 2 }),
      }),
      { freq: 9, nil: undefined },
    ),
  })

  it.prop(
    "are those that are published, for small bars alone or for all",
    [
      fc.array(somePaced, { minLength: 1, maxLength: 200 }),
      fc.constantFrom("adaptive" as const, "strict" as const),
    ],
    ([requests, mode]) => {
      const { starts, bounds } = Pacing.plan(IbPacing.rules(mode, 50).windows, requests, 0)
      const isHeld = mode === "strict" ? () => true : PublishedRules.isSmall
      const started = requests.map((request, index) => ({ at: starts[index]!, request }))
      expect(violations(PublishedRules.limits(isHeld), started)).toEqual([])
      const isHard = ({ bars }: IbPacing.Paced) => bars !== undefined && isHeld(bars)
      if (!requests.some(isHard)) {
        expect(Math.max(...starts)).toBe(Math.floor((requests.length - 1) / 50) * 1100)
        expect(bounds.every(({ rule }) => rule === IbRules.pacing.always.messages.name)).toBe(true)
      }
    },
    { fastCheck: { numRuns: 60 } },
  )

  it("let so many through, and not one more", () => {
    const bars = { tickType: "TRADES", timeframe: "1s", session: "regular" } as const
    const of = (count: number, more: (index: number) => object, mode: "strict" | "adaptive" = "adaptive") =>
      Pacing.plan(
        IbPacing.rules(mode, 50).windows,
        Array.from(
          { length: count },
          (_, index): IbPacing.Paced => ({
            contract: "AAPL stock",
            bars: { ...bars, range: { start: index, end: index + 1 }, ...more(index) },
          }),
        ),
        0,
      ).end
    expect(of(5, () => ({}))).toBe(0)
    expect(of(6, () => ({}))).toBe(2100)
    expect(of(10, (index) => ({ tickType: tickTypes[index % 2] }))).toBe(0)
    expect(of(2, () => ({ range: { start: 0, end: 1 } }))).toBe(15_100)
    expect(of(60, (index) => ({ tickType: tickTypes[index % 4] }))).toBeLessThan(7000)
    expect(of(61, (index) => ({ tickType: tickTypes[index % 4] }))).toBe(600_100)
    expect(of(30, () => ({ tickType: "BID_ASK" }))).toBeLessThan(11_000)
    expect(of(31, () => ({ tickType: "BID_ASK" }))).toBe(600_100)
    expect(of(50, () => ({ timeframe: "1m" }))).toBe(0)
    expect(of(51, () => ({ timeframe: "1m" }))).toBe(1100)
    expect(of(61, () => ({ timeframe: "1m" }), "strict")).toBe(600_100)
    expect(of(61, () => ({ timeframe: "30s" }))).toBe(600_100)
  })

  it("hold for the timeframes that they are said to hold for, and have a date", () => {
    expect(Timeframe.all.filter((timeframe) => IbPacing.isHard("adaptive", timeframe))).toEqual([
      "1s",
      "5s",
      "10s",
      "15s",
      "30s",
    ])
    expect(Timeframe.all.every((timeframe) => IbPacing.isHard("strict", timeframe))).toBe(true)
    expect(Timeframe.all.some((timeframe) => IbPacing.isHard("none", timeframe))).toBe(false)
    expect(IbRules.pacing.asOf).toMatch(/^\d{4}-\d{2}-\d{2}$/)
  })
})

const hostError = (reason: HostError["reason"], retryAfterMillis?: number) =>
  new HostError({
    host: "ib",
    method: "POST",
    path: "/data/historical",
    reason,
    attempts: 1,
    expected: "an answer",
    found: reason,
    advice: "Wait",
    ...(retryAfterMillis === undefined ? {} : { retryAfterMillis }),
  })
const dataError = (reason: DataError["reason"], retryAfterMillis?: number) =>
  new DataError({
    reason,
    place: "AAPL 1h",
    expected: "bars",
    found: reason,
    advice: "Wait",
    ...(retryAfterMillis === undefined ? {} : { retryAfterMillis }),
  })

/** How many of twenty requests are open at once after one that ended so, and when the first of them starts. */
const after = (use: (gate: IbPacing.Gate) => Effect.Effect<unknown, unknown>, mode?: IbPacing.Mode) => {
  const time = new VirtualTime()
  const exit = time.run(
    Effect.gen(function* () {
      const pace = yield* IbPacing.make(16)
      const gate = () => pace.gate(IbPacing.lookup(symbol("AAPL")))
      yield* Effect.ignore(use(gate()))
      const began = time.elapsed
      let open = 0
      let most = 0
      let first = Number.POSITIVE_INFINITY
      const one = Effect.gen(function* () {
        first = Math.min(first, time.elapsed - began)
        most = Math.max(most, ++open)
        yield* Effect.sleep(6000)
        open--
      })
      yield* Effect.all(
        Array.from({ length: 20 }, () => gate().pass(one)),
        { concurrency: "unbounded" },
      )
      return { most, first }
    }).pipe(Effect.provideService(IbPacing.PacingMode, mode ?? "adaptive"), Effect.scoped),
  )
  return Exit.getOrElse(exit, (cause) => {
    throw new Error(String(cause))
  })
}

const failing = (error: HostError) => (gate: IbPacing.Gate) => gate.pass(Effect.fail(error))

const refused = (error: DataError) => (gate: IbPacing.Gate) =>
  Effect.zipRight(gate.pass(Effect.void), gate.refused(error))

describe("a gate", () => {
  it("lets fewer be open after an answer that tells of too many, and waits as long as it says", () => {
    expect(after(() => Effect.void)).toEqual({ most: 16, first: 0 })
    expect(after(failing(hostError("RateLimited", 7000)))).toEqual({ most: 8, first: 7000 })
    expect(after(failing(hostError("AttemptTimeout")))).toEqual({ most: 8, first: 0 })
    expect(after(failing(hostError("ConnectionRefused")))).toEqual({ most: 16, first: 0 })
    expect(after(refused(dataError("Pacing", 60_000)))).toEqual({ most: 8, first: 60_000 })
    expect(after(refused(dataError("Timeout")))).toEqual({ most: 8, first: 0 })
    expect(after(refused(dataError("NoPermission")))).toEqual({ most: 16, first: 0 })
  })

  it("holds nothing back where there is no pacing", () => {
    expect(after(refused(dataError("Pacing", 60_000)), "none")).toEqual({ most: 20, first: 0 })
  })
})

describe("sources that share a ledger", () => {
  it("keep the rules together, and plan with what each has started", () => {
    const time = new VirtualTime()
    const starts: Array<Start> = []
    const exit = time.run(
      Effect.gen(function* () {
        const sources = [yield* IbPacing.make(16), yield* IbPacing.make(16)]
        const all = Array.from({ length: 100 }, (_, index): IbPacing.Paced => {
          const range = { start: index, end: index + 1 }
          const bars = { tickType: "TRADES", timeframe: "1s", session: "regular", range } as const
          return { contract: `C${index % 20} stock`, bars }
        })
        const pass = (request: IbPacing.Paced, index: number) =>
          sources[index % 2]!.gate(request).pass(
            Effect.zipRight(
              Effect.sync(() => starts.push({ at: time.elapsed, request })),
              Effect.sleep(200),
            ),
          )
        yield* Effect.forEach(all.slice(0, 60), pass, { concurrency: "unbounded", discard: true })
        const instrument = { symbol: symbol("AAPL"), type: "stock", venue: "XNYS", currency: "USD" } as const
        const series = { symbol: symbol("AAPL"), timeframe: "1s", session: "regular" } as const
        const asked = [{ series, instrument, range: { start: 0, end: 1 } }]
        const planned = yield* Effect.forEach(sources, ({ plan }) => plan?.(asked) ?? Effect.die("no plan"))
        yield* Effect.forEach(all.slice(60), pass, { concurrency: "unbounded", discard: true })
        return planned.map(({ floor }) => floor)
      }).pipe(Effect.provide(PacingLedger.layerMemory), Effect.scoped),
    )
    const floors = Exit.getOrElse(exit, (cause) => {
      throw new Error(String(cause))
    })
    expect(violations(PublishedRules.limits(PublishedRules.isSmall), starts)).toEqual([])
    expect(starts.length).toBe(100)
    expect(starts.filter(({ at }) => at < 600_000).length).toBe(60)
    for (const { millis, rule } of floors) {
      expect(rule).toBe("60 requests in 10 minutes")
      expect(Math.abs(millis - 600_000)).toBeLessThan(5000)
    }
  })
})

describe("a load", () => {
  it("of half a year of 1s bars takes as long as its plan says, and breaks no rule", () => {
    const load = loadOf("AAPL", "1s", "2024-01-02", "2024-07-03")
    const { value, starts, began } = simulate(
      Effect.gen(function* () {
        const manager = yield* DataManager.DataManager
        const planned = yield* manager.plan(load)
        const schedule = yield* manager.schedule([planned])
        const report = yield* manager.load(load)
        return { requests: planned.segments.length, schedule, report }
      }),
    )
    const { report, requests, schedule } = value
    expect(requests).toBe(126 * 13)
    expect(schedule.floor).toEqual({ millis: 16_200_000, rule: "60 requests in 10 minutes" })
    expect(schedule.bounds.map(({ rule, millis }) => [rule, millis])).toEqual([
      ["60 requests in 10 minutes", 27 * 600_000],
      ["5 requests for one contract in 2 seconds", 327 * 2000],
      ["50 messages in 1 second", 32 * 1000],
    ])
    expect(starts.length).toBe(requests)
    expect(report).toMatchObject({ given_up: [], no_data: report.expected, pending: 0 })
    const last = starts.at(-1)!.at
    expect(last).toBeGreaterThanOrEqual(schedule.floor.millis)
    expect(Math.abs(last - (schedule.end - began))).toBeLessThanOrEqual(2000)
  })

  it("says while it waits why it does, and until when", () => {
    const told: Array<readonly [message: string, until: string | undefined]> = []
    simulate(
      LoadData.run(loadOf("AAPL", "1s", "2024-06-26", "2024-07-03")).pipe(
        Progress.observe({
          interval: 60_000,
          observer: ({ message, waiting }) =>
            Effect.sync(() => told.push([message, waiting === null ? undefined : iso(waiting.until)])),
        }),
      ),
      () => 500,
    )
    const head = "Loading AAPL 1s data (full mode)"
    const held = [9, 8, 7, 6, 5, 4, 3, 2, 1].map((minutes) => [
      `${head} [4/5] segment 60/65 · waiting ${minutes}m: 60 requests in 10 minutes`,
      "2024-07-04T00:10:00.100Z",
    ])
    expect(told.slice(0, 10)).toEqual([[`${head} [3/5]`, undefined], ...held])
    expect(told.at(-1)).toEqual([`${head} [5/5]`, undefined])
  })

  it("is held up by no other whose bars have to wait", () => {
    const loads = [
      ...["A", "B", "C", "D", "E", "F"].map((name) => loadOf(name, "1s", "2024-06-03", "2024-06-08")),
      ...["A", "B", "C", "D", "E", "F"].map((name) => loadOf(name, "1d", "2024-01-02", "2024-07-01")),
    ] as const
    const { starts } = simulate(LoadMany.all(loads))
    const daily = starts.filter(({ request }) => request.bars?.timeframe === "1d")
    expect(daily.length).toBe(6)
    expect(Math.max(...daily.map(({ at }) => at))).toBeLessThan(60_000)
  })
})
