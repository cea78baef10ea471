import * as Fs from "node:fs"
import * as Path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Hosts from "../hosts/training/TrainingHosts.js"

interface Message {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: any
}
interface Row {
  readonly name: string
  readonly request: Message | null
  readonly response: { readonly status: number; readonly body: any } | null
  readonly answers_given_in_turn?: ReadonlyArray<{ readonly body: any }>
}

const folder = Path.resolve(import.meta.dirname, "../../../shared/wire/recorded")
const rows = (file: string): ReadonlyArray<Row> =>
  JSON.parse(Fs.readFileSync(Path.join(folder, file), "utf8")) as ReadonlyArray<Row>

const send = (base: string, { body, headers, method, path }: Message) =>
  Effect.promise(async () => {
    const text = body === null ? undefined : typeof body === "string" ? body : JSON.stringify(body)
    const init = { method, headers, redirect: "manual" } as const
    const response = await fetch(`${base}${path}`, text === undefined ? init : { ...init, body: text })
    const found = await response.text()
    return {
      status: response.status,
      location: response.headers.get("location"),
      body: found === "" ? "" : JSON.parse(found),
    }
  })

const kind = (value: unknown) => (value === null ? "null" : Array.isArray(value) ? "list" : typeof value)

/** What an answer must have: every recorded key, of the recorded type; what is of one run only is not compared. */
const differences = (recorded: unknown, found: unknown, at = "$"): ReadonlyArray<string> => {
  if (recorded === null || found === null || typeof recorded !== "object" || typeof found !== "object") {
    return kind(recorded) === kind(found)
      ? []
      : [`${at}: ${kind(recorded)} was recorded, ${kind(found)} found`]
  }
  if (Array.isArray(recorded)) {
    return recorded.length > 0 && Array.isArray(found) && found.length > 0
      ? differences(recorded[0], found[0], `${at}[0]`)
      : []
  }
  return Object.entries(recorded).flatMap(([key, value]) =>
    key in found
      ? differences(value, (found as Record<string, unknown>)[key], `${at}.${key}`)
      : [`${at}.${key}: missing`],
  )
}

/** The status that ktrdr's host has for a refusal to which KTRDR's answers 500, and another where it does more. */
const statusOf = ({ name, response }: Row): number => {
  if (/empty objects|evaluate|status: initialized/.test(name) && response?.status === 200) {
    return name === "start, empty objects (defaults)" ? 422 : 404
  }
  const detail = response?.status === 500 ? String(response.body.detail) : ""
  if (/Maximum concurrent/.test(detail)) return 503
  return detail === "" ? (response?.status ?? 0) : /not found/.test(detail) ? 404 : 409
}

/** Long enough to be asked about while it runs, on whatever machine. */
const slow = [
  ["epochs: 50, batch_size: 128", "epochs: 3, batch_size: 64"],
  ["[32, 16]", "[384, 256]"],
  ["threshold: 0.002", "threshold: 0.001"],
] as const
const january = Date.UTC(2026, 0, 5)

describe.skipIf(!Fs.existsSync(folder))("recorded exchanges of training hosts", () => {
  it.scopedLive(
    "ktrdr's host answers as KTRDR's was recorded to",
    () =>
      Effect.gen(function* () {
        const stocked = yield* Hosts.stocked("rsi_mean_reversion", january, ["AAPL", "MSFT"], slow)
        const base = yield* Hosts.serve({ ...stocked, trainer: Hosts.calm })
        const ids = new Map<string, string>()
        const named = (text: string) =>
          [...ids].reduce((before, [recorded, own]) => before.replaceAll(recorded, own), text)
        for (const row of rows("training-host.json")) {
          const { name, request, response } = row
          if (request === null || response === null) continue
          const message: Message = JSON.parse(named(JSON.stringify(request)))
          const id = message.path.match(/status\/([\w-]{36})$/)?.[1]
          if (id !== undefined && response.status === 200 && statusOf(row) === 200) {
            const isOver = Hosts.isOver(response.body)
            yield* Hosts.until(base, id, (status) =>
              isOver || name.includes("while stop")
                ? Hosts.isOver(status)
                : status.metrics.loss !== undefined,
            )
          }
          const found = yield* send(base, message)
          expect([name, found.status]).toEqual([name, statusOf(row)])
          if (found.status === 307) {
            expect(found.location).toBe(`${base}/health/detailed`)
            continue
          }
          if (response.body.session_id !== undefined && found.body.session_id !== undefined) {
            ids.set(response.body.session_id, found.body.session_id)
          }
          if (found.status === 422 && response.status === 422)
            expect([name, found.body]).toEqual([name, response.body])
          else if (response.status === 500) {
            expect([name, found.body.detail]).toEqual([name, named(response.body.detail)])
          } else if (found.status === 200) {
            expect([name, differences(response.body, found.body)]).toEqual([name, []])
            if (Hosts.isOver(response.body) && !name.includes("while stop")) {
              expect([name, found.body.status]).toEqual([name, response.body.status])
            }
          }
        }
        expect(ids.size).toBe(4)
      }),
    60_000,
  )

  it.scopedLive("KTRDR's clients find in its answers what they take their results from", () =>
    Effect.gen(function* () {
      const from = Date.UTC(2024, 0, 1)
      const stocked = yield* Hosts.stocked(
        "rsi_mean_reversion",
        from,
        ["AAPL"],
        [
          ["[32, 16]", "[6]"],
          ["threshold: 0.002", "threshold: 0.001"],
        ],
      )
      const base = yield* Hosts.serve({ ...stocked, trainer: Hosts.calm })
      const row = rows("training-client.json").find(({ name }) => name.includes("aggregator"))
      const { body: started } = yield* send(base, row!.request!)
      const { body: last } = yield* Hosts.until(base, started.session_id, Hosts.isOver)
      expect([last.status, last.error]).toEqual(["completed", null])
      const { artifacts: _, resource_usage: __, ...recorded } = row!.answers_given_in_turn![0]!.body
      const { model_info, progress, ...rest } = recorded
      expect(differences(rest, last)).toEqual([])
      expect(differences(model_info, last.model_info)).toEqual([])
      expect(differences(progress, last.progress)).toEqual([])
      expect(Object.keys(last.artifacts)).toEqual(expect.arrayContaining(Object.keys(_)))
      expect(Object.keys(last.resource_usage)).toEqual(expect.arrayContaining(Object.keys(__)))
      expect(last.metrics.training.epochs_completed).toBeGreaterThan(0)
      const { body: result } = yield* Hosts.ask(base, "GET", last.artifacts.download_url)
      expect(result.validation_metrics).toEqual(last.metrics.validation)
    }),
  )
})
