import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as Candle from "../../src/data/Candle.js"
import * as Indicators from "../../src/training/Indicators.js"
import { walk } from "../utils/Strategies.js"

type Values = ReadonlyArray<number>
type Outputs = Readonly<Record<string, Values>>

const spec = (type: string, parameters: object = {}): Indicators.Spec =>
  Schema.decodeUnknownSync(Indicators.schema(Indicators.builtIn), { onExcessProperty: "error" })({
    type,
    ...parameters,
  })

const compute = (type: string, parameters: object, candles: Candle.Candles) =>
  Indicators.compute(Indicators.builtIn[type]!, spec(type, parameters), candles)

/** Bars with these closes, each with the range given around it. */
const closes = (prices: Values, range = 0, volumes: Values = []): Candle.Candles =>
  Candle.fromRows(
    prices.map((close, start) => ({
      start,
      open: close,
      high: close + range,
      low: close - range,
      close,
      volume: volumes[start] ?? null,
    })),
  )

const none = Number.NaN

/** What each indicator is by its definition, row by row from the bars, as slow as may be. */
const mean = (values: Values): number => values.reduce((sum, value) => sum + value, 0) / values.length

const window = (values: Values, row: number, period: number): Values =>
  values.slice(row + 1 - period, row + 1)

const rolling = (values: Values, period: number, of: (values: Values) => number): Values => {
  const begin = values.findIndex((value) => !Number.isNaN(value))
  return values.map((_, row) => (row - begin < period - 1 ? none : of(window(values, row, period))))
}

/** The first value the mean of `period`, then each a share of the way to the next. */
const wilder = (values: Values, period: number): Values => {
  const begin = values.findIndex((value) => !Number.isNaN(value)) + period - 1
  const smoothed: Array<number> = []
  values.forEach((value, row) => {
    if (row < begin) smoothed.push(none)
    else if (row === begin) smoothed.push(mean(window(values, row, period)))
    else smoothed.push((smoothed[row - 1]! * (period - 1) + value) / period)
  })
  return smoothed
}

const ema = (values: Values, period: number): Values => {
  const smoothed: Array<number> = []
  for (const value of values) {
    const before = smoothed.at(-1)
    smoothed.push(
      before === undefined || Number.isNaN(before) ? value : before + (2 / (period + 1)) * (value - before),
    )
  }
  return smoothed
}

const from = (values: Values, first: number): Values =>
  values.map((value, row) => (row < first ? none : value))

const zip = (a: Values, b: Values, of: (a: number, b: number) => number): Values =>
  a.map((value, row) => of(value, b[row]!))

const average = (price: Values, value: Values): Outputs => ({
  value,
  distance: zip(price, value, (p, v) => (100 * (p - v)) / v),
})

const definitions: Readonly<
  Record<string, (bars: { readonly [K in "high" | "low" | "close" | "volume"]: Values }) => Outputs>
> = {
  sma: ({ close }) => average(close, rolling(close, 20, mean)),
  ema: ({ close }) => average(close, from(ema(close, 20), 19)),
  wma: ({ close }) =>
    average(
      close,
      rolling(
        close,
        20,
        (values) => values.reduce((sum, value, index) => sum + value * (index + 1), 0) / 210,
      ),
    ),
  rsi: ({ close }) => {
    const moves = close.map((price, row) => (row === 0 ? none : price - close[row - 1]!))
    const gains = wilder(
      moves.map((move) => (Number.isNaN(move) ? none : Math.max(move, 0))),
      14,
    )
    const losses = wilder(
      moves.map((move) => (Number.isNaN(move) ? none : Math.max(-move, 0))),
      14,
    )
    return { value: zip(gains, losses, (gain, loss) => (100 * gain) / (gain + loss)) }
  },
  macd: ({ close }) => {
    const line = from(
      zip(ema(close, 12), ema(close, 26), (fast, slow) => fast - slow),
      25,
    )
    const signal = from(ema(line, 9), 33)
    return { macd: line, signal, histogram: zip(line, signal, (a, b) => a - b) }
  },
  bollinger: ({ close }) => {
    const middle = rolling(close, 20, mean)
    const deviation = rolling(close, 20, (values) =>
      Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2))),
    )
    return {
      middle,
      upper: zip(middle, deviation, (m, d) => m + 2 * d),
      lower: zip(middle, deviation, (m, d) => m - 2 * d),
      percent_b: close.map(
        (price, row) => (price - middle[row]! + 2 * deviation[row]!) / (4 * deviation[row]!),
      ),
      width: zip(middle, deviation, (m, d) => (400 * d) / m),
    }
  },
  atr: ({ high, low, close }) => {
    const ranges = high.map((top, row) =>
      row === 0 ? top - low[0]! : Math.max(top, close[row - 1]!) - Math.min(low[row]!, close[row - 1]!),
    )
    const value = wilder(ranges, 14)
    return { value, percent: zip(value, close, (range, price) => (100 * range) / price) }
  },
  adx: ({ high, low, close }) => {
    const moves = high.map((top, row) => {
      if (row === 0) return { range: none, up: none, down: none }
      const [up, down] = [top - high[row - 1]!, low[row - 1]! - low[row]!]
      const before = close[row - 1]!
      return {
        range: Math.max(top - low[row]!, Math.abs(top - before), Math.abs(low[row]! - before)),
        up: up > down && up > 0 ? up : 0,
        down: down > up && down > 0 ? down : 0,
      }
    })
    const range = wilder(
      moves.map((_) => _.range),
      14,
    )
    const plus = zip(
      wilder(
        moves.map((_) => _.up),
        14,
      ),
      range,
      (up, all) => (100 * up) / all,
    )
    const minus = zip(
      wilder(
        moves.map((_) => _.down),
        14,
      ),
      range,
      (down, all) => (100 * down) / all,
    )
    const directed = zip(plus, minus, (up, down) => (100 * Math.abs(up - down)) / (up + down))
    return { adx: wilder(directed, 14), plus_di: plus, minus_di: minus }
  },
  stochastic: ({ high, low, close }) => {
    const place = close.map((price, row) => {
      if (row < 13) return none
      const [top, bottom] = [Math.max(...window(high, row, 14)), Math.min(...window(low, row, 14))]
      return (100 * (price - bottom)) / (top - bottom)
    })
    const k = rolling(place, 3, mean)
    return { k, d: rolling(k, 3, mean) }
  },
  cci: ({ high, low, close }) => {
    const typical = close.map((price, row) => (high[row]! + low[row]! + price) / 3)
    return {
      value: rolling(typical, 20, (values) => {
        const center = mean(values)
        return (values.at(-1)! - center) / (0.015 * mean(values.map((value) => Math.abs(value - center))))
      }),
    }
  },
  obv: ({ close, volume }) => {
    let sum = 0
    return {
      value: close.map((price, row) => {
        if (row === 0) return none
        sum += Math.sign(price - close[row - 1]!) * volume[row]!
        return sum
      }),
    }
  },
  roc: ({ close }) => ({
    value: close.map((price, row) => (row < 10 ? none : 100 * (price / close[row - 10]! - 1))),
  }),
  momentum: ({ close }) => ({
    value: close.map((price, row) => (row < 10 ? none : price - close[row - 10]!)),
  }),
}

describe("every indicator", () => {
  it("is in the table under its type, with a definition to hold it to", () => {
    expect(Object.keys(definitions)).toEqual(Object.keys(Indicators.builtIn))
    for (const [type, definition] of Object.entries(Indicators.builtIn)) expect(definition.type).toBe(type)
  })

  for (const [type, define] of Object.entries(definitions)) {
    it(`${type} is what its definition says, and nothing during its warm-up`, () => {
      const candles = walk(400)
      const found = compute(type, {}, candles)
      const wanted = define({
        high: [...candles.high],
        low: [...candles.low],
        close: [...candles.close],
        volume: [...candles.volume],
      })
      expect(Object.keys(found)).toEqual(Object.keys(wanted))
      const warmup = Indicators.builtIn[type]!.warmup(spec(type))
      Object.entries(wanted).forEach(([output, values], index) => {
        expect([...found[output]!].findIndex((value) => !Number.isNaN(value))).toBe(warmup[index])
        const size = Math.max(...values.filter((value) => !Number.isNaN(value)).map(Math.abs))
        values.forEach((value, row) => {
          if (Number.isNaN(value)) expect(found[output]![row], `${output} ${row}`).toBeNaN()
          else expect(Math.abs(found[output]![row]! - value), `${output} ${row}`).toBeLessThan(1e-9 * size)
        })
      })
    })
  }
})

describe("by hand", () => {
  it("averages", () => {
    const bars = closes([1, 2, 4, 8])
    expect([...compute("sma", { period: 2 }, bars).value!]).toEqual([none, 1.5, 3, 6])
    expect([...compute("wma", { period: 2 }, bars).value!]).toEqual([none, 5 / 3, 10 / 3, 20 / 3])
    expect([...compute("ema", { period: 3 }, bars).value!]).toEqual([none, none, 2.75, 5.375])
    expect(compute("sma", { period: 2 }, bars).distance![3]).toBeCloseTo(100 / 3, 10)
  })

  it("a relative strength of gains 1, 0, 2 and losses 0, 1, 0", () => {
    const value = compute("rsi", { period: 2 }, closes([10, 11, 10, 12])).value!
    expect(value[2]).toBe(50)
    expect(value[3]).toBeCloseTo(100 * (1.25 / 1.5), 10)
  })

  it("volume on balance, which is unknown once a volume is", () => {
    expect([...compute("obv", {}, closes([1, 2, 2, 1], 0, [5, 6, 7, 8])).value!]).toEqual([none, 6, 6, -2])
    expect([...compute("obv", {}, closes([1, 2, 3, 1], 0, [5, 6, -1, 8])).value!]).toEqual([
      none,
      6,
      none,
      none,
    ])
  })

  it("the source that is asked for", () => {
    const bars = closes([1, 2, 3], 1)
    expect([...compute("momentum", { period: 1, source: "high" }, bars).value!]).toEqual([none, 1, 1])
    expect([...compute("sma", { period: 2, source: "low" }, bars).value!]).toEqual([none, 0.5, 1.5])
  })
})

describe("prices that do not move", () => {
  const middles: Readonly<Record<string, Readonly<Record<string, number>>>> = {
    rsi: { value: 50 },
    cci: { value: 0 },
    stochastic: { k: 50, d: 50 },
    adx: { adx: 0, plus_di: 0, minus_di: 0 },
    atr: { value: 0, percent: 0 },
    bollinger: { percent_b: 0.5, width: 0 },
    roc: { value: 0 },
    momentum: { value: 0 },
  }

  for (const [type, outputs] of Object.entries(middles)) {
    it(`have a ${type} of ${Object.values(outputs).join(" and ")}`, () => {
      const found = compute(type, {}, closes(Array.from({ length: 60 }, () => 0.1)))
      for (const [output, value] of Object.entries(outputs)) expect(found[output]![59], output).toBe(value)
    })
  }

  it("leave no trace in what comes long after", () => {
    const moving = walk(800)
    const still = Candle.fromRows(
      Array.from({ length: 60 }, (_, index) => ({
        ...Candle.at(moving, 0),
        high: moving.close[0]!,
        low: moving.close[0]!,
        start: moving.start[0]! - (60 - index),
      })),
    )
    for (const type of Object.keys(Indicators.builtIn)) {
      const found = compute(type, {}, Candle.concat([still, moving]))
      const alone = compute(type, {}, moving)
      for (const [output, values] of Object.entries(alone)) {
        const size = Math.max(1, Math.abs(values[799]!))
        if (type !== "obv")
          expect(Math.abs(found[output]![859]! - values[799]!) / size, type).toBeLessThan(1e-9)
        expect(found[output]!.slice(60).every(Number.isFinite), `${type} ${output}`).toBe(true)
      }
    }
  })
})

/** Any parameters of any indicator. */
const anySpec: fc.Arbitrary<Indicators.Spec> = fc
  .record({
    type: fc.constantFrom(...Object.keys(Indicators.builtIn)),
    period: fc.integer({ min: 2, max: 40 }),
    other: fc.integer({ min: 2, max: 10 }),
    source: fc.constantFrom("close", "open", "high", "low"),
  })
  .map(({ type, period, other, source }) => {
    if (type === "obv") return spec(type)
    if (type === "macd") return spec(type, { fast: period, slow: period + other, signal: other, source })
    if (type === "stochastic") return spec(type, { period, smooth: other, signal: other })
    return spec(type, ["cci", "atr", "adx"].includes(type) ? { period } : { period, source })
  })

/** Bars with whole prices, so that equal ones and flat stretches occur. */
const anyCandles: fc.Arbitrary<Candle.Candles> = fc
  .array(fc.record({ close: fc.integer({ min: 1, max: 6 }), up: fc.nat(2), down: fc.nat(2) }), {
    minLength: 1,
    maxLength: 150,
  })
  .map((rows) =>
    Candle.fromRows(
      rows.map(({ close, up, down }, start) => ({
        start,
        open: close,
        high: close + up,
        low: close - down / 3,
        close,
        volume: up + down,
      })),
    ),
  )

describe("causality", () => {
  it("rows of a truncated series are those of the whole one, bit for bit, in stretches of any size", () => {
    fc.assert(
      fc.property(
        anySpec,
        anyCandles,
        fc.nat(),
        fc.array(fc.integer({ min: 1, max: 60 })),
        (given, candles, at, steps) => {
          const definition = Indicators.builtIn[given.type]!
          const whole = Indicators.compute(definition, given, candles)
          const rows = at % (Candle.size(candles) + 1)
          const work = Indicators.start(definition, given, Candle.slice(candles, 0, rows))
          for (let row = 0, turn = 0; row < rows; turn++) {
            const to = Math.min(rows, row + (steps[turn % Math.max(1, steps.length)] ?? 7))
            work.fill(row, to)
            row = to
          }
          definition.outputs.forEach((output, index) => {
            expect(work.columns[index]).toEqual(whole[output]!.slice(0, rows))
            const warmup = definition.warmup(given)[index]!
            const known = [...whole[output]!].map(Number.isFinite)
            expect(known).toEqual(known.map((_, row) => row >= warmup))
          })
        },
      ),
      { numRuns: 400 },
    )
  })
})

describe("references", () => {
  const specs = { rsi14: spec("rsi"), macd: spec("macd") }
  const resolve = (reference: string) => Indicators.resolve(Indicators.builtIn, specs, reference)

  it("mean an output by name, the first where none is named", () => {
    expect(resolve("rsi14")?.output).toBe(0)
    expect(resolve("macd")?.output).toBe(0)
    expect(resolve("macd.histogram")).toMatchObject({ name: "macd", output: 2 })
  })

  it("mean nothing where there is no such indicator or output", () => {
    for (const reference of ["", "rsi", "macd.x", "macd.signal.x", "toString", "__proto__"])
      expect(resolve(reference), reference).toBeUndefined()
  })

  it("are listed", () => {
    expect(Indicators.references(Indicators.builtIn, specs)).toEqual([
      "rsi14",
      "rsi14.value",
      "macd",
      "macd.macd",
      "macd.signal",
      "macd.histogram",
    ])
  })
})
