import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Prometheus from "../../src/node/http/Prometheus.js"
import * as Operation from "../../src/Operation.js"
import * as Operations from "../../src/Operations.js"
import * as Exposition from "../utils/Exposition.js"

const kind = "metered"
const Metered = Operation.make(kind, {
  version: 1,
  payload: Schema.Literal("succeeds", "fails", "hangs"),
  success: Schema.Void,
  error: Schema.String,
  context: Schema.Struct({}),
  idempotencyKey: (payload) => payload,
  resume: "none",
  estimate: (payload) => ({ key: payload, units: 0 }),
  render: () => "Metering",
})

const system = Operations.layerTest(Operation.group(Metered), { limits: { [kind]: 1 } })
const handler = Metered.toLayer((payload) =>
  payload === "hangs" ? Effect.never : payload === "fails" ? Effect.fail("on purpose") : Effect.void,
)

/** What the metrics of this kind stand at. */
const standing = Effect.map(Prometheus.text, (text) => {
  const families = Exposition.parse(text)
  return (name: string, labels: Readonly<Record<string, string>> = {}) =>
    Exposition.valueOf(families, `ktrdr_operations_${name}`, { kind, ...labels }) ?? 0
})

describe("the metrics of a registry", () => {
  it.effect("count each operation once, and what runs and waits, down to nothing", () =>
    Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const running = yield* operations.start(Metered, "hangs")
      const pending = yield* operations.start(Metered, "hangs")
      const next = yield* operations.start(Metered, "fails")
      const last = yield* operations.start(Metered, "succeeds")
      const busy = yield* standing
      expect([busy("active"), busy("waiting"), busy("started_total")]).toEqual([1, 3, 1])
      yield* operations.cancel(pending.id)
      yield* operations.cancel(running.id)
      yield* Effect.forEach([running, pending, next, last], ({ exit }) => exit)
      const done = yield* standing
      expect([done("active"), done("waiting"), done("started_total")]).toEqual([0, 0, 3])
      const ended = (status: string) => [
        done("ended_total", { status }),
        done("duration_seconds_count", { status }),
      ]
      expect([ended("cancelled"), ended("failed"), ended("completed")]).toEqual([
        [2, 1],
        [1, 1],
        [1, 1],
      ])
      expect([done("cancel_requests_total"), done("cancel_latency_seconds_count")]).toEqual([2, 2])
    }).pipe(Effect.provide(system), Effect.provide(handler)),
  )
})
