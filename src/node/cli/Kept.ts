/**
 * What is said of work that was cut short.
 */
import type * as Effect from "effect/Effect"
import * as Output from "../Output.js"

/**
 * Says what happened, what was kept, and the command lines that go on, of which any one does; nothing of the last where
 * there is none.
 */
export const say = (
  what: string,
  kept: string | null,
  continuing: ReadonlyArray<string>,
): Effect.Effect<void, never, Output.Output> =>
  Output.note(
    `${what}${kept === null ? "" : `; ${kept}`}` +
      (continuing.length === 0 ? "" : `\nContinue with: ${continuing.join("\n           or: ")}`),
  )
