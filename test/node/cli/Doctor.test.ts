import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import pico from "picocolors"
import * as Cli from "../../../src/node/Cli.js"
import * as DoctorMachine from "../../../src/node/cli/DoctorMachine.js"
import * as DoctorReport from "../../../src/node/cli/DoctorReport.js"
import * as DoctorSeries from "../../../src/node/cli/DoctorSeries.js"
import * as Http from "../../../src/node/Http.js"
import * as Hosts from "../../hosts/ib/Hosts.js"
import { bars, day, newYork } from "../../utils/Calendars.js"
import * as TestOutput from "../../utils/TestOutput.js"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "ktrdr-doctor-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

const run = (environment: Readonly<Record<string, string>>, ...words: ReadonlyArray<string>) =>
  TestOutput.run(Cli.run(words)).pipe(
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment)))),
  )

interface Told extends DoctorReport.Check {
  readonly [fact: string]: unknown
}

/** What the doctor says as JSON, by what it is about. */
const examine = (environment: Readonly<Record<string, string>>, ...words: ReadonlyArray<string>) =>
  Effect.map(run(environment, "doctor", "--json", ...words), ({ result, out }) => {
    const { status, checks }: { status: string; checks: ReadonlyArray<Told> } = JSON.parse(out)
    return { result, status, about: Object.fromEntries(checks.map((check) => [check.about, check])) }
  })

const csv = (dates: ReadonlyArray<string>) =>
  ["date,open,high,low,close,volume", ...dates.map((date) => `${date},1,2,1,2,3`), ""].join("\n")

/** Puts bars into the store of a home. */
const keep = (home: string, symbol: string, dates: ReadonlyArray<string>) =>
  Effect.suspend(() => {
    const file = join(home, `${symbol}.csv`)
    writeFileSync(file, csv(dates))
    const given = ["--symbol", symbol, "--timeframe", "1d", "--venue", "XNYS", "--no-progress"]
    return Effect.tap(run({ KTRDR_HOME: home }, "data", "import", file, ...given), ({ result }) =>
      Effect.sync(() => expect(result).toBe(0)),
    )
  })

describe("doctor", () => {
  it.scopedLive("finds a new home well, and leaves it as it was", () =>
    Effect.gen(function* () {
      const home = yield* folder
      const { result, status, about } = yield* examine({ KTRDR_HOME: join(home, "new", "home") })
      expect([result, status]).toEqual([0, "ok"])
      expect(about["home"]).toMatchObject({ status: "ok", path: join(home, "new", "home") })
      expect(about["home"]?.found).toContain("which the first load makes: writable, ")
      expect(about["ib host"]).toMatchObject({ status: "ok", url: null })
      expect(about["store"]?.found).toContain("No series is kept yet")
      expect(about["settings"]).toMatchObject({
        settings: { KTRDR_HOME: join(home, "new", "home"), NO_COLOR: null },
      })
      expect(about["duckdb"]?.status).toBe("ok")
      expect(readdirSync(home)).toEqual([])
    }),
  )

  it.scopedLive("says whether the host answers, and keeps its password to itself", () =>
    Effect.gen(function* () {
      const home = yield* folder
      const url = yield* Hosts.serve()
      const up = yield* examine({ KTRDR_HOME: home, IB_HOST_SERVICE_URL: url })
      expect([up.result, up.about["ib host"]?.status]).toEqual([0, "ok"])
      expect(up.about["ib host"]?.found).toMatch(/ answers, in \d+ ms$/)
      const unused = yield* examine({
        KTRDR_HOME: home,
        IB_HOST_SERVICE_URL: url,
        USE_IB_HOST_SERVICE: "false",
      })
      expect(unused.about["ib host"]).toMatchObject({ status: "ok", url: null })

      const down = yield* run(
        { KTRDR_HOME: home, IB_HOST_SERVICE_URL: "http://me:secret@127.0.0.1:9" },
        "doctor",
      )
      expect(down.result).toBe(1)
      expect(down.out).toMatch(/^problem +ib host +http:\/\/\.\.\.@127\.0\.0\.1:9/m)
      expect(down.out).toContain("IB_HOST_SERVICE_URL=http://...@127.0.0.1:9")
      expect(down.out + down.err).not.toContain("secret")
      expect(down.out).toMatch(/\n\n\d+ ok, 0 warnings, 1 problem\n$/)
      const given = yield* examine(
        { KTRDR_HOME: home, IB_HOST_SERVICE_URL: url },
        "--host",
        "http://127.0.0.1:9",
      )
      expect(given.about["ib host"]).toMatchObject({ status: "problem", url: "http://127.0.0.1:9" })
      const other = yield* Effect.provide(
        Effect.flatMap(Http.url, (url) => examine({ KTRDR_HOME: home }, "--host", url)),
        Http.layer({ host: "127.0.0.1", port: 0 }).pipe(
          Layer.tap((server) =>
            Context.get(server, HttpServer.HttpServer).serve(HttpServerResponse.empty({ status: 404 })),
          ),
        ),
      )
      expect(other.about["ib host"]).toMatchObject({
        status: "problem",
        found: expect.stringMatching(/: expected a 2xx answer, found 404/),
        advice: "See whether an IB host has this URL",
      })
      const wrong = yield* examine({ KTRDR_HOME: home, USE_IB_HOST_SERVICE: "perhaps" })
      expect([wrong.result, wrong.about["ib host"]?.status]).toEqual([1, "problem"])
    }),
  )

  it.scopedLive("looks at each URL of a host, and at the host that would train", () =>
    Effect.gen(function* () {
      const home = yield* folder
      const url = yield* Hosts.serve()
      const dead = "http://127.0.0.1:9"
      const told = (environment: Readonly<Record<string, string>>) =>
        Effect.map(run({ KTRDR_HOME: home, ...environment }, "doctor", "--json"), ({ result, out }) => {
          const { checks }: { checks: ReadonlyArray<Told> } = JSON.parse(out)
          return { result, hosts: checks.filter(({ about }) => about.endsWith(" host")) }
        })
      const two = yield* told({ IB_HOST_SERVICE_URL: `${dead},${url}` })
      expect(two.result).toBe(0)
      expect(two.hosts).toMatchObject([
        {
          about: "ib host",
          status: "warning",
          url: dead,
          state: "closed",
          connections_opened: 0,
          last_error: { reason: "ConnectionRefused", at: expect.stringMatching(/Z$/) },
        },
        { about: "ib host", status: "ok", url, state: "closed", next_try: null, last_error: null },
        {
          about: "training host",
          status: "ok",
          url: null,
          found: expect.stringContaining("this machine trains"),
        },
      ])
      const other = yield* told({ USE_TRAINING_HOST_SERVICE: "true", TRAINING_HOST_SERVICE_URL: url })
      expect([other.result, other.hosts.at(-1)]).toMatchObject([
        1,
        {
          about: "training host",
          status: "problem",
          url,
          found: `${url} answers, but as ib-connector, not as training-host`,
          advice: "Correct TRAINING_HOST_SERVICE_URL",
        },
      ])
      const wrong = yield* told({ USE_TRAINING_HOST_SERVICE: "perhaps" })
      expect([wrong.result, wrong.hosts.at(-1)?.status]).toEqual([1, "problem"])
    }),
  )

  it.scopedLive("says how fresh and complete each series is, and what to do about it", () =>
    Effect.gen(function* () {
      const home = yield* folder
      yield* keep(home, "KO", ["2024-01-02", "2024-01-03", "2024-01-04"])
      yield* keep(home, "PG", ["2024-01-02", "2024-01-04"])
      const { result, status, about } = yield* examine({ KTRDR_HOME: home })
      expect([result, status]).toEqual([0, "warning"])
      expect(about["KO 1d"]).toMatchObject({
        status: "warning",
        advice: "Load what is newer: ktrdr data load KO 1d",
        symbol: "KO",
        rows: 3,
        expected: 3,
        present: 3,
        last: "2024-01-04T00:00:00Z",
        verified: true,
        faults: [],
      })
      expect(about["KO 1d"]?.["behind_seconds"]).toBeGreaterThan(365 * 86_400)
      expect(about["PG 1d"]).toMatchObject({
        status: "warning",
        expected: 3,
        present: 2,
        advice: "Load what is missing: ktrdr data load PG 1d --mode full",
      })
    }),
  )

  it.scopedLive("names a damaged file, and touches it not", () =>
    Effect.gen(function* () {
      const home = yield* folder
      yield* keep(home, "KO", ["2024-01-02", "2024-01-03"])
      const place = join(home, "data", "candles", "XNYS", "KO", "1d")
      writeFileSync(join(place, "2024.parquet"), "no bars")
      const before = readdirSync(place)
      const { result, about } = yield* examine({ KTRDR_HOME: home })
      expect(result).toBe(1)
      expect(about["KO 1d"]).toMatchObject({ status: "problem" })
      expect(about["KO 1d"]?.found).toContain("2024.parquet")
      expect(readdirSync(place)).toEqual(before)
    }),
  )

  it.scopedLive("names a home that cannot be written, or is a file", () =>
    Effect.gen(function* () {
      const inside = yield* folder
      const file = join(inside, "file")
      writeFileSync(file, "")
      const { result, about } = yield* examine({ KTRDR_HOME: file })
      expect([result, about["home"]?.status]).toEqual([1, "problem"])
      expect(about["home"]?.advice).toContain("name another folder: KTRDR_HOME")
      if (process.getuid?.() === 0) return
      const closed = join(inside, "closed")
      mkdirSync(closed)
      chmodSync(closed, 0o555)
      const shut = yield* examine({ KTRDR_HOME: closed })
      expect([shut.result, shut.about["home"]?.status]).toEqual([1, "problem"])
    }),
  )
})

const statusOf = (version: string, least: ReadonlyArray<number>) => DoctorMachine.node(version, least).status

describe("what the doctor looks at", () => {
  it("compares the version of Node part by part", () => {
    expect(
      ["v20.19.0", "v20.20.1", "v21.0.0", "v22.1"].map((version) => statusOf(version, [20, 19])),
    ).toEqual(["ok", "ok", "ok", "ok"])
    expect(["v20.18.9", "v18.20.0", "v9.99.0"].map((version) => statusOf(version, [20, 19]))).toEqual([
      "problem",
      "problem",
      "problem",
    ])
  })

  it("counts how far behind a series is by the calendar", () => {
    const series = { symbol: Hosts.symbol("KO"), ...bars("1d") }
    const friday = Date.UTC(2024, 0, 5)
    const behind = (newest: number | undefined, now: number, last?: number) =>
      DoctorSeries.behind(newYork, { series, newest, last }, now)
    expect(behind(friday, friday + 3 * day)).toBe(0)
    expect(behind(friday, friday + 4.5 * day)).toBe(3 * day)
    expect(behind(friday, friday + 400 * day, friday)).toBe(0)
    expect(behind(friday, friday - 30 * day)).toBe(0)
    expect(behind(undefined, friday)).toBe(0)
  })

  it("is told a line each, with what to do below it and no escape sequence of others", () => {
    const checks = [
      DoctorReport.ok("node", "20.20"),
      DoctorReport.not("warning", "home", "full\u001b[2J\nof\u009bthings", "Make room"),
      DoctorReport.not("problem", "ib host", "gone", "Start it"),
    ]
    expect(DoctorReport.lines(checks, pico.createColors(false))).toEqual([
      "ok       node     20.20",
      "warning  home     full [2J of things",
      "                  Make room",
      "problem  ib host  gone",
      "                  Start it",
      "",
      "1 ok, 1 warning, 1 problem",
    ])
    expect(DoctorReport.worst(checks)).toBe("problem")
    expect(DoctorReport.lines(checks, pico.createColors(true))[0]).toContain("\u001b[32m")
  })
})
