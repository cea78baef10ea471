/** Operations of one process, seen and ended from another: the bundle, as two terminals run it. */
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CandleSource from "../../../src/data/CandleSource.js"
import * as Hosts from "../../hosts/ib/Hosts.js"
import * as Command from "../../utils/Command.js"

const home = Command.home()
beforeAll(Command.prepare, 60_000)
afterAll(home.dispose)

/** A host that answers so many requests for bars, and no more. */
const stuckAfter = (answers: number) =>
  Effect.suspend(() => {
    let left = answers
    return Hosts.serve(
      {},
      Layer.map(Hosts.market, (context) => {
        const source = Context.get(context, CandleSource.CandleSource)
        return Context.make(CandleSource.CandleSource, {
          ...source,
          fetch: (request: CandleSource.Request) =>
            Effect.suspend(() => (left-- > 0 ? source.fetch(request) : Effect.never)),
        })
      }),
    )
  })

const words = (line: string) => line.split(" ")

const load = (symbol: string, host: string) =>
  home.start(
    words(
      `data load ${symbol} 1m --mode full --start 2024-01-02 --end 2024-01-20 ` +
        `--host ${host} --pacing none --json`,
    ),
  )

const run = (...words: ReadonlyArray<string>) => Effect.promise(() => home.run(words))

const shown = (running: Command.Running, what: RegExp) => Effect.promise(() => running.shown(what))

const ended = (running: Command.Running) => Effect.promise(() => running.ended)

const active = Effect.map(run("operations", "list", "--active", "--json"), ({ code, err, out }) => {
  if (code !== 0) throw new Error(err)
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))
})

/** A load that has some bars and gets no more, and its record. */
const stuck = (symbol: string) =>
  Effect.gen(function* () {
    const running = load(symbol, yield* stuckAfter(5))
    yield* shown(running, /"bars":[1-9]\d{2}/)
    const [record] = yield* active
    return { running, record }
  })

describe("two terminals", () => {
  it.scopedLive("one sees, watches and cancels what the other runs, and completes it", () =>
    Effect.gen(function* () {
      const { running, record } = yield* stuck("AAPL")
      const { id } = record
      expect([record.status, record.owner.pid]).toEqual(["running", running.child.pid])
      const watching = home.start(["operations", "watch", id, "--json"])
      yield* shown(watching, /"status":"running"/)
      const cancelled = yield* run("operations", "cancel", id.slice(-8), "--reason", "wrong symbol")
      expect(cancelled).toMatchObject({ code: 0, err: "" })
      expect(cancelled.out).toMatch(
        new RegExp(`^${id}: cancelled after \\d+s: wrong symbol\\n  [\\d,]+ bars kept`),
      )
      const { code, err, out } = yield* ended(running)
      expect([code, out]).toEqual([130, ""])
      expect(err).toMatch(/\nCancelled, wrong symbol; kept: [\d,]+ bars\nContinue with: /)
      expect(err).toContain(`operations resume ${id}\n`)
      const watched = yield* ended(watching)
      expect(watched.code).toBe(130)
      expect(JSON.parse(watched.out)).toMatchObject({ id, cancellation: { reason: "wrong symbol" } })

      const host = yield* Hosts.serve({}, Hosts.market)
      const resumed = yield* run("operations", "resume", id, "--host", host, "--json", "--no-progress")
      const report = JSON.parse(resumed.out)
      expect([resumed.code, report.present, report.missing]).toEqual([0, report.expected, []])
      expect(report.fetched).toBeLessThan(report.expected)
      const latest = yield* run("operations", "list", "--limit", "1", "--json")
      expect(JSON.parse(latest.out)).toMatchObject({ status: "completed", resumedFrom: id, attempt: 2 })
    }),
  )

  it.scopedLive("one that was killed is told as such to who watches it, and goes on in another", () =>
    Effect.gen(function* () {
      const { running, record } = yield* stuck("MSFT")
      const watching = home.start(["operations", "watch", record.id, "--no-progress"])
      running.child.kill("SIGKILL")
      const watched = yield* ended(watching)
      expect(watched.code).toBe(1)
      expect(watched.out).toMatch(
        new RegExp(`^${record.id}: failed after \\d+s: OwnerLost: process ${running.child.pid} `),
      )
      const host = yield* Hosts.serve({}, Hosts.market)
      const resumed = yield* run("operations", "resume", record.id, "--host", host, "--no-progress")
      expect(resumed.code).toBe(0)
      expect(yield* active).toEqual([])
    }),
  )

  it.scopedLive("a watch that is interrupted leaves the operation alone", () =>
    Effect.gen(function* () {
      const { running, record } = yield* stuck("IBM")
      const watching = home.start(["operations", "watch", record.id, "--json"])
      yield* shown(watching, /"status":"running"/)
      watching.child.kill("SIGINT")
      const { code, err, out } = yield* ended(watching)
      expect([code, out]).toEqual([130, ""])
      expect(err).toMatch(
        /\nWatching ended; the operation goes on\nEnd it with: .* operations cancel op_\S+\n$/,
      )
      const left = (yield* active).map(({ id }) => id)
      expect([left, running.child.exitCode]).toEqual([[record.id], null])
      expect((yield* run("operations", "cancel", "--all")).code).toBe(0)
      const load = yield* ended(running)
      expect(load.code, load.err.split("\n").slice(-5).join("\n")).toBe(130)
    }),
  )
})
