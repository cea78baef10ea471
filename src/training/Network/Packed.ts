/**
 * Numbers as bytes: what a checkpoint and a model's weights look like in a file. After eight letters come, as
 * little-endian words, the version, a check sum (CRC-32) of all that follows, and the length of the head; then the
 * head as JSON, then the arrays, single precision, little-endian, one after the other.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { TrainingError } from "../TrainingError.js"
import * as Crc32 from "./Crc32.js"

/** The version that is written, and the newest that is read. */
export const version = 1

export interface Packed {
  /** Whatever JSON can say. */
  readonly head: unknown
  readonly arrays: Readonly<Record<string, Float32Array>>
}

/** The same head and arrays give the same bytes. */
export const pack = ({ head, arrays }: Packed): Uint8Array => {
  const entries = Object.entries(arrays)
  const lengths = Object.fromEntries(entries.map(([name, { length }]) => [name, length]))
  const text = new TextEncoder().encode(JSON.stringify({ head, lengths }))
  const numbers = entries.reduce((sum, [, { length }]) => sum + length, 0)
  const bytes = new Uint8Array(begin + text.length + 4 * numbers)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < magic.length; i++) bytes[i] = magic.charCodeAt(i)
  view.setUint32(8, version, true)
  view.setUint32(16, text.length, true)
  bytes.set(text, begin)
  let at = begin + text.length
  for (const [, array] of entries) {
    for (let i = 0; i < array.length; i++, at += 4) view.setFloat32(at, array[i]!, true)
  }
  view.setUint32(12, Crc32.of(bytes.subarray(16)), true)
  return bytes
}

/**
 * What was packed. Bytes that are not whole, or not the ones that were written, fail with `reason`, those of a
 * later version with `NewerVersion`; `place` says whose bytes they are.
 */
export const unpack = (
  bytes: Uint8Array,
  place: string,
  reason: "DamagedCheckpoint" | "DamagedModel",
): Either.Either<Packed, TrainingError> => {
  const damaged = (found: string): Either.Either<never, TrainingError> =>
    Either.left(
      new TrainingError({
        reason,
        place,
        expected: "the bytes that were written",
        found,
        advice: reason === "DamagedModel" ? "Train the model again" : "Resume from an earlier checkpoint",
      }),
    )

  if (bytes.length < begin) return damaged(`${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (String.fromCharCode(...bytes.subarray(0, 8)) !== magic) return damaged("another kind of file")
  const written = view.getUint32(8, true)
  if (written > version) {
    return Either.left(
      new TrainingError({
        reason: "NewerVersion",
        place,
        expected: `version ${version} or earlier`,
        found: `version ${written}`,
        advice: "Use the ktrdr that wrote it, or a later one",
      }),
    )
  }
  if (written === 0) return damaged("version 0")
  if (view.getUint32(12, true) !== Crc32.of(bytes.subarray(16)))
    return damaged("a check sum that does not fit")
  const end = begin + view.getUint32(16, true)
  const text = new TextDecoder().decode(bytes.subarray(begin, end))
  const decoded = decodeFrame(text)
  if (Option.isNone(decoded)) return damaged("a head that cannot be read")
  const { head, lengths } = decoded.value
  const numbers = Object.values(lengths).reduce((sum, length) => sum + length, 0)
  if (bytes.length !== end + 4 * numbers) return damaged(`${bytes.length} bytes`)
  let at = end
  const arrays: Record<string, Float32Array> = {}
  for (const [name, length] of Object.entries(lengths)) {
    const array = new Float32Array(length)
    for (let i = 0; i < length; i++, at += 4) array[i] = view.getFloat32(at, true)
    arrays[name] = array
  }
  return Either.right({ head, arrays })
}

// ---------------------------------------------------------------------------------------------------------

const magic = "ktrdrNum"
const begin = 20

const Frame = Schema.parseJson(
  Schema.Struct({
    head: Schema.Unknown,
    lengths: Schema.Record({ key: Schema.String, value: Schema.NonNegativeInt }),
  }),
)
const decodeFrame = Schema.decodeUnknownOption(Frame)
