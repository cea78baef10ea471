/** A host that says that it is ktrdr's, and answers about one session as it is told. */
import * as Effect from "effect/Effect"
import { sha256 } from "../../../src/internal/sha256.js"
import * as Weights from "../../../src/training/Network/Weights.js"
import type * as Trainer from "../../../src/training/Trainer.js"
import * as FakeHost from "../../utils/FakeHost.js"
import * as TrainerJobs from "../../utils/TrainerJobs.js"
import { root } from "./DeployedHost.js"

export const status = (word: string, more: object = {}) => ({
  session_id: "any",
  status: word,
  ktrdr: {
    operation_id: "op",
    batch: null,
    epochs: [],
    epochs_total: 0,
    checkpoint: null,
    error: null,
    ...more,
  },
})

/** What a host has of a training that has ended. */
export const ended = (job: Trainer.Job) => {
  const { bestEpoch, epochs, history, metrics, reason, weights } = TrainerJobs.expected(job)
  const bytes = Weights.encode(weights)
  return Effect.map(sha256(bytes), (hash) => ({
    bytes,
    result: {
      session_id: job.operation,
      trained: {
        reason,
        epochs,
        best_epoch: bestEpoch,
        history,
        metrics,
        weights: { bytes: bytes.length, sha256: hash },
      },
    },
  }))
}

export interface Script {
  /** The answers to questions about the session, one after another; the last one again and again. */
  readonly statuses: ReadonlyArray<FakeHost.Reply>
  readonly result?: unknown
  readonly weights?: Uint8Array
  readonly checkpoint?: FakeHost.Reply
}

const bytesOf = (body: Uint8Array): FakeHost.Reply =>
  FakeHost.Reply.Answer({ status: 200, headers: { "content-type": "application/octet-stream" }, body })

/** It has every dataset already. */
export const answering = ({ checkpoint, result, statuses, weights = new Uint8Array(0) }: Script) => {
  let asked = 0
  return ({ method, url }: FakeHost.Seen): FakeHost.Reply => {
    const [, , what = "", , more] = url.split("/")
    if (url === "/") return FakeHost.json({ ...root, capabilities: ["datasets", "result", "resume"] })
    if (what === "datasets") {
      return FakeHost.json({ sha256: url.split("/").at(-1), received: 1, complete: true })
    }
    if (what === "start") return FakeHost.json({ session_id: "any", status: "started" })
    if (what === "stop") return FakeHost.json({ session_id: "any", status: "stopped" })
    if (what === "checkpoint") return checkpoint ?? FakeHost.json({ detail: "no checkpoint" }, 404)
    if (what === "result") return more === "weights" ? bytesOf(weights) : FakeHost.json(result)
    return method === "GET" && what === "status"
      ? statuses[Math.min(asked++, statuses.length - 1)]!
      : FakeHost.json({ detail: "Not Found" }, 404)
  }
}

export const make = (script: Script) =>
  Effect.tap(FakeHost.make(), (host) =>
    Effect.sync(() => {
      host.otherwise = answering(script)
    }),
  )
