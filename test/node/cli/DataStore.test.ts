import { appendFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as CommandLine from "../../utils/CommandLine.js"

const head = "timestamp,open,high,low,close,volume\n"
const imported = Effect.gen(function* () {
  const line = yield* CommandLine.make
  const file = yield* line.file("bars.csv", `${head}2023-12-29,1,2,1,2,10\n2024-01-02,2,3,2,3,20\n`)
  for (const symbol of ["AAPL", "MSFT"]) {
    const words = ["--symbol", symbol, "--timeframe", "1d", "--venue", "XNYS", "--type", "stock"]
    yield* line.run("data", "import", file, ...words)
  }
  return { ...line, folder: (symbol: string) => `${line.path}/data/candles/XNYS/${symbol}/1d` }
})

const lines = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)

it.scopedLive("verify says that all is sound", () =>
  Effect.gen(function* () {
    const { run } = yield* imported
    const { result, out, err } = yield* run("data", "verify")
    expect([result, err]).toEqual([0, ""])
    expect(out).toMatch(/^AAPL 1d: sound\n {2}2 bars in 2 files, [\d,]+ bytes\nMSFT 1d: sound\n/)
    const one = yield* run("data", "verify", "MSFT", "1d", "--json", "--no-progress")
    expect(lines(one.out)).toMatchObject([{ symbol: "MSFT", timeframe: "1d", rows: 2, faults: [] }])
    const none = yield* run("data", "verify", "KO", "1d")
    expect(none).toEqual({ result: 0, out: "", err: "Nothing is kept of KO 1d\n" })
  }),
)

it.scopedLive("verify names a damaged file and what to do, of the series that has one", () =>
  Effect.gen(function* () {
    const { folder, run } = yield* imported
    appendFileSync(`${folder("AAPL")}/2023.parquet`, "x")
    const { result, out } = yield* run("data", "verify")
    expect(result).toBe(1)
    expect(out).toContain("AAPL 1d: 1 fault\n")
    expect(out).toMatch(
      /fault: candles\/XNYS\/AAPL\/1d\/2023\.parquet: its bytes are not those that were written: .* Load the series again/,
    )
    expect(out).toContain("MSFT 1d: sound\n")
    expect(readdirSync(folder("AAPL"))).toEqual(["2023.parquet", "2024.parquet", "manifest.json"])
  }),
)

it.scopedLive("compact removes what crashes left, sets what is damaged aside, and says so", () =>
  Effect.gen(function* () {
    const { folder, run } = yield* imported
    writeFileSync(`${folder("AAPL")}/2024.parquet.3.tmp`, "half")
    rmSync(`${folder("MSFT")}/2023.parquet`)
    writeFileSync(`${folder("MSFT")}/2023.parquet`, "not Parquet")
    const { result, out } = yield* run("data", "compact")
    expect(result).toBe(0)
    expect(out).toContain("AAPL 1d: removed 2024.parquet.3.tmp\n")
    expect(out).toContain("  damaged and set aside: 2023.parquet.damaged-1\n")
    expect(readdirSync(folder("AAPL"))).toEqual(["2023.parquet", "2024.parquet", "manifest.json"])
    const again = yield* run("data", "compact", "AAPL", "1d", "--json", "--no-progress")
    expect(lines(again.out)).toMatchObject([{ symbol: "AAPL", removed: [], rewritten: [], folded: [] }])
  }),
)

it.scopedLive("an empty store needs neither", () =>
  Effect.gen(function* () {
    const { run } = yield* CommandLine.make
    for (const command of ["verify", "compact"]) {
      const { result, out, err } = yield* run("data", command)
      expect([result, out, err]).toEqual([0, "", "No series is kept yet. Load one: ktrdr data load SPX 1d\n"])
    }
  }),
)
