import * as Fs from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schema from "effect/Schema"
import { afterAll, beforeAll } from "vitest"
import * as Candle from "../../src/data/Candle.js"
import * as CandleSource from "../../src/data/CandleSource.js"
import * as CandleStore from "../../src/data/CandleStore.js"
import { Payload } from "../../src/data/LoadData.js"
import * as Symbol from "../../src/data/Symbol.js"
import * as Loading from "../../src/node/Loading.js"
import * as Main from "../../src/node/Main.js"
import * as TerminalProgress from "../../src/node/TerminalProgress.js"
import { ProgressSnapshot } from "../../src/ProgressSnapshot.js"
import * as TimeEstimator from "../../src/TimeEstimator.js"
import * as Command from "../utils/Command.js"
import * as CommandLine from "../utils/CommandLine.js"
import * as FaultySource from "../utils/FaultySource.js"
import * as TestOutput from "../utils/TestOutput.js"
import { VirtualTime } from "../utils/VirtualTime.js"

const hour = 3600 * 1000
const day = 24 * hour
const start = Date.UTC(2024, 0, 2)
const end = Date.UTC(2024, 1, 15)
const names = ["AAPL", "MSFT", "IBM"] as const
const series = names.map((name) => ({
  symbol: Symbol.Symbol.make(name),
  timeframe: "1m" as const,
  candles: Candle.fromRows(
    Array.from({ length: (end - start) / day }, (_, index) => ({
      start: start + index * day + 15 * hour,
      open: 1,
      high: 2,
      low: 1,
      close: 2,
      volume: 3,
    })),
  ),
}))

/** One request at a time, each of which takes three seconds. */
const slow = Layer.effect(
  CandleSource.CandleSource,
  Effect.map(CandleSource.CandleSource, (source) =>
    FaultySource.wrap({ ...source, concurrency: 1 }, (_, answer) => Effect.delay(answer, 3000)),
  ),
).pipe(Layer.provide(CandleSource.layerMemory({ series })))

const system = Layer.merge(Main.layerLoad(slow, CandleStore.layerMemory), TimeEstimator.layerMemory)

const payload = (symbol: (typeof names)[number]) =>
  Schema.decodeSync(Payload)({ symbol, timeframe: "1m", mode: "full" })

/** What is written on standard error while the loads run, one after another, by a clock of their own. */
const written = (
  output: TestOutput.TestOutput,
  json: boolean,
  ...loads: ReadonlyArray<ReadonlyArray<(typeof names)[number]>>
): string => {
  const time = new VirtualTime()
  time.shift = end
  const program = Effect.forEach(loads, (symbols) =>
    TerminalProgress.make({ json, silent: false }).pipe(
      Effect.flatMap((observer) => Loading.run(symbols.map(payload), { observer })),
      Effect.scoped,
    ),
  )
  const exit = time.run(Effect.provide(program, Layer.merge(system, output.layer)))
  expect(Exit.isSuccess(exit) ? undefined : exit.cause).toBeUndefined()
  return output.err()
}

const snapshotsOf = (text: string): ReadonlyArray<ProgressSnapshot> =>
  text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => Schema.decodeUnknownSync(ProgressSnapshot)(JSON.parse(line)))

/** When an estimate was told first. */
const toldAt = (snapshots: ReadonlyArray<ProgressSnapshot>) =>
  snapshots.find(({ eta }) => eta !== null)!.elapsed

describe("the time left of a load", () => {
  it("is part of plain lines", () => {
    const lines = written(TestOutput.make(), false, ["AAPL"]).split("\n")
    expect(lines.some((line) => / segment \d+\/3\d · [\d,]+ bars · ETA \d+s$/.test(line))).toBe(true)
  })

  it("is part of the tree on a terminal", () => {
    const terminal = TestOutput.make({ columns: 100, rows: 20 }, { NO_COLOR: "1", LANG: "C.UTF-8" })
    expect(written(terminal, false, ["AAPL"])).toMatch(/ segment \d+\/3\d · [\d,]+ bars · ETA \d+s/)
  })

  it("is part of JSON lines, with its band, and none before anything is known", () => {
    const snapshots = snapshotsOf(written(TestOutput.make(), true, ["AAPL"]))
    expect(snapshots[0]!.eta).toBeNull()
    expect(snapshots.at(-1)).toMatchObject({ status: "completed", eta: null })
    const all = snapshots.at(-1)!.elapsed
    const half = snapshots.find(({ fraction }) => fraction !== null && fraction > 0.5)!
    expect(half.eta!.low).toBeLessThan(all - half.elapsed)
    expect(half.eta!.high).toBeGreaterThan(all - half.elapsed)
  })

  it("is known before the first segment came, once a load was learned from", () => {
    const [one, other] = [["AAPL"], ["MSFT"]] as const
    const alone = snapshotsOf(written(TestOutput.make(), true, one))
    expect(toldAt(alone)).toBeGreaterThanOrEqual(3000)
    const again = snapshotsOf(written(TestOutput.make(), true, one, other)).slice(alone.length)
    expect(toldAt(again)).toBeLessThan(3000)
    const eta = again.find(({ eta }) => eta !== null)!.eta!
    expect(eta.p50 / again.at(-1)!.elapsed).toBeCloseTo(1, 1)
  })

  it("is that of all of them where many are loaded", () => {
    const snapshots = snapshotsOf(written(TestOutput.make(), true, names))
    const all = snapshots.at(-1)!.elapsed
    const half = snapshots.find(({ elapsed }) => elapsed > all / 2)!
    expect(half.eta!.p50).toBeGreaterThan(0.2 * all)
    expect(half.eta!.p50).toBeLessThan(0.8 * all)
    expect(half.message).toMatch(/ 1m data \(full mode\) · \d\/3 series · ETA /)
  })
})

const words = (symbol: string) =>
  ["data", "load", symbol, "1h", "--mode", "full", "--start", "2024-01-02", "--end", "2024-02-01"] as const

describe("ktrdr data load", () => {
  const home = Command.home()
  beforeAll(() => Command.prepare(), 60_000)
  afterAll(() => home.dispose())

  it.scopedLive(
    "learns under the home, two processes at once as well, and what is damaged is set aside",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const folder = `${cli.path}/estimates`
        const file = `${folder}/data_load%201h%20full`
        const runs = () => Schema.decodeSync(TimeEstimator.Entry)(Fs.readFileSync(file, "utf8")).runs
        const process = (symbol: string) =>
          Effect.promise(() => home.run(words(symbol), { KTRDR_HOME: cli.path }))
        const ended = yield* Effect.all([process("AAPL"), process("MSFT")], { concurrency: 2 })
        expect(ended.map(({ code }) => code)).toEqual([0, 0])
        expect(Fs.readdirSync(folder)).toEqual(["data_load%201h%20full"])
        const before = runs().length
        expect([1, 2]).toContain(before)
        yield* cli.run(...words("IBM"))
        expect(runs()).toHaveLength(before + 1)
        yield* cli.run(...words("IBM"))
        expect(runs()).toHaveLength(before + 1)
        Fs.writeFileSync(file, '{"version":1,"ru')
        const quiet = Logger.withMinimumLogLevel(cli.run(...words("KO")), LogLevel.None)
        expect((yield* quiet).result).toBe(0)
        expect(runs()).toHaveLength(1)
        expect(Fs.readFileSync(`${file}%20damaged`, "utf8")).toBe('{"version":1,"ru')
      }),
    30_000,
  )
})
