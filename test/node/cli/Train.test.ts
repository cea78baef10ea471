/** Trainings and models by the command line inside this process. */
import { readFile } from "node:fs/promises"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Package from "../../../src/node/Package.js"
import * as CommandLine from "../../utils/CommandLine.js"

const quick = ["train", "trend_following", "--epochs", "2", "--no-progress"]

const lines = (text: string) =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))

/** A home with the sample bars. */
const setUp = Effect.gen(function* () {
  const command = yield* CommandLine.make
  const sample = `${Package.samples()}SPX_1d.csv`
  const given = ["--symbol", "SPX", "--timeframe", "1d", "--venue", "XNYS", "--type", "index"]
  const imported = yield* command.run("data", "import", sample, ...given)
  expect(imported.result).toBe(0)
  return command
})

describe("train", () => {
  it.scopedLive(
    "trains the same model twice, which can be shown, asked, verified and deleted",
    () =>
      Effect.gen(function* () {
        const { path, run } = yield* setUp
        const first = yield* run(...quick)
        expect([first.result, first.err]).toEqual([0, ""])
        expect(first.out).toMatch(/^loss by epoch \| validation \*\* /)
        expect(first.out).toMatch(/\n {2}test +740 .* (beats|does not beat|below) the baseline\n/)
        expect(first.out).toContain(`\n  receipt  ${path}/models/trend_following/SPX_1d/v1/receipt.json\n`)
        expect(first.out).toContain("\n  verify   ktrdr models verify trend_following/SPX_1d/v1\n")

        const second = yield* run(...quick, "--json")
        const report = JSON.parse(second.out)
        expect(report).toMatchObject({ model: "trend_following/SPX_1d/v2", epochs: 2, seed: 7 })
        const shown = JSON.parse((yield* run("models", "show", "trend_following/SPX_1d/v1", "--json")).out)
        expect(shown.receipt.weights).toBe(report.weights)
        expect(shown.history).toHaveLength(2)

        const text = (yield* run("models", "show", "trend_following")).out
        expect(text).toContain("trend_following/SPX_1d/v2 (latest)\n")
        expect(text).toContain(`  weights    ${report.weights}\n`)

        const [one, two] = lines(
          (yield* run("models", "predict", "trend_following", "--bars", "2", "--json", "--no-progress")).out,
        )
        expect([one.time, two.time]).toEqual(["2020-04-16T00:00:00Z", "2020-04-17T00:00:00Z"])
        expect(two.probabilities.BUY + two.probabilities.HOLD + two.probabilities.SELL).toBeCloseTo(1, 5)
        expect(["BUY", "HOLD", "SELL"]).toContain(two.signal)

        expect(yield* run("models", "verify", "trend_following/SPX_1d/v1")).toMatchObject({ result: 0 })

        const refused = yield* run("models", "delete", "trend_following/SPX_1d/v1")
        expect(refused).toMatchObject({ result: 2, out: "", err: expect.stringContaining("give --yes") })
        expect(yield* run("models", "delete", "trend_following/SPX_1d/v1", "--yes")).toMatchObject({
          result: 0,
          out: "trend_following/SPX_1d/v1 is deleted\n",
        })
        const listed = lines((yield* run("models", "list", "--json")).out)
        expect(listed.map(({ latest, name }) => [name, latest])).toEqual([
          ["trend_following/SPX_1d/v2", true],
        ])

        const operations = lines((yield* run("operations", "list", "--json")).out)
        expect(operations.map(({ kind, status }) => [kind, status])).toEqual([
          ["training", "completed"],
          ["training", "completed"],
        ])
        const operation = yield* run("operations", "show", operations[0].id)
        expect(operation.out).toContain(
          "\n  payload      strategy trend_following version 1, symbols SPX, timeframes 1d, epochs 2, seed 7\n",
        )
        expect(operation.out).toContain("\n      model    trend_following/SPX_1d/v2\n")
      }),
    60_000,
  )

  it.scopedLive(
    "names what differs from a receipt",
    () =>
      Effect.gen(function* () {
        const { file, run } = yield* setUp
        yield* run(...quick)
        yield* file("models/trend_following/SPX_1d/v1/strategy.yaml", "name: other\n")
        const changed = yield* run("models", "verify", "trend_following")
        expect(changed.result).toBe(1)
        expect(changed.out).toMatch(
          /\n {2}differs: strategy\.yaml: expected SHA-256 \w+, found SHA-256 \w+\n/,
        )
      }),
    60_000,
  )

  it.scopedLive(
    "says what it would do, and leaves nothing behind",
    () =>
      Effect.gen(function* () {
        const { run } = yield* setUp
        const told = yield* run("train", "trend_following", "--dry-run", "--no-progress")
        expect(told.result).toBe(0)
        expect(told.out).toMatch(
          /^SPX 1d: 5,105 bars, .*\n {2}part +rows {2}purged {2}embargoed {2}from\n {2}train +3,505 +15 /,
        )
        expect(told.out).toMatch(/\n {2}1,507 parameters, at most 60 epochs of 28 batches/)
        const plan = JSON.parse((yield* run("train", "trend_following", "--dry-run", "--json")).out)
        expect(plan).toMatchObject({ rows: { train: 3505, validation: 724, test: 740 }, parameters: 1507 })
        expect(plan.balance.train.reduce((sum: number, rows: number) => sum + rows, 0)).toBe(3505)
        expect(yield* run("models", "list")).toMatchObject({
          out: "",
          err: expect.stringContaining("No model"),
        })
        expect(yield* run("operations", "list", "--json")).toMatchObject({ out: "" })
      }),
    60_000,
  )

  it.scopedLive(
    "goes on where it was cut short, to the bytes of a training that was not",
    () =>
      Effect.gen(function* () {
        const { file, run } = yield* setUp
        const example = `${Package.strategies()}trend_following.yaml`
        const text = (yield* Effect.promise(() => readFile(example, "utf8")))
          .replace(/^ {2}early_stopping.*\n/m, "")
          .replace("epochs: 60", "epochs: 80")
        const strategy = yield* file("long.yaml", text)
        const listed = Effect.map(run("operations", "list", "--json"), ({ out }) => lines(out))

        const running = yield* Effect.fork(run("train", strategy, "--no-progress"))
        const isOnItsWay = Effect.repeat(Effect.delay(listed, 50), {
          until: ([one]) => (one?.fraction ?? 0) > 0.3,
        })
        yield* Effect.raceFirst(isOnItsWay, Fiber.await(running))
        yield* Fiber.interrupt(running)
        const [cut] = yield* listed
        expect(cut).toMatchObject({ kind: "training", status: "cancelled" })
        const shown = JSON.parse((yield* run("operations", "show", cut.id, "--json")).out)
        expect(shown.kept).toMatch(/^checkpoint of epoch \d+/)

        const other = yield* run("train", "trend_following", "--resume", cut.id)
        expect(other).toMatchObject({
          result: 1,
          err: expect.stringContaining("a strategy that says something else"),
        })

        const resumed = JSON.parse(
          (yield* run("train", "--resume", cut.id.slice(-8), "--json", "--no-progress")).out,
        )
        const whole = JSON.parse((yield* run("train", strategy, "--json", "--no-progress")).out)
        expect(resumed).toMatchObject({ interruptions: 1, weights: whole.weights, metrics: whole.metrics })
        expect(whole.interruptions).toBe(0)
      }),
    60_000,
  )

  it.scopedLive("refuses what is wrong before it starts anything", () =>
    Effect.gen(function* () {
      const { run } = yield* CommandLine.make
      const wrong = (...words: ReadonlyArray<string>) =>
        Effect.map(run("train", ...words), ({ err, out, result }) => {
          expect(out).toBe("")
          return [result, err]
        })
      expect(yield* wrong("trend_folowing")).toEqual([
        1,
        expect.stringMatching(/Did you mean trend_following\.\n$/),
      ])
      expect(yield* wrong("./nowhere.yaml")).toEqual([
        2,
        expect.stringContaining("nowhere.yaml: expected a strategy file"),
      ])
      expect(yield* wrong()).toEqual([2, expect.stringMatching(/^ktrdr: missing STRATEGY/)])
      expect(yield* wrong("trend_following", "--timeframes", "1d,1h")).toEqual([
        1,
        expect.stringMatching(/^ktrdr: --timeframes: expected .* found 1h/),
      ])
      expect(yield* wrong("trend_following", "--symbols", "S P")).toEqual([2, expect.stringContaining("S P")])
      expect(yield* wrong("trend_following", "--dry-run", "--resume", "x")).toEqual([
        2,
        expect.stringContaining("one of the two"),
      ])
      expect((yield* run("operations", "list", "--json")).out).toBe("")
    }),
  )
})

describe("strategies", () => {
  it.scopedLive("are listed, and checked with the place of what is wrong", () =>
    Effect.gen(function* () {
      const { file, run } = yield* CommandLine.make
      const { out } = yield* run("strategies", "list", "--json")
      expect(lines(out).map(({ name }) => name)).toEqual(["mean_reversion", "trend_following"])
      expect(yield* run("strategies", "check", "trend_following", "mean_reversion")).toMatchObject({
        result: 0,
        out: expect.stringMatching(/^trend_following: ok, .*\nmean_reversion: ok, .*\n$/),
      })
      const broken = yield* file("broken.yaml", "name: x\n  bad: [\n")
      const checked = yield* run("strategies", "check", "trend_following", broken)
      expect(checked.result).toBe(1)
      expect(checked.err).toMatch(/^ktrdr: broken\.yaml line \d+ column \d+: expected /)
    }),
  )
})
