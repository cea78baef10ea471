import { readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Cli from "../../src/node/Cli.js"
import * as Commands from "../../src/node/cli/Commands.js"
import * as Http from "../../src/node/Http.js"
import * as TestOutput from "../utils/TestOutput.js"

const run = (line: string) => TestOutput.run(Cli.run(line.split(" ").filter((word) => word !== "")))

describe("help", () => {
  it.effect("lists every command", () =>
    Effect.gen(function* () {
      const { result, out, err } = yield* run("--help")
      expect([result, err]).toEqual([0, ""])
      for (const { path, summary } of Commands.all)
        expect(out).toMatch(new RegExp(`  ${path.join(" ")} +${summary}\n`))
      expect(yield* run("")).toEqual({ result: 0, out, err: "" })
    }),
  )

  it.effect("of a group lists its commands", () =>
    Effect.gen(function* () {
      const { out } = yield* run("data --help")
      expect(out).toContain("\n  load      Fetch the bars")
      expect(out).not.toContain("demo")
    }),
  )

  it.effect("of every command has usage, options and examples that are understood, in lines that fit", () =>
    Effect.gen(function* () {
      for (const { path, options, examples } of Commands.all) {
        const { result, out, err } = yield* run(`${path.join(" ")} --help`)
        expect([result, err]).toEqual([0, ""])
        expect(out).toContain(`Usage:\n  ktrdr ${path.join(" ")}`)
        for (const { names } of options) expect(out).toMatch(new RegExp(`\n  ${names[0]} .*\\w`))
        for (const [line] of examples) expect(out).toContain(`  ktrdr ${line}\n`)
        for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(110)
        expect(out).not.toContain("\u001b")
      }
    }),
  )

  it.effect("says which arguments may be left out", () =>
    Effect.gen(function* () {
      expect((yield* run("data sync --help")).out).toContain("  ktrdr data sync [SYMBOL...] [options]\n")
      expect((yield* run("data check --help")).out).toContain("  ktrdr data check [SYMBOL TIMEFRAME] [opt")
      expect((yield* run("data load --help")).out).toContain("  ktrdr data load SYMBOL... TIMEFRAME [opt")
      expect((yield* run("host --help")).out).toMatch(/^ktrdr host: 2 commands\n/)
    }),
  )

  it.effect("of data load", () =>
    Effect.gen(function* () {
      const { out } = yield* run("data load --help")
      expect(out).toMatchInlineSnapshot(`
        "ktrdr data load: Fetch the bars that a series lacks, and keep them

        Usage:
          ktrdr data load SYMBOL... TIMEFRAME [options]

        Arguments:
          SYMBOL... TIMEFRAME  Symbols, then one of 1s 5s 10s 15s 30s 1m 5m 15m 30m 1h 4h 1d 1w

        Options:
          --symbols FILE                   A file of further symbols, one a line
          --mode local|tail|backfill|full  tail (the default): newer bars; backfill: older; full: all; local: none
          --start DATE                     First instant, such as 2024-01-02 or 2024-01-02T14:30:00Z
          --end DATE                       Instant behind the last, exclusive
          --extended                       Extended hours: a series of its own beside the regular one
          --calendar FILE                  A JSON file of calendars, for venues that have none here
          --recheck                        Ask again for bars that the source is known not to have
          --plan                           Say what it would ask for and how long that takes at least, and stop
          --pacing strict|adaptive|none    adaptive (the default): the IB rules; strict: for longer bars too; none
          --detach                         Load in the background, and print the operation's id
          --server URL                     Work through ktrdr serve there, with the token in KTRDR_API_TOKEN
          --host URL                       URL of the IB host; else IB_HOST_SERVICE_URL, else an embedded host
          --json                           Reports as JSON lines, progress as JSON lines on standard error
          --no-progress                    Show no progress
          --help                           Show this text

        Examples:
          ktrdr data load SPX 1d --mode full
              Everything there is of the S&P 500, daily
          ktrdr data load AAPL MSFT EUR/USD 1h
              What is newer than what is kept, of three series at once
          ktrdr data load 1d --symbols watchlist.txt
              The same of every symbol of a file
          ktrdr data load AAPL 1m --mode full --detach
              In the background; operations watch shows how far it is
          ktrdr data load AAPL 1d --server http://127.0.0.1:8000
              By a server, into its store
          ktrdr data load AAPL 1m --mode full --start 2024-01-02 --end 2024-02-01
              One month, gaps included
          ktrdr data load AAPL 1s --mode full --start 2024-01-02 --plan
              How many requests that takes, and how long at least
        "
      `)
    }),
  )
})

describe("version", () => {
  it.effect("is the package's", () =>
    Effect.gen(function* () {
      const { version } = JSON.parse(readFileSync("package.json", "utf8"))
      expect(yield* run("--version")).toEqual({ result: 0, out: `${version}\n`, err: "" })
    }),
  )
})

describe("a wrong command line", () => {
  const cases: ReadonlyArray<readonly [line: string, message: string | RegExp]> = [
    ["data load SPX 1d --mod full", 'unknown option "--mod". Did you mean --mode?'],
    ["data load SPX 1d --mode ful", '--mode: expected one of local tail backfill full, found "ful"'],
    ["data load SPX 2d", /timeframe: expected one of 1s .* 1w, found "2d"/],
    ["data load SPX", "Missing argument"],
    ["data load", "Missing argument"],
    ["data load ../x 1d", 'found "../x". Give a symbol such as AAPL'],
    ["data load SPX 1d --start 2024-02-30", "--start: expected a date or an ISO instant"],
    ["data load SPX 1d --start", "option --start needs a value"],
    ["data show SPX 1d extra", 'unexpected argument "extra"'],
    ["data show SPX 1d --limit many", "--limit: expected a whole number"],
    ["data import bars.csv --timeframe 1d", "--symbol"],
    ["data import bars.csv --symbol SPX --timeframe 1d --type house", "--type: expected one of stock"],
    ["data import bars.csv --symbol SPX --timeframe 1d --venue a/b", "--venue: expected"],
    ["host ib --port 70000", "--port: expected a whole number from 0 to 65535"],
    ["host ib --port 0 --source nowhere", "--source: expected simulated, sample or csv:DIR"],
    ["host ib --port 0 --source csv:/nowhere", "--source: expected a folder that can be read"],
    ["host ib --port 0 --faults x", "faults: expected KIND=SHARE"],
    ["host training --max-sessions 0", "--max-sessions: expected a whole number from 1 to 64"],
    ["host training --abandon-after soon", "--abandon-after: expected a time of a second or more"],
    ["host training --host 0.0.0.0", "or a token in KTRDR_HOST_TOKEN"],
    ["data load SPX 1d --host nowhere", "expected baseUrl to be an http or https URL"],
    ["data", "missing command: expected one of load, sync"],
    ["data lode SPX 1d", "Did you mean load?"],
  ]

  for (const [line, message] of cases) {
    it.effect(line, () =>
      Effect.gen(function* () {
        const { result, out, err } = yield* run(line)
        expect([result, out]).toEqual([2, ""])
        expect(err).toMatch(message)
        expect(err).not.toMatch(/\n\s+at /)
        expect(err).not.toContain("\u001b")
        expect(err.split("ktrdr:")).toHaveLength(2)
      }),
    )
  }
})

describe("a wrong setting", () => {
  it.effect("is named, as is what to do about it", () =>
    Effect.gen(function* () {
      const environment = ConfigProvider.fromMap(new Map([["USE_IB_HOST_SERVICE", "maybe"]]))
      expect(yield* Effect.withConfigProvider(run("data load SPX 1d"), environment)).toEqual({
        result: 2,
        out: "",
        err: expect.stringMatching(
          /^ktrdr: USE_IB_HOST_SERVICE: Expected a boolean .*\. Correct this setting, /,
        ),
      })
    }),
  )

  it.effect("and an address that cannot be listened on by what is wrong with it", () =>
    Effect.gen(function* () {
      const advice = yield* Layer.launch(Http.layer({ host: "999.1.1.1", port: 0 })).pipe(Effect.flip)
      expect(advice.advice).toBe("Choose another with --host or --port")
    }),
  )
})
