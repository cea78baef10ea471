import { execFileSync } from "node:child_process"
import {
  copyFileSync,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { readFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SystemError, type SystemErrorReason } from "@effect/platform/Error"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Cli from "../../../src/node/Cli.js"
import * as GivenFile from "../../../src/node/GivenFile.js"
import * as TestOutput from "../../utils/TestOutput.js"

const command = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktrdr-files-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true })),
  ),
  (home) => {
    const environment = ConfigProvider.fromMap(new Map([["KTRDR_HOME", home]]))
    const run = (...words: ReadonlyArray<string>) =>
      TestOutput.run(Cli.run(words)).pipe(Effect.withConfigProvider(environment))
    const load = (file: string, timeframe = "1d", ...more: ReadonlyArray<string>) =>
      run(
        "data",
        "import",
        file,
        "--symbol",
        "KO",
        "--timeframe",
        timeframe,
        "--venue",
        "XNYS",
        "--no-progress",
        ...more,
      )
    const file = (name: string, content: string): string => {
      writeFileSync(join(home, name), content)
      return join(home, name)
    }
    const shown = (timeframe = "1d") =>
      Effect.map(run("data", "show", "KO", timeframe, "--json"), ({ out }) =>
        out
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line)),
      )
    return { home, run, load, file, shown }
  },
)

const head = "date,open,high,low,close,volume"
const control = /[^\P{Cc}\n]/u

describe("data import", () => {
  it.scopedLive("takes CSV and Parquet, told apart by what is in them", () =>
    Effect.gen(function* () {
      const { home, run, load, file, shown } = yield* command
      const csv = file(
        "bars.parquet",
        `\uFEFF${head}\r\n2024-01-02,1,2,1,2,\r\n2024-01-03,"1,000.5","2,000.5",1,2,3\r\n`,
      )
      expect(yield* load(csv)).toMatchObject({
        result: 0,
        err: "",
        out: expect.stringContaining("KO 1d: 2 bars imported\n"),
      })
      const bars = yield* shown()
      expect(bars).toMatchObject([
        { volume: null },
        { start: "2024-01-03T00:00:00Z", open: 1000.5, volume: 3 },
      ])
      const parquet = readdirSync(join(home, "data/candles/XNYS/KO/1d")).find(
        (name) => name === "2024.parquet",
      )!
      copyFileSync(join(home, "data/candles/XNYS/KO/1d", parquet), join(home, "copy.csv"))
      const again = yield* run(
        "data",
        "import",
        join(home, "copy.csv"),
        "--symbol",
        "PG",
        "--timeframe",
        "1d",
        "--json",
        "--no-progress",
      )
      expect(JSON.parse(again.out)).toMatchObject({ symbol: "PG", rows: 2 })
      expect(again.err).toMatch(/^warning: PG is taken for a stock/)
    }),
  )

  it.scopedLive("reads stamps without an offset by the clock of --timezone", () =>
    Effect.gen(function* () {
      const { load, file, shown } = yield* command
      const csv = file("bars.csv", `${head}\n2024-01-02 09:30,1,2,1,2,3\n2024-07-02 09:30,1,2,1,2,3\n`)
      expect(yield* load(csv, "1h", "--timezone", "America/New_York")).toMatchObject({ result: 0 })
      expect((yield* shown("1h")).map(({ start }) => start)).toEqual([
        "2024-01-02T14:30:00Z",
        "2024-07-02T13:30:00Z",
      ])
      const daily = yield* load(csv, "1d", "--timezone", "America/New_York")
      expect([daily.result, daily.err]).toEqual([2, expect.stringContaining("no time zone for 1d bars")])
      const nowhere = yield* load(csv, "1h", "--timezone", "Mars/Olympus")
      expect([nowhere.result, nowhere.err]).toEqual([2, expect.stringContaining("--timezone")])
    }),
  )

  it.scopedLive("reads what can be read but once", () =>
    Effect.gen(function* () {
      const { home, load, shown } = yield* command
      const pipe = join(home, "pipe")
      execFileSync("mkfifo", [pipe])
      const writer = createWriteStream(pipe)
      writer.end(`${head}\n2024-01-02,1,2,1,2,3\n`)
      expect(yield* load(pipe)).toMatchObject({ result: 0, out: expect.stringContaining("1 bar imported") })
      expect(yield* shown()).toHaveLength(1)
      const again = createWriteStream(pipe)
      again.end("PAR1\u0015\u0000")
      const parquet = yield* load(pipe)
      expect([parquet.result, parquet.err]).toEqual([
        1,
        `ktrdr: ${pipe}: expected CSV, for this can be read but once, found a Parquet file. Write it to a disk, ` +
          "and import that file.\n",
      ])
    }),
  )

  it.scopedLive("stores nothing of a file that has a fault, and shows none of its escape sequences", () =>
    Effect.gen(function* () {
      const { home, load, file } = yield* command
      const escape = "\u001b[2J\u009b31m"
      mkdirSync(join(home, "folder"))
      for (const [path, what] of [
        [
          file("number.csv", `${head}\n2024-01-02,1,2,1,2,3\n2024-01-03,1,${escape},1,2,3\n`),
          /number\.csv line 3, column high: expected a number, found /,
        ],
        [
          file("head.csv", `when${escape},open,high,low,close,volume\n`),
          /head\.csv line 1, column timestamp: expected one time column/,
        ],
        [file("column.csv", `date,open,high,low,close\n`), /column\.csv line 1, column volume: /],
        [file("empty.csv", ""), /empty\.csv: expected a head such as /],
        [file(`name${escape}.csv`, "nothing"), /name \[2J 31m\.csv line 1, column timestamp: /],
        [join(home, "none.csv"), /none\.csv: expected a file of bars to read, found NotFound/],
        [join(home, "folder"), /folder: expected a file of bars to read, found /],
      ] as const) {
        const { result, out, err } = yield* load(path)
        expect([path, result, out]).toEqual([path, 1, ""])
        expect(err).toMatch(what)
        expect(err).not.toMatch(control)
      }
      expect(readdirSync(home)).not.toContain("data")
    }),
  )

  it.scopedLive("shows a file's name in progress without its escape sequences", () =>
    Effect.gen(function* () {
      const { run, file } = yield* command
      const path = file("a\u001b[2Jb.csv", `${head}\n2024-01-02,1,2,1,2,3\n`)
      const { result, err } = yield* run(
        "data",
        "import",
        path,
        "--symbol",
        "KO",
        "--timeframe",
        "1d",
        "--json",
      )
      expect(result).toBe(0)
      expect(err).not.toMatch(control)
    }),
  )
})

describe("data export", () => {
  it.scopedLive("leaves a link what it is, and writes to a pipe or a device as it is", () =>
    Effect.gen(function* () {
      const { home, run, load, file } = yield* command
      yield* load(file("bars.csv", `${head}\n2024-01-02,1,2,1,2,3\n`))
      const { out } = yield* run("data", "export", "KO", "1d")
      symlinkSync("real.csv", join(home, "link.csv"))
      file("real.csv", "old")
      expect(yield* run("data", "export", "KO", "1d", "--output", join(home, "link.csv"))).toMatchObject({
        result: 0,
      })
      expect(readlinkSync(join(home, "link.csv"))).toBe("real.csv")
      expect(readFileSync(join(home, "real.csv"), "utf8")).toBe(out)

      const pipe = join(home, "pipe")
      execFileSync("mkfifo", [pipe])
      const [read, written] = yield* Effect.all(
        [
          Effect.tryPromise(() => readFile(pipe, "utf8")),
          run("data", "export", "KO", "1d", "--output", pipe),
        ],
        { concurrency: "unbounded" },
      )
      expect([read, written.result, written.out]).toEqual([out, 0, ""])
      expect(statSync(pipe).isFIFO()).toBe(true)
      expect(readdirSync(home).sort()).toEqual(["bars.csv", "data", "link.csv", "pipe", "real.csv"])
    }),
  )

  it.scopedLive("writes a file whole or not at all, and leaves nothing beside it", () =>
    Effect.gen(function* () {
      const { home, run, load, file } = yield* command
      yield* load(file("bars.csv", `${head}\n2024-01-02,1,2,1,2,3\n`))
      expect(yield* run("data", "export", "KO", "1d")).toEqual({
        result: 0,
        out: "timestamp,open,high,low,close,volume\n2024-01-02T00:00:00Z,1,2,1,2,3\n",
        err: "",
      })
      mkdirSync(join(home, "taken"))
      expect(yield* run("data", "export", "KO", "1d", "--output", join(home, "taken"))).toMatchObject({
        result: 1,
        out: "",
      })
      expect(yield* run("data", "export", "KO", "1d", "--output", join(home, "out.csv"))).toMatchObject({
        result: 0,
      })
      expect(readdirSync(home).sort()).toEqual(["bars.csv", "data", "out.csv", "taken"])
    }),
  )
})

describe("GivenFile.fault", () => {
  it("advises by what is wrong", () => {
    const fault = GivenFile.fault("InvalidFile", "a.csv", "a file to write")
    const advice = (reason: SystemErrorReason, description?: string) =>
      fault(
        new SystemError({
          module: "FileSystem",
          method: "writeAll",
          reason,
          ...(description === undefined ? {} : { description }),
        }),
      ).advice
    expect(advice("Unknown", "ENOSPC: no space left on device, write")).toContain("Free space")
    expect(advice("BadResource")).toBe("Name a file in it")
    expect(advice("NotFound")).toBe("Check the file's name and permissions")
  })
})
