/**
 * Asks whoever sits at the terminal.
 */
import { createInterface } from "node:readline"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Output from "../Output.js"

/** Where answers come from: standard input, of which it is known whether somebody can type there. */
export class Input extends Context.Reference<Input>()("ktrdr/node/cli/Confirm/Input", {
  defaultValue: (): NodeJS.ReadableStream & { readonly isTTY?: boolean } => process.stdin,
}) {}

/** Asks on standard error; anything but yes means no, and `nobody` that no terminal is there to answer at. */
export const ask = (question: string): Effect.Effect<"yes" | "no" | "nobody", never, Output.Output> =>
  Effect.gen(function* () {
    const input = yield* Input
    const output = yield* Output.Output
    if (input.isTTY !== true || !output.isTerminal) return "nobody"
    const answer = yield* Effect.async<string>((resume) => {
      const reader = createInterface({ input })
      let given = ""
      output.unsafeStyled(`${question} [y/N] `)
      reader.once("line", (line) => {
        given = line
        reader.close()
      })
      reader.once("close", () => resume(Effect.succeed(given)))
      return Effect.sync(() => reader.close())
    })
    return /^y(es)?$/i.test(answer.trim()) ? "yes" : "no"
  })
