import * as FileSystem from "@effect/platform/FileSystem"
import { NodeContext } from "@effect/platform-node"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Candle from "../../src/data/Candle.js"
import * as CsvFolder from "../../src/data/CandleSource/CsvFolder.js"
import * as CandleSource from "../../src/data/CandleSource.js"
import * as Csv from "../../src/data/Csv.js"
import type { Series } from "../../src/data/Series.js"
import { Symbol } from "../../src/data/Symbol.js"
import { contract, type Options } from "../contract/CandleSource.js"
import { batch, span } from "../contract/CandleStore.js"

const symbol = (name: string): Symbol => Schema.decodeSync(Symbol)(name)
const aapl: Series = { symbol: symbol("AAPL"), timeframe: "1h", session: "regular" }
const bars = batch(0, 12).candles

const options: Options = {
  series: aapl,
  range: span(2, 9),
  empty: span(20, 30),
  unknown: { symbol: "APPL", suggestion: "AAPL" },
}

contract(
  "memory",
  CandleSource.layerMemory({
    series: [
      { symbol: symbol("AAPL"), timeframe: "1h", candles: bars },
      { symbol: symbol("MSFT"), timeframe: "1h", candles: Candle.empty },
    ],
  }),
  options,
)

const folder = (files: Record<string, string>) =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      for (const [name, text] of Object.entries(files))
        yield* fs.writeFileString(`${directory}/${name}`, text)
      return CsvFolder.layer({ directory })
    }),
  ).pipe(Layer.provide(NodeContext.layer))

const text = (candles: Candle.Candles): string => [...Csv.format(candles)].join("")

contract(
  "a folder of files",
  folder({ "AAPL_1h.csv": text(bars), "notes.csv": "x", "MSFT_1d.csv": text(bars) }),
  options,
)

it.live("a source in memory takes head, last, instrument and session as given", () =>
  Effect.gen(function* () {
    const source = yield* CandleSource.CandleSource
    const instrument = { symbol: symbol("SPX"), type: "index", venue: "XNYS" } as const
    expect(source.name).toBe("archive")
    expect(yield* source.validate(symbol("SPX"), "1d")).toEqual({ instrument, head: 5, last: 9e11 })
    expect((yield* source.validate(symbol("EURUSD"), "1h")).head).toBeUndefined()
    const request = { instrument, range: span(0, 12) }
    const extended = { symbol: symbol("SPX"), timeframe: "1d", session: "extended" } as const
    expect(Candle.size(yield* source.fetch({ ...request, series: extended }))).toBe(12)
    const regular = { ...extended, session: "regular" } as const
    expect((yield* Effect.flip(source.fetch({ ...request, series: regular }))).reason).toBe("NoData")
    const error = yield* Effect.flip(source.validate(symbol("SPX"), "1m"))
    expect(error).toMatchObject({ reason: "NoData", found: "1d extended" })
    expect((yield* Effect.flip(source.validate(symbol("ZZZZZZ"), "1m"))).suggestion).toBeUndefined()
  }).pipe(
    Effect.provide(
      CandleSource.layerMemory({
        name: "archive",
        series: [
          {
            symbol: symbol("SPX"),
            timeframe: "1d",
            session: "extended",
            candles: bars,
            instrument: { symbol: symbol("SPX"), type: "index", venue: "XNYS" },
            head: 5,
            last: 9e11,
          },
          { symbol: symbol("EURUSD"), timeframe: "1h", candles: Candle.empty },
        ],
      }),
    ),
  ),
)

it.live("a folder tells head and last from the rows, and the instrument from the name", () =>
  Effect.gen(function* () {
    const source = yield* CandleSource.CandleSource
    const spx = yield* source.validate(symbol("SPX"), "1h")
    expect(spx).toMatchObject({ head: bars.start[0], last: bars.start.at(-1) })
    expect(spx.instrument).toMatchObject({ type: "index", venue: "XNYS" })
    expect((yield* source.validate(symbol("EURUSD"), "1h")).instrument.type).toBe("forex")
    const fetch = (session: Series["session"]) =>
      Effect.map(
        source.fetch({
          series: { symbol: symbol("SPX"), timeframe: "1h", session },
          instrument: spx.instrument,
          range: span(0, 12),
        }),
        Candle.size,
      )
    expect(yield* fetch("regular")).toBe(12)
    expect(yield* fetch("extended")).toBe(3)
    expect((yield* Effect.flip(source.validate(symbol("BAD"), "1d"))).place).toBe(
      "BAD_1d.csv line 2, column open",
    )
  }).pipe(
    Effect.provide(
      folder({
        "spx_1h.csv": text(bars),
        "SPX_1h-extended.csv": text(batch(0, 3).candles),
        "EURUSD_1h.csv": text(bars),
        "BAD_1d.csv": `${Csv.head}\n2024-01-02,?,1,1,1,1\n`,
      }),
    ),
  ),
)

it.scopedLive("a file that changes is read again, and a folder that is not there is an error", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    const source = yield* CsvFolder.make({ directory })
    yield* fs.writeFileString(`${directory}/AAPL_1h.csv`, text(batch(0, 2).candles))
    expect((yield* source.validate(aapl.symbol, "1h")).last).toBe(span(1, 2).start)
    yield* fs.writeFileString(`${directory}/AAPL_1h.csv`, text(batch(0, 5).candles))
    expect((yield* source.validate(aapl.symbol, "1h")).last).toBe(span(4, 5).start)
    const missing = yield* CsvFolder.make({ directory: `${directory}/nowhere` })
    expect((yield* Effect.flip(missing.validate(aapl.symbol, "1h"))).reason).toBe("InvalidFile")
  }).pipe(Effect.provide(NodeContext.layer)),
)
