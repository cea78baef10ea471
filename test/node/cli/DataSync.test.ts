import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Cli from "../../../src/node/Cli.js"
import * as Hosts from "../../hosts/ib/Hosts.js"
import * as TestOutput from "../../utils/TestOutput.js"

/** A home of its own, and the command line over it. */
const command = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktrdr-sync-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true })),
  ),
  (home) => {
    const environment = ConfigProvider.fromMap(new Map([["KTRDR_HOME", home]]))
    const run = (...words: ReadonlyArray<string>) =>
      TestOutput.run(Cli.run(words)).pipe(Effect.withConfigProvider(environment))
    return { home, run }
  },
)

const lines = (text: string) => text.trim().split("\n")

describe("data sync", () => {
  it.scopedLive("brings every stored series up to date, and leaves what came from elsewhere", () =>
    Effect.gen(function* () {
      const url = yield* Hosts.serve()
      const { home, run } = yield* command
      const host = ["--host", url, "--no-progress"]
      const empty = yield* run("data", "sync", ...host)
      expect(empty).toEqual({
        result: 0,
        out: "",
        err: "No series is kept yet. Load one: ktrdr data load SPX 1d\n",
      })

      const part = ["--mode", "full", "--start", "2024-01-02", "--end", "2024-02-01"]
      expect(yield* run("data", "load", "AAPL", "KO", "1d", ...part, ...host)).toMatchObject({ result: 0 })
      const file = join(home, "ibm.csv")
      writeFileSync(file, "date,open,high,low,close,volume\n2024-01-02,1,2,1,2,3\n")
      const given = ["--symbol", "IBM", "--timeframe", "1d", "--venue", "XNYS", "--no-progress"]
      expect(yield* run("data", "import", file, ...given)).toMatchObject({ result: 0 })

      const synced = yield* run("data", "sync", ...host, "--json")
      expect(synced.result).toBe(0)
      expect(lines(synced.out).map((line) => JSON.parse(line))).toMatchObject([
        { symbol: "AAPL", mode: "tail", given_up: [] },
        { symbol: "KO", mode: "tail", given_up: [] },
      ])
      for (const line of lines(synced.out)) {
        const report = JSON.parse(line)
        expect([report.present, report.missing]).toEqual([report.expected, []])
        expect(report.fetched).toBeGreaterThan(200)
      }
      expect(synced.err).toMatch(
        /^note: left as they are, for their bars did not come from ib: IBM 1d \(import\); name their symbols or /,
      )

      const again = yield* run("data", "sync", ...host, "--json")
      expect(lines(again.out).map((line) => JSON.parse(line))).toMatchObject([{ fetched: 0 }, { fetched: 0 }])
      const named = yield* run("data", "sync", "IBM", ...host, "--json")
      expect(lines(named.out).map((line) => JSON.parse(line).symbol)).toEqual(["IBM"])
      expect(JSON.parse(named.out).fetched).toBeGreaterThan(200)
    }),
  )

  it.scopedLive("fails where a symbol has no series, or a list cannot be read", () =>
    Effect.gen(function* () {
      const { home, run } = yield* command
      const host = ["--host", "http://127.0.0.1:9", "--no-progress"]
      const file = join(home, "spx.csv")
      writeFileSync(file, "date,open,high,low,close,volume\n2024-01-02,1,2,1,2,3\n")
      yield* run("data", "import", file, "--symbol", "SPX", "--timeframe", "1d", "--no-progress")
      const unknown = yield* run("data", "sync", "GE", ...host)
      expect(unknown).toMatchObject({ result: 1, out: "" })
      expect(unknown.err).toBe(
        "ktrdr: GE: expected a series in the store for each symbol, found none. " +
          "Load it first: ktrdr data load GE TIMEFRAME.\n",
      )
      const list = join(home, "list.txt")
      writeFileSync(list, "SPX\n\n\u001b[2J\n")
      const bad = yield* run("data", "sync", "--symbols", list, ...host)
      expect(bad).toMatchObject({ result: 2, out: "" })
      expect(bad.err).toMatch(/^ktrdr: \S+list\.txt line 3: expected a letter or digit, /)
      expect(bad.err).not.toContain("\u001b")
      const missing = yield* run("data", "sync", "--symbols", join(home, "none.txt"), ...host)
      expect(missing).toMatchObject({ result: 2, out: "" })
    }),
  )

  it.scopedLive("goes on where one series fails, and then fails", () =>
    Effect.gen(function* () {
      const url = yield* Hosts.serve()
      const { home, run } = yield* command
      const host = ["--host", url, "--no-progress"]
      const list = join(home, "list.txt")
      writeFileSync(list, "# watched\nAAPL\nNONE\nKO\n")
      const part = ["--mode", "full", "--start", "2024-01-02", "--end", "2024-02-01"]
      const loaded = yield* run("data", "load", "1d", "--symbols", list, ...part, ...host)
      expect(loaded.result).toBe(1)
      expect(loaded.err).toMatch(/^ktrdr: NONE: /)
      expect(loaded.err).not.toContain("Load what failed")
      expect(loaded.out).toContain("AAPL 1d: 21 of 21 expected bars present\n")
      expect(loaded.out).toContain("KO 1d: 21 of 21 expected bars present\n")
    }),
  )
})
