/**
 * The id of the operation that a command starts.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Operation from "../../Operation.js"

/** Names the environment's variable of an id that was chosen beforehand. */
export const variable = "KTRDR_OPERATION_ID"

/** The id that whoever started this process chose for its operation; a new one where he chose none. */
export const make = (kind: string): Effect.Effect<string> =>
  Config.nonEmptyString(variable).pipe(
    Config.withDescription("The id of the operation that a command starts"),
    Effect.orElse(() => Operation.makeId(kind)),
  )
