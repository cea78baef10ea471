/**
 * Rows as bytes, to be handed to whoever trains on them elsewhere. After eight letters come, as little-endian words,
 * the version, a check sum (CRC-32) of all that follows, and the length of the head; then the head as JSON, then the
 * rows' numbers, single precision, little-endian, then their labels: a byte each where they are classes, else as the
 * numbers are.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Crc32 from "../Network/Crc32.js"
import { newer } from "../Receipt/Json.js"
import * as Split from "../Split.js"
import * as Stretches from "../Stretches.js"
import type { Rows } from "../Trainer.js"
import { TrainingError } from "../TrainingError.js"

/** The version that is written, and the newest that is read. */
export const version = 1

/** The same rows give the same bytes. They are copied in stretches that hold nobody up. */
export const encode = Effect.fn("Handed.encode")(function* ({
  x,
  y,
  features,
  parts,
}: Rows): Effect.fn.Return<Uint8Array> {
  const labels = y instanceof Uint8Array ? "classes" : "values"
  const head = new TextEncoder().encode(encodeHead({ rows: y.length, features, labels, parts }))
  const bytes = new Uint8Array(begin + head.length + x.byteLength + y.byteLength)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < magic.length; i++) bytes[i] = magic.charCodeAt(i)
  view.setUint32(8, version, true)
  view.setUint32(16, head.length, true)
  bytes.set(head, begin)
  const turns = Stretches.turns()
  yield* write(turns, view, begin + head.length, x)
  yield* write(turns, view, begin + head.length + x.byteLength, y)
  view.setUint32(12, yield* sum(turns, bytes.subarray(16)), true)
  return bytes
})

/**
 * The rows that were handed over. Nothing of their size is set apart before the bytes are known to be as many as the
 * head says. Fails with `InvalidInput` where they are not whole or not the ones that were written, and with
 * `NewerVersion`; `place` says whose bytes they are.
 */
export const decode = Effect.fn("Handed.decode")(function* (
  bytes: Uint8Array,
  place: string,
): Effect.fn.Return<Rows, TrainingError> {
  const damaged = (found: string) =>
    new TrainingError({
      reason: "InvalidInput",
      place,
      expected: "the rows that were handed over",
      found,
      advice: "Hand the rows over again",
    })

  if (bytes.length < begin) return yield* damaged(`${bytes.length} bytes`)
  if (String.fromCharCode(...bytes.subarray(0, 8)) !== magic) return yield* damaged("another kind of file")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const written = view.getUint32(8, true)
  if (written > version) return yield* newer(place, version, written)
  if (written === 0) return yield* damaged("version 0")
  const end = begin + view.getUint32(16, true)
  if (end > bytes.length) return yield* damaged(`${bytes.length} bytes`)
  const head = Option.getOrUndefined(decodeHead(new TextDecoder().decode(bytes.subarray(begin, end))))
  if (head === undefined) return yield* damaged("a head that cannot be read")
  const { rows, features, labels, parts } = head
  const numbers = rows * features.length
  if (bytes.length !== end + 4 * numbers + (labels === "classes" ? rows : 4 * rows)) {
    return yield* damaged(`${bytes.length} bytes`)
  }
  const isInside = Split.parts.every((part) => parts[part].from <= parts[part].to && parts[part].to <= rows)
  if (!isInside) return yield* damaged("a part with rows that are not there")
  const turns = Stretches.turns()
  if ((yield* sum(turns, bytes.subarray(16))) !== view.getUint32(12, true)) {
    return yield* damaged("a check sum that does not fit")
  }
  const x = new Float32Array(numbers)
  yield* read(turns, view, end, x)
  const y = labels === "classes" ? new Uint8Array(rows) : new Float32Array(rows)
  yield* read(turns, view, end + 4 * numbers, y)
  return { x, y, features, parts }
})

// ---------------------------------------------------------------------------------------------------------

const magic = "ktrdrRow"
const begin = 20

const Range = Schema.Struct({ from: Schema.NonNegativeInt, to: Schema.NonNegativeInt })

const Head = Schema.parseJson(
  Schema.Struct({
    rows: Schema.NonNegativeInt,
    features: Schema.Array(Schema.String),
    labels: Schema.Literal("classes", "values"),
    parts: Schema.Struct({ train: Range, validation: Range, test: Range }),
  }),
)
const encodeHead = Schema.encodeSync(Head)
const decodeHead = Schema.decodeUnknownOption(Head)

/** Numbers that are copied, or bytes that are summed, in some milliseconds. */
const stretch = 1_000_000

const write = (turns: Stretches.Turns, view: DataView, begin: number, numbers: Rows["x"] | Rows["y"]) =>
  Stretches.run(turns, {
    rows: numbers.length,
    stretch,
    fill:
      numbers instanceof Uint8Array
        ? (from, to) => new Uint8Array(view.buffer).set(numbers.subarray(from, to), begin + from)
        : (from, to) => {
            for (let i = from; i < to; i++) view.setFloat32(begin + 4 * i, numbers[i]!, true)
          },
  })

const read = (turns: Stretches.Turns, view: DataView, begin: number, numbers: Rows["x"] | Rows["y"]) => {
  const fill =
    numbers instanceof Uint8Array
      ? (from: number, to: number) =>
          numbers.set(new Uint8Array(view.buffer, view.byteOffset + begin + from, to - from), from)
      : (from: number, to: number) => {
          for (let i = from; i < to; i++) numbers[i] = view.getFloat32(begin + 4 * i, true)
        }
  return Stretches.run(turns, { rows: numbers.length, stretch, fill })
}

const sum = (turns: Stretches.Turns, bytes: Uint8Array): Effect.Effect<number> =>
  Effect.suspend(() => {
    let crc = Crc32.none
    const adding = Stretches.run(turns, {
      rows: bytes.length,
      stretch,
      fill: (from, to) => {
        crc = Crc32.add(crc, bytes.subarray(from, to))
      },
    })
    return Effect.map(adding, () => crc)
  })
