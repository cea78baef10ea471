/** What KTRDR's training host answered, played to the adapter; skipped where the recordings are not. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as HostError from "../../src/HostError.js"
import * as TrainingFailure from "../../src/hosts/training/TrainingFailure.js"
import * as Remote from "../hosts/training/Remote.js"
import * as FakeHost from "../utils/FakeHost.js"
import * as TrainerJobs from "../utils/TrainerJobs.js"

interface Row {
  readonly name: string
  readonly request: { readonly method: string; readonly path: string; readonly body: unknown }
  readonly response: { readonly status: number; readonly body: unknown } | null
}

const file = Path.resolve(import.meta.dirname, "../../../shared/wire/recorded/training-host.json")
const isThere = Fs.existsSync(file)
const rows: ReadonlyArray<Row> = isThere ? JSON.parse(Fs.readFileSync(file, "utf8")) : []

const named = (name: string): Row => {
  const row = rows.find((one) => one.name === name)
  if (row === undefined) throw new Error(`no row ${name}`)
  return row
}

const reply = (name: string) => {
  const { response } = named(name)
  if (response === null) throw new Error(`no answer in ${name}`)
  return FakeHost.json(response.body, response.status)
}

/** A host that gives the recorded answers: to questions about the session one after another. */
const play = (statuses: ReadonlyArray<string>, start: string, stop: string) =>
  Effect.map(FakeHost.make(), (host) => {
    const left = [...statuses]
    host.otherwise = ({ url }) => {
      if (url === "/") return reply("root")
      if (url === "/training/start") return reply(start)
      if (url === "/training/stop") return reply(stop)
      if (url.startsWith("/training/status/")) return reply(left.length > 1 ? left.shift()! : left[0]!)
      return reply("unknown path")
    }
    return host
  })

const started = "start, as KTRDR's adapter sends it (3 epochs)"
const batches = ["status: running, epoch 1, batch 1", "status: running, epoch 2, batch 6"]

describe.skipIf(!isThere)("RemoteTrainer and KTRDR's host as it was recorded", () => {
  it.live("follows a session from its beginning to its end", () =>
    Effect.gen(function* () {
      const statuses = [
        "status: initialized (caught by a burst of polls)",
        "status right after start",
        ...rows.flatMap(({ name }) => (name.startsWith("status: running") ? [name] : [])),
        "status: completed, epoch 3, batch 6",
      ]
      const host = yield* play(statuses, started, "stop in mid-run")
      const { job, released } = TrainerJobs.make()
      const service = yield* Remote.trainer({ baseUrl: host.url })
      const { events, exit } = yield* Remote.follow(service, job)
      const seen = events.flatMap((event) => (event._tag === "Batch" ? [event] : []))
      expect(seen.map(({ epoch, batch, work }) => [epoch, batch, work])).toEqual([
        [1, 1, 1],
        [1, 2, 2],
        [1, 5, 5],
        [2, 3, 9],
        [3, 3, 15],
        [3, 6, 18],
      ])
      expect(seen.every(({ batches, workTotal }) => batches === 6 && workTotal === 18)).toBe(true)
      expect(seen[0]?.loss).toBe(1.1269932985305786)
      for (const { rowsPerSecond } of seen) expect(rowsPerSecond).toBeGreaterThan(0)
      expect(exit).toMatchObject({ cause: { error: { reason: "TrainerFailed", expected: "a model" } } })
      expect(released).toEqual([])

      const sent = JSON.parse(host.requests.find(({ url }) => url === "/training/start")?.body ?? "{}")
      const recorded = named(started).request.body as Record<string, Record<string, unknown>>
      for (const [section, fields] of Object.entries(recorded)) {
        const missing = Object.keys(fields).filter((name) => !(name in sent[section]))
        expect([section, missing]).toEqual([
          section,
          section === "training_configuration" ? ["start_date", "end_date"] : [],
        ])
      }
    }).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None)),
  )

  const ends = [
    ["status: failed", "No training data available"],
    ["status after stop", "one that was stopped at the host"],
    ["status of an unknown session", "500: Failed to get training status: Session nope not found"],
  ] as const
  for (const [end, found] of ends) {
    it.live(`ends as a trainer does at ${end}`, () =>
      Effect.gen(function* () {
        const host = yield* play([batches[0]!, end], started, "stop in mid-run")
        const { job } = TrainerJobs.make()
        const error = yield* Remote.failure(yield* Remote.trainer({ baseUrl: host.url }), job)
        expect(error).toMatchObject({ reason: "TrainerFailed", found })
      }).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None)),
    )
  }

  for (const stop of [
    "stop in mid-run",
    "stop again",
    "stop of a completed session",
    "stop of an unknown session",
  ]) {
    it.live(`is released by: ${stop}`, () =>
      Effect.gen(function* () {
        const host = yield* play(batches, started, stop)
        const { job, released } = TrainerJobs.make()
        yield* Remote.interrupted(yield* Remote.trainer({ baseUrl: host.url }), job, () => true)
        expect(released).toEqual([{ _tag: "Stopped" }])
      }).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None)),
    )
  }

  it("knows what every refusal means", () => {
    const meanings = rows.flatMap(({ name, request, response }) => {
      if (response === null || response.status < 400) return []
      const error = HostError.about({ host: "training", method: request.method, path: request.path })({
        reason: "Status",
        expected: "2xx",
        found: `${response.status}`,
        advice: "Look",
        attempts: 1,
        status: response.status,
        body: JSON.stringify(response.body),
      })
      expect([name, TrainingFailure.detail(error)]).not.toEqual([name, ""])
      const { _tag } = TrainingFailure.meaning(error)
      return _tag === "Other" ? [] : [`${_tag}: ${name}`]
    })
    expect(meanings).toEqual([
      "UnknownSession: status of an unknown session",
      "UnknownSession: stop of an unknown session",
      "UnknownSession: delete of an unknown session",
      "Busy: second start while one is busy",
      "NotRunning: stop of a completed session",
      "Taken: start with the id of a finished session",
      "UnknownSession: delete it again",
      "UnknownSession: status of the deleted session",
      "NotRunning: stop again",
    ])
  })
})
