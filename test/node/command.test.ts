/** The bundle, as a user's shell runs it. */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Schema from "effect/Schema"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { LoadReport } from "../../src/data/LoadReport.js"
import { ProgressSnapshot } from "../../src/ProgressSnapshot.js"
import * as Command from "../utils/Command.js"

const home = Command.home()
beforeAll(Command.prepare, 60_000)
afterAll(home.dispose)

const linesOf = (text: string) => text.split("\n").filter((line) => line !== "")
const noTrace = (text: string) => {
  expect(text).not.toMatch(/\n\s+at /)
  expect(text).not.toContain("\u001b")
}

describe("data", () => {
  it("loads the sample completely, then makes no request, and shows what it has", async () => {
    const first = await home.run(["data", "load", "SPX", "1d", "--mode", "full"])
    expect(first.code).toBe(0)
    expect(first.out).toContain("SPX 1d: 5,105 of 5,105 expected bars present\n")
    expect(first.err).toMatch(/^No IB host given: an embedded one at http:\/\/127\.0\.0\.1:\d+ /)
    noTrace(first.out + first.err)

    const again = await home.run(["data", "load", "SPX", "1d", "--mode=full", "--json"])
    expect(again.code).toBe(0)
    const report = Schema.decodeUnknownSync(Schema.parseJson(LoadReport))(again.out.trim())
    expect(report).toMatchObject({ expected: 5105, present: 5105, fetched: 0, requests: 0, missing: [] })
    const told = linesOf(again.err).filter((line) => line.startsWith("{"))
    const last = Schema.decodeUnknownSync(Schema.parseJson(ProgressSnapshot))(told.at(-1))
    expect(last).toMatchObject({ kind: "data_load", status: "completed", fraction: 1 })

    const coverage = await home.run(["data", "coverage", "SPX", "1d", "--json"])
    expect(JSON.parse(coverage.out)).toMatchObject({
      expected: 5105,
      present: 5105,
      unexpected: 0,
      missing: [],
    })
    const part = await home.run([
      "data",
      "coverage",
      "SPX",
      "1d",
      "--start",
      "1999-12-27",
      "--end",
      "2000-01-05",
      "--json",
    ])
    expect(JSON.parse(part.out)).toMatchObject({
      expected: 7,
      present: 2,
      missing: [{ start: "1999-12-27T00:00:00.000Z", end: "2000-01-01T00:00:00.000Z" }],
    })

    const shown = await home.run(["data", "show", "SPX", "1d", "--limit", "2", "--json"])
    expect(linesOf(shown.out).map((line) => JSON.parse(line).start)).toEqual([
      "2020-04-16T00:00:00Z",
      "2020-04-17T00:00:00Z",
    ])
    const listed = await home.run(["data", "list", "--json"])
    expect(JSON.parse(listed.out)).toMatchObject({
      symbol: "SPX",
      timeframe: "1d",
      rows: 5105,
      venue: "XNYS",
    })
  }, 60_000)

  it("exports and imports the same bars, and writes a file whole or not at all", async () => {
    const file = join(home.path, "spx.csv")
    const sample = readFileSync(new URL("../../src/hosts/ib/sample/SPX_1d.csv", import.meta.url), "utf8")
    writeFileSync(file, sample)
    const imported = await home.run([
      "data",
      "import",
      "spx.csv",
      "--symbol",
      "SPXI",
      "--timeframe",
      "1d",
      "--venue",
      "XNYS",
      "--type",
      "index",
      "--no-progress",
    ])
    expect(imported).toMatchObject({ code: 0, err: "" })
    expect(imported.out).toContain("SPXI 1d: 5,105 bars imported\n")

    const printed = await home.run(["data", "export", "SPXI", "1d"])
    expect(linesOf(printed.out)).toHaveLength(5106)
    const written = await home.run(["data", "export", "SPXI", "1d", "--output", "out.csv"])
    expect(written).toMatchObject({ code: 0, out: "" })
    expect(readFileSync(join(home.path, "out.csv"), "utf8")).toBe(printed.out)
    expect(readdirSync(home.path).filter((name) => name.includes("part"))).toEqual([])
    const nowhere = await home.run(["data", "export", "SPXI", "1d", "--output", "none/out.csv"])
    expect(nowhere).toMatchObject({ code: 1, out: "" })
    expect(nowhere.err).toMatch(/^ktrdr: none\/out\.csv: expected a file to write, found/)
  }, 60_000)

  it("ends quietly when its reader leaves", () => {
    const line = `node ${join(process.cwd(), "dist/bin.js")} data show SPXI 1d; echo "rc=$?" >&2`
    const environment = { ...process.env, KTRDR_HOME: home.path }
    const shell = `{ ${line}; } 2>err.txt | head -n 1`
    const out = execFileSync("sh", ["-c", shell], { cwd: home.path, env: environment, encoding: "utf8" })
    expect(out).toMatch(/^start /)
    expect(readFileSync(join(home.path, "err.txt"), "utf8")).toMatch(/^(5,105 of 5,105 bars\n)?rc=0\n$/)
  }, 30_000)

  it("fails with one clear message", async () => {
    const lacking = await home.run(["data", "show", "KO", "1d"])
    expect(lacking).toMatchObject({ code: 1, out: "" })
    expect(lacking.err).toBe(
      "ktrdr: KO 1d: expected a series in the store, found none. Load it first: ktrdr data load KO 1d.\n",
    )
    const unknown = await home.run(["data", "load", "APPL", "1h", "--json", "--no-progress"])
    expect(unknown.code).toBe(1)
    expect(unknown.err).toMatch(/\nktrdr: APPL.*Did you mean AAPL/)
    expect(JSON.parse(unknown.out)).toMatchObject({ symbol: "APPL", error: { suggestion: "AAPL" } })
    const down = await home.run(["data", "load", "AAPL", "1h", "--no-progress"], {
      IB_HOST_SERVICE_URL: "http://127.0.0.1:9",
      IB_HOST_SERVICE_ATTEMPTS: "1",
    })
    expect(down).toMatchObject({ code: 1, out: "" })
    expect(down.err).toMatch(/^ktrdr: AAPL 1h .*found connect ECONNREFUSED/)
    noTrace(unknown.err + down.err)
  }, 60_000)

  it("leaves the environment's host unused when told to", async () => {
    const loaded = await home.run(["data", "load", "AAPL", "1d", "--no-progress"], {
      IB_HOST_SERVICE_URL: "http://127.0.0.1:9",
      USE_IB_HOST_SERVICE: "false",
    })
    expect(loaded.code).toBe(0)
    expect(loaded.err).toMatch(/^No IB host given/)
  }, 30_000)
})

describe("signals", () => {
  it("Ctrl-C keeps what was fetched, and the command that goes on fetches only the rest", async () => {
    const args = [
      "data",
      "load",
      "AAPL",
      "1m",
      "--mode",
      "full",
      "--start",
      "2024-01-02",
      "--end",
      "2024-07-01",
    ]
    const running = home.start([...args, "--json"])
    await running.shown(/"bars":[1-9]\d{3}/)
    running.child.kill("SIGINT")
    const { code, out, err } = await running.ended
    expect([code, out]).toEqual([130, ""])
    const kept = Number(/Interrupted; kept: ([\d,]+) bars\n/.exec(err)?.[1]?.replaceAll(",", ""))
    expect(kept).toBeGreaterThanOrEqual(1000)
    const continuing = /Continue with: node (\S+) (.*) --json\n +or: .* operations resume op_\S+\n$/.exec(err)
    expect(continuing?.[2]).toBe(args.join(" "))

    const rest = await home.run([...args, "--json", "--no-progress"])
    const report = JSON.parse(rest.out)
    expect(report).toMatchObject({ present: report.expected, missing: [] })
    expect(report.fetched).toBe(report.expected - kept)
  }, 60_000)

  it("SIGTERM ends a host with 143", async () => {
    const running = home.start(["host", "ib", "--port", "0", "--seed", "3"])
    const [url] = await running.shown(/http:\/\/127\.0\.0\.1:\d+/)
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ healthy: true })
    const loaded = await home.run(["data", "load", "MSFT", "1d", "--host", url, "--no-progress"])
    expect(loaded).toMatchObject({ code: 0, err: "" })
    const port = new URL(url).port
    const taken = await home.run(["host", "ib", "--port", port])
    expect(taken).toMatchObject({ code: 1, out: "" })
    expect(taken.err).toMatch(new RegExp(`^ktrdr: 127\\.0\\.0\\.1:${port}: expected an address to listen on`))
    running.child.kill("SIGTERM")
    expect(await running.ended).toMatchObject({ code: 143, out: `${url}\n` })
  }, 60_000)
})

describe("demo", () => {
  it("shows both loads of the sample, trains the example as it is shipped, and leaves nothing but the model behind", async () => {
    mkdirSync(join(home.path, "strategies"))
    writeFileSync(join(home.path, "strategies", "trend_following.yaml"), "name: [")
    const { code, out, err } = await home.run(["demo"])
    expect(code).toBe(0)
    expect(out).toContain("SPX 1d: 5,105 of 5,105 expected bars present\n")
    expect(out).toContain("nothing to fetch: no request was made")
    expect(linesOf(out).filter((line) => line.includes("1m: "))).toHaveLength(3)
    const folder = /state is kept in (\S+)/.exec(err)?.[1]
    expect(existsSync(folder ?? "/")).toBe(false)
    expect(out).toMatch(/\n {2}test +740 .* (beats|does not beat|below) the baseline\n/)
    const receipt = /^ {2}receipt {2}(\S+)$/m.exec(out)?.[1]
    expect(existsSync(receipt ?? "/nowhere")).toBe(true)
  }, 90_000)
})
