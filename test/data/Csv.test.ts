import { readFileSync } from "node:fs"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { describe } from "vitest"
import * as Candle from "../../src/data/Candle.js"
import * as Csv from "../../src/data/Csv.js"

const head = "timestamp,open,high,low,close,volume"
const price = fc.double({ min: 0.001, max: 1e7, noNaN: true, noDefaultInfinity: true })

const candles: fc.Arbitrary<Candle.Candles> = fc
  .uniqueArray(fc.integer({ min: -2_000_000, max: 4_000_000 }), { maxLength: 60 })
  .chain((starts) =>
    fc
      .array(fc.tuple(price, price, fc.option(fc.nat({ max: 1e9 }))), {
        minLength: starts.length,
        maxLength: starts.length,
      })
      .map((rows) =>
        Candle.fromRows(
          rows.map(([a, b, volume], index) => ({
            start: starts.toSorted((x, y) => x - y)[index]! * 1_000_000,
            open: a,
            high: Math.max(a, b),
            low: Math.min(a, b),
            close: b,
            volume,
          })),
        ),
      ),
  )

const text = (bars: Candle.Candles): string => [...Csv.format(bars)].join("")
const rows = (result: ReturnType<typeof Csv.parse>) => Candle.toRows(Either.getOrThrow(result))
const fault = (body: string) => Either.getOrThrow(Either.flip(Csv.parse("prices.csv", body)))

it.prop("what is written is read back", [candles], ([bars]) => {
  expect(rows(Csv.parse("x", text(bars)))).toEqual(Candle.toRows(bars))
})

it.prop(
  "pieces may break anywhere",
  [candles, fc.integer({ min: 1, max: 50 }), fc.boolean()],
  ([bars, length, crlf]) => {
    const whole = `\uFEFF${crlf ? text(bars).replaceAll("\n", "\r\n") : text(bars)}`
    const decoder = Csv.decoder("x")
    for (let from = 0; from < whole.length; from += length) decoder.push(whole.slice(from, from + length))
    expect(rows(decoder.finish())).toEqual(Candle.toRows(bars))
  },
)

it.prop("rows in any order come out sorted, equal ones joined", [candles, fc.gen()], ([bars, gen]) => {
  const lines = text(bars).trim().split("\n").slice(1)
  const shuffled = gen(() => fc.shuffledSubarray([...lines, ...lines], { minLength: 2 * lines.length }))
  expect(rows(Csv.parse("x", [head, ...shuffled].join("\n")))).toEqual(Candle.toRows(bars))
  expect(rows(Csv.parse("x", [head, ...lines.toReversed()].join("\n")))).toEqual(Candle.toRows(bars))
})

it.effect("a stream is read as the whole text is", () =>
  Effect.gen(function* () {
    const bars = Candle.allocate(3000)
    for (let i = 0; i < 3000; i++) {
      bars.start[i] = i * 60_000
      for (const column of ["open", "high", "low", "close"] as const) bars[column][i] = 1 + (i % 7)
    }
    const read = yield* Csv.fromStream("x", Stream.fromIterable(Csv.format(bars)))
    expect(Candle.toRows(read)).toEqual(Candle.toRows(bars))
    const error = yield* Effect.flip(Csv.fromStream("x", Stream.make(head, "\n1,2\n", "never read")))
    expect(error.place).toBe("x line 2, column high")
  }),
)

const minuteRow = (index: number) => `${1e9 + index * 60},1${index % 10},20,1.25,12,${index}\n`

it.live("a long stream leaves the event loop to others between its pieces", () =>
  Effect.gen(function* () {
    const rows = 60_000
    const text = Array.from({ length: rows }, (_, index) => minuteRow(index)).join("")
    let turns = 0
    const others = yield* Effect.fork(
      Effect.forever(
        Effect.zipRight(
          Effect.sleep(0),
          Effect.sync(() => turns++),
        ),
      ),
    )
    const read = yield* Csv.fromStream("x", Stream.make(`${head}\n`, text), { bytes: text.length })
    yield* Fiber.interrupt(others)
    expect([Candle.size(read), read.start.at(-1)]).toEqual([rows, 1e12 + (rows - 1) * 60_000])
    expect(turns).toBeGreaterThanOrEqual(Math.floor(text.length / 65_536))
  }),
)

describe("time columns", () => {
  const instant = Date.UTC(2024, 0, 2, 14, 30)
  const cases: ReadonlyArray<readonly [string, string, number]> = [
    ["timestamp", "2024-01-02T14:30:00Z", instant],
    ["Date", "2024-01-02 14:30:00+00:00", instant],
    ["TIME", "2024-01-02T09:30:00-05:00", instant],
    ["datetime", "2024-01-02 14:30", instant],
    ["", '"2024-01-02T14:30:00.250"', instant + 250],
    ["date", "2024-01-02", Date.UTC(2024, 0, 2)],
    ["timestamp", "1704205800", instant],
    ["timestamp", "1704205800.5", instant + 500],
    ["timestamp", "1704205800000", instant],
    ["timestamp", "1704205800000000", instant],
    ["timestamp", "1704205800123000000", instant + 123],
    ["timestamp", "1704205800999000001", instant + 999],
    ["timestamp", "-315619200", Date.UTC(1960, 0, 1)],
  ]
  it("are read under every common name and in every common form", () => {
    for (const [name, stamp, expected] of cases) {
      const found = rows(
        Csv.parse("x", `${name}, Open ,HIGH,low,close,volume,note\n${stamp},1,2,1,2,,"a, b\nc"\n`),
      )
      expect(found).toEqual([{ start: expected, open: 1, high: 2, low: 1, close: 2, volume: null }])
    }
  })
  it("that are no stamps are refused, never guessed at", () => {
    for (const stamp of [
      "",
      "yesterday",
      "2024-02-30",
      "20240102",
      "2024",
      "17042058000000000000",
      "02/01/2024",
    ]) {
      expect(fault(`date,open,high,low,close,volume\n${stamp},1,2,1,2,3\n`)).toMatchObject({
        reason: "InvalidFile",
        place: "prices.csv line 2, column date",
      })
    }
    expect(fault(`${head}\n2024-01-02,1,2,1,2,3\n1704205800,1,2,1,2,3`).place).toBe(
      "prices.csv line 3, column timestamp",
    )
  })
})

describe("faults", () => {
  const row = "2024-01-02T14:30:00Z,1,2,1,2,3"
  const cases: ReadonlyArray<readonly [string, string, string]> = [
    ["an empty file", "", "prices.csv"],
    ["blank lines", "\n\n", "prices.csv"],
    ["no head", row, "prices.csv line 1, column timestamp"],
    ["an unknown time column", "when,open,high,low,close,volume", "prices.csv line 1, column timestamp"],
    ["two time columns", "date,time,open,high,low,close,volume", "prices.csv line 1, column timestamp"],
    ["a missing column", "timestamp,open,high,low,volume", "prices.csv line 1, column close"],
    ["a column twice", `${head},Open`, "prices.csv line 1, column open"],
    ["a bad number", `${head}\n${row}\n2024-01-03T00:00Z,1,2,1,0x10,3`, "prices.csv line 3, column close"],
    ["a missing number", `${head}\n2024-01-03T00:00Z,1,2,1,,3`, "prices.csv line 2, column close"],
    ["an infinite number", `${head}\n2024-01-03T00:00Z,1,1e999,1,1,3`, "prices.csv line 2, column high"],
    ["a bad volume", `${head}\n2024-01-03T00:00Z,1,2,1,1,many`, "prices.csv line 2, column volume"],
    ["too few fields", `${head}\n\n2024-01-03T00:00Z,1,2`, "prices.csv line 3, column low"],
    ["a decimal comma", `${head}\n2024-01-03T00:00Z,1,5,2,1,1,3`, "prices.csv line 2, column volume"],
    ["high below low", `${head}\n${row}\n2024-01-03T00:00Z,1,1,2,1,3`, "prices.csv line 3"],
    ["a price of zero", `${head}\n2024-01-03T00:00Z,0,1,0,1,3`, "prices.csv line 2"],
    ["a negative volume", `${head}\n2024-01-03T00:00Z,1,1,1,1,-3`, "prices.csv line 2"],
    [
      "a clash",
      `${head}\n${row}\n2024-01-01T00:00Z,1,1,1,1,1\n${row}4`,
      "prices.csv line 4, column timestamp",
    ],
    [
      "a line after a quoted break",
      `${head},note\n${row},"a\n\nb"\n${row},x,y`,
      "prices.csv line 5, column note",
    ],
  ]
  it("are named with their line and column", () => {
    for (const [name, body, place] of cases) expect([name, fault(body).place]).toEqual([name, place])
    for (const [, body] of cases) expect(fault(body).reason).toBe("InvalidFile")
  })
  it("of two rows for one start name both lines", () => {
    const { message } = fault(`${head}\n${row}\n2024-01-01T00:00Z,1,1,1,1,1\n${row}4`)
    expect(message).toContain("line 4")
    expect(message).toContain("line 2")
    expect(message).toContain("2024-01-02T14:30:00Z")
  })
  it("end the reading where a quote is never closed", () => {
    const decoder = Csv.decoder("prices.csv")
    decoder.push(`${head}\n"`)
    let pieces = 0
    while (decoder.push("x".repeat(100_000))) expect(++pieces).toBeLessThan(20)
    expect(Either.getOrThrow(Either.flip(decoder.finish())).place).toBe("prices.csv line 2")
  })
})

it("an empty volume and -1 are unknown, zero is zero, a head alone is no bar", () => {
  const body = `${head}\n2024-01-01,1,1,1,1,\n2024-01-02,1,1,1,1,-1\n2024-01-03,1,1,1,1,0.0\n`
  expect(rows(Csv.parse("x", body)).map((row) => row.volume)).toEqual([null, null, 0])
  expect(rows(Csv.parse("x", `${head}\n`))).toEqual([])
})

it("bars are written with short numbers, stamps in UTC and nothing for an unknown volume", () => {
  const bars = Candle.fromRows([
    { start: Date.UTC(2024, 0, 2), open: 1.1, high: 2, low: 1, close: 1.5, volume: null },
    {
      start: Date.UTC(2024, 0, 3),
      open: 100,
      high: 100.25,
      low: 0.1 + 0.2,
      close: 100,
      volume: 5_792_140_000,
    },
  ])
  expect(text(bars)).toBe(
    `${head}\n2024-01-02T00:00:00Z,1.1,2,1,1.5,\n2024-01-03T00:00:00Z,100,100.25,0.30000000000000004,100,5792140000\n`,
  )
})

describe("files", () => {
  const folder = new URL("../../../shared/market/", import.meta.url)
  const sizes = { SPX_1d: 5105, JEPI_1d: 255, AAPL_5m: 1536, EURUSD_1h: 2591, MSFT_1h: 20_758, AAPL_1d: 50 }
  const read = (name: string): string | undefined => {
    try {
      return readFileSync(new URL(`${name}.csv`, folder), "utf8")
    } catch {
      return undefined
    }
  }
  for (const [name, size] of Object.entries(sizes)) {
    const body = read(name)
    it.skipIf(body === undefined)(`of real bars are read whole: ${name}`, () => {
      expect(rows(Csv.parse(name, body ?? "")).length).toBe(size)
    })
  }
})

const stamped = (...stamps: ReadonlyArray<string>) =>
  [head, ...stamps.map((stamp) => `${stamp},1,2,1,2,3`)].join("\n")

const starts = (body: string, options?: Parameters<typeof Csv.parse>[2]) =>
  Either.getOrThrow(Csv.parse("prices.csv", body, options)).start

describe("stamps of a file", () => {
  const newYork = { timeZone: "America/New_York" }

  it("may have offsets that differ from row to row", () => {
    const rows = [
      "2024-03-08T09:30:00-05:00",
      "2024-03-11T09:30:00-04:00",
      "2024-03-12T13:30Z",
      "2024-03-13 19:00+0530",
    ]
    const expected = ["2024-03-08T14:30Z", "2024-03-11T13:30Z", "2024-03-12T13:30Z", "2024-03-13T13:30Z"].map(
      (text) => Date.parse(text),
    )
    expect(Array.from(starts(stamped(...rows)))).toEqual(expected)
    expect(Array.from(starts(stamped(...rows), newYork))).toEqual(expected)
  })

  it("without an offset read the clock of the zone, the repeated hour by its order", () => {
    const rows = ["2024-11-03 00:30", "2024-11-03 01:30", "2024-11-03 01:30", "2024-11-03 02:30"]
    expect(Array.from(starts(stamped(...rows), newYork))).toEqual(
      [4.5, 5.5, 6.5, 7.5].map((hour) => Date.UTC(2024, 10, 3) + hour * 3_600_000),
    )
    const unclear = Csv.parse(
      "prices.csv",
      stamped("2024-11-03 00:30", "2024-11-03 01:30", "2024-11-03 02:30"),
      newYork,
    )
    expect(Either.getOrThrow(Either.flip(unclear))).toMatchObject({
      place: "prices.csv line 3, column timestamp",
      found: "2024-11-03 01:30:00, which may be of either",
    })
    expect(Array.from(starts(stamped(...rows)))).toEqual(
      [0.5, 1.5, 2.5].map((hour) => Date.UTC(2024, 10, 3) + hour * 3_600_000),
    )
  })

  it("have one form throughout: what differs is named, never guessed at", () => {
    for (const [first, second, expected] of [
      [
        "2024-01-02T09:30Z",
        "2024-01-02 09:35",
        "a stamp with its offset from UTC, such as Z or -05:00, as on line 2",
      ],
      ["2024-01-02 09:30", "2024-01-02T09:35Z", "a stamp without an offset from UTC, as on line 2"],
      ["1704205800", "1704206100000", "epoch seconds, as on line 2"],
      ["1704205800000000000", "1704205800", "epoch nanoseconds, as on line 2"],
      ["2024-01-02", "1704205800", "a date without a time, as on line 2"],
    ] as const) {
      expect(fault(stamped(first, second))).toMatchObject({
        place: "prices.csv line 3, column timestamp",
        expected,
      })
    }
  })
})

const numbered = (high: string, volume: string) =>
  Csv.parse("prices.csv", `${head}\n2024-01-02,1.5,${high},1.25,1.5,${volume}\n`)

const semicolons = (value: string) =>
  `date;open;high;low;close;volume\n2024-01-02;${value};${value};${value};${value};3\n`

describe("numbers of a file", () => {
  it("may group their thousands", () => {
    expect(rows(numbered('"1,234.50"', '"5,792,140,000"'))).toMatchObject([
      { high: 1234.5, volume: 5_792_140_000 },
    ])
    expect(rows(numbered("1234.5", '"1,234"'))).toMatchObject([{ volume: 1234 }])
    const grouped = "date;open;high;low;close;volume\n2024-01-02;1.5;1,234.5;1.25;1.5;12,000\n"
    expect(rows(Csv.parse("x", grouped))).toMatchObject([{ high: 1234.5, volume: 12_000 }])
  })
  it("are refused where a comma might be the decimal mark", () => {
    expect(fault(semicolons("1,234"))).toMatchObject({
      place: "prices.csv line 2, column open",
      expected: "a number whose comma can only group thousands, such as 1,234.50",
    })
    for (const value of ["1,5", "1.234,50", "12,34", "1,2345", "0,123"]) {
      expect([value, fault(semicolons(value)).place]).toEqual([value, "prices.csv line 2, column open"])
    }
  })
})

it("no message of a fault has an escape sequence or a line break of the file", () => {
  const bad = "\u001b[31m\u009b2J\u0007"
  for (const body of [
    bad,
    `${head},${bad}\n2024-01-02,1\n`,
    `"a${bad}\n",${head}\n"x",2024-01-02\n`,
    `${bad}date,open\n`,
    `${head}\n${bad},1,2,1,2,3`,
    `${head}\n2024-01-02,${bad},2,1,2,3`,
    `${head}\n2024-01-02,1,2,1,2,"3"${bad}`,
  ]) {
    expect(fault(body).message).not.toMatch(/\p{Cc}/u)
  }
})
