/** What tells two datasets apart. */
import * as Effect from "effect/Effect"
import { sha256 } from "../../internal/sha256.js"
import type { Dataset } from "../Dataset.js"

/**
 * SHA-256 of all that a training sees of a dataset: its rows, their times and labels, what the columns are called and
 * how they are scaled, and which rows are whose. Takes half a second for 200 MB, beside the main thread.
 */
export const hash = (
  dataset: Pick<Dataset, "x" | "y" | "times" | "symbol" | "symbols" | "parts" | "scaling">,
): Effect.Effect<string> =>
  Effect.gen(function* () {
    const { x, y, times, symbol, symbols, parts, scaling } = dataset
    const arrays = yield* Effect.forEach([x, y, times, symbol], ofArray)
    return yield* sha256(JSON.stringify({ arrays, symbols, parts, scaling }))
  })

// ---------------------------------------------------------------------------------------------------------

/** Bytes that are hashed at a time. */
const slice = 2_097_152

const ofArray = Effect.fnUntraced(function* (
  array: Float32Array | Float64Array | Uint8Array | Uint16Array,
): Effect.fn.Return<ReadonlyArray<string>> {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  const hashes = [`${array.constructor.name} ${array.length}`]
  for (let at = 0; at < bytes.length; at += slice) {
    hashes.push(yield* sha256(bytes.subarray(at, at + slice)))
  }
  return hashes
})
