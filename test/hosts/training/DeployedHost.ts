/** A host that answers as KTRDR's does: no model, no events, status 500 for whatever it refuses. */
import * as Effect from "effect/Effect"
import * as FakeHost from "../../utils/FakeHost.js"

export const root = {
  service: "Training Host Service",
  version: "1.0.0",
  status: "running",
  timestamp: "2026-11-23T15:37:33.855153",
  gpu_available: false,
  gpu_device_count: 0,
  gpu_type: "None",
}

export const refuse = (detail: string) => FakeHost.json({ detail }, 500)

export const status = (word: string, done: number, more: object = {}) => ({
  session_id: "any",
  status: word,
  progress: {
    epoch: Math.ceil(done / 6),
    total_epochs: 3,
    batch: Math.min(done, 6),
    total_batches: 6,
    progress_percent: (100 * done) / 18,
    items_processed: done,
    items_total: done === 0 ? null : 18,
    message: "Epoch",
    current_item: "Batch",
  },
  metrics: { loss: Array.from({ length: done }, (_, i) => 1 / (i + 1)), accuracy: [], device: ["cpu"] },
  gpu_usage: { gpu_allocated: false },
  start_time: "2026-11-23T15:37:33.917640",
  last_updated: "2026-11-23T15:37:35.917640",
  error: null,
  ...more,
})

export interface Script {
  /** The answers to questions about the session, one after another; the last one again and again. */
  readonly statuses: ReadonlyArray<unknown>
  readonly start?: FakeHost.Reply
  readonly stop?: FakeHost.Reply
}

/** Serves one session; what was asked of it is in the journal. */
export const make = (script: Script) =>
  Effect.map(FakeHost.make(), (host) => {
    let asked = 0
    host.otherwise = ({ body, method, url }) => {
      if (url === "/") return FakeHost.json(root)
      if (url === "/training/start") {
        const { session_id } = JSON.parse(body) as { readonly session_id: string }
        return (
          script.start ??
          FakeHost.json({ session_id, status: "started", message: "started", gpu_allocated: false })
        )
      }
      if (method === "GET" && url.startsWith("/training/status/")) {
        const answer = script.statuses[Math.min(asked++, script.statuses.length - 1)]
        return typeof answer === "string" ? refuse(answer) : FakeHost.json(answer)
      }
      if (url === "/training/stop") {
        return (
          script.stop ??
          FakeHost.json({ session_id: "any", status: "stopped", message: "", checkpoint_saved: true })
        )
      }
      return FakeHost.json({ detail: "Not Found" }, 404)
    }
    return host
  })

/** What was asked for, without the health of the host. */
export const journal = (host: FakeHost.FakeHost): ReadonlyArray<string> =>
  host.requests.map(({ method, url }) => `${method} ${url.replace(/\/op_training_\w+/, "/ID")}`)
