/** A network that has learned, as the bytes of a file: its architecture and its parameters. */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Network from "../Network.js"
import { TrainingError } from "../TrainingError.js"
import * as Packed from "./Packed.js"

export interface Weights {
  readonly architecture: Network.Architecture
  readonly parameters: Float32Array
}

/** The same network gives the same bytes. */
export const encode = ({ architecture, parameters }: Weights): Uint8Array =>
  Packed.pack({ head: encodeHead({ architecture }), arrays: { parameters } })

/** Fails with `DamagedModel` or `NewerVersion`; `place` says whose bytes they are. */
export const decode = (bytes: Uint8Array, place: string): Either.Either<Weights, TrainingError> =>
  Either.flatMap(Packed.unpack(bytes, place, "DamagedModel"), ({ head, arrays }) => {
    const decoded = decodeHead(head)
    const { parameters } = arrays
    return Option.isSome(decoded) && parameters?.length === Network.size(decoded.value.architecture)
      ? Either.right({ architecture: decoded.value.architecture, parameters })
      : Either.left(
          new TrainingError({
            reason: "DamagedModel",
            place,
            expected: "an architecture and its parameters",
            found: "something else",
            advice: "Train the model again",
          }),
        )
  })

// ---------------------------------------------------------------------------------------------------------

const Head = Schema.Struct({ architecture: Network.Architecture })
const encodeHead = Schema.encodeSync(Head)
const decodeHead = Schema.decodeUnknownOption(Head)
