/** An operation of no domain, for tests of what shows and ends operations. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Operation from "../../src/Operation.js"
import * as OperationStore from "../../src/OperationStore.js"
import * as Operations from "../../src/Operations.js"
import * as Progress from "../../src/Progress.js"

export class JobError extends Schema.TaggedError<JobError>()("JobError", {
  reason: Schema.Literal("Broken"),
  message: Schema.String,
}) {}

/** Does so many pieces, a second each; `fails` at its end, or is `stubborn`: takes eight seconds to be cancelled. */
export const Job = Operation.make("job", {
  version: 1,
  payload: Schema.Struct({
    pieces: Schema.Number,
    fate: Schema.optionalWith(Schema.Literal("succeeds", "fails", "stubborn"), { default: () => "succeeds" }),
  }),
  success: Schema.Struct({ done: Schema.Number }),
  error: JobError,
  context: Schema.Struct({}),
  idempotencyKey: ({ pieces }) => String(pieces),
  resume: "again",
  estimate: ({ pieces }) => ({ key: "job", unit: "piece", units: pieces }),
  render: ({ items }) => `Working on ${items?.done ?? 0} of ${items?.total ?? 0} pieces`,
  kept: ({ items }) => `${items?.done ?? 0} pieces kept`,
})

export const group = Operation.group(Job)

export const handler = Job.toLayer(({ fate, pieces }) =>
  Progress.forEach(
    Array.from({ length: pieces }),
    () =>
      fate === "stubborn"
        ? Effect.onInterrupt(Effect.sleep("1 second"), () => Effect.sleep("8 seconds"))
        : Effect.sleep("1 second"),
    { unit: "piece" },
  ).pipe(
    Effect.zipRight(
      fate === "fails"
        ? Effect.fail(new JobError({ reason: "Broken", message: "it broke" }))
        : Effect.succeed({ done: pieces }),
    ),
  ),
)

/** A registry of jobs over records of this process, which others may share. */
export const layer: Layer.Layer<Operations.Operations | OperationStore.OperationStore> = Layer.provide(
  Operations.layerTest(group),
  handler,
)
