/**
 * Checkpoints: what a training has done so far, one file for each operation, from which another operation goes on.
 * The one before stays until the new one is on the disk.
 *
 * A file is eight letters, the SHA-256 of all that follows, then as little-endian words the version and the length of
 * the head, the head as JSON, and the state as the training gave it.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { sha256 } from "../internal/sha256.js"
import * as OperationFence from "../OperationFence.js"
import * as Disk from "./Disk.js"
import { newer } from "./Receipt/Json.js"
import { Sha256, show } from "./Receipt/Sha256.js"
import { Interruption, Position, SeriesRead } from "./Receipt.js"
import { TrainingError } from "./TrainingError.js"

export const Head = Schema.Struct({
  /** The operation that wrote it. */
  operation: Schema.String,
  /** Of the strategy (`Strategy.hash`) and of the rows (`Receipt.datasetHash`). */
  strategy: Sha256,
  dataset: Sha256,
  position: Position,
  /** How long it trained until then, with the runs that were interrupted before. */
  durationMillis: Schema.NonNegative,
  /** When the first run began, and when this was written; epoch milliseconds. */
  started: Schema.Number,
  kept: Schema.Number,
  /** Those before the run that wrote it. */
  interruptions: Schema.Array(Interruption),
  /** Which bars the rows were made of, so that bars that come later change nothing. */
  ranges: Schema.optionalWith(Schema.Array(SeriesRead.pick("series", "range")), { exact: true }),
}).annotations({ identifier: "CheckpointHead" })
export type Head = typeof Head.Type

export interface Checkpoint extends Head {
  /** What `TrainingRun.state` gave. */
  readonly state: Uint8Array
}

export interface Service {
  /** Returns where, once it is durable. Fails with `StoreUnwritable`: then the one before is still there. */
  readonly write: (checkpoint: Omit<Checkpoint, "kept">) => Effect.Effect<string, TrainingError>
  /** What there is to go on from. Fails with `DamagedCheckpoint`, `NewerVersion` or `StoreUnreadable`. */
  readonly find: (operation: string) => Effect.Effect<Option.Option<Checkpoint>, TrainingError>
  /** Removes it, if there is one. */
  readonly remove: (operation: string) => Effect.Effect<void, TrainingError>
}

export class Checkpoints extends Context.Tag("ktrdr/training/Checkpoints")<Checkpoints, Service>() {}

/** The version that is written, and the newest that is read. */
export const version = 1

/** How a training goes on: the interruption that a checkpoint tells of, added to those before. */
export const interruptions = (
  { operation, position, kept, interruptions }: Head,
  resumed: number,
): ReadonlyArray<Interruption> => [...interruptions, { operation, position, kept, resumed }]

/** Fails with `OtherStrategy` where it is of another strategy, or of other rows, than what goes on from it. */
export const fits = (
  { operation, ...found }: Head,
  expected: Partial<Pick<Head, "strategy" | "dataset">>,
): Effect.Effect<void, TrainingError> => {
  const what = (["strategy", "dataset"] as const).find(
    (one) => expected[one] !== undefined && expected[one] !== found[one],
  )
  return what === undefined
    ? Effect.void
    : Effect.fail(
        new TrainingError({
          reason: "OtherStrategy",
          place: `checkpoint of ${operation}`,
          expected: `a training of this ${what} (${show(expected[what] ?? "")})`,
          found: `one of another (${show(found[what])})`,
          advice:
            what === "strategy"
              ? "Resume with the strategy that it began with, or train from the beginning"
              : "Bars were changed since it began: train from the beginning",
        }),
      )
}

/** The same checkpoint gives the same bytes. */
export const encode = ({ state, ...head }: Checkpoint): Effect.Effect<Uint8Array> =>
  Effect.gen(function* () {
    const text = new TextEncoder().encode(encodeHead(head))
    const bytes = new Uint8Array(begin + text.length + state.length)
    const view = new DataView(bytes.buffer)
    view.setUint32(signed, version, true)
    view.setUint32(signed + 4, text.length, true)
    bytes.set(text, begin)
    bytes.set(state, begin + text.length)
    const hash = yield* sha256(bytes.subarray(signed))
    for (let i = 0; i < magic.length; i++) bytes[i] = magic.charCodeAt(i)
    for (let i = 0; i < 32; i++) bytes[magic.length + i] = Number.parseInt(hash.slice(2 * i, 2 * i + 2), 16)
    return bytes
  })

/** Fails with `DamagedCheckpoint` or `NewerVersion`; `place` says whose bytes they are. */
export const decode = (bytes: Uint8Array, place: string): Effect.Effect<Checkpoint, TrainingError> =>
  Effect.gen(function* () {
    if (bytes.length < begin) return yield* damaged(place, `${bytes.length} bytes`)
    if (String.fromCharCode(...bytes.subarray(0, magic.length)) !== magic) {
      return yield* damaged(place, "another kind of file")
    }
    const written = Array.from(bytes.subarray(magic.length, signed), (byte) =>
      byte.toString(16).padStart(2, "0"),
    )
    if (written.join("") !== (yield* sha256(bytes.subarray(signed)))) {
      return yield* damaged(place, "a check sum that does not fit")
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const found = view.getUint32(signed, true)
    if (found > version) return yield* newer(place, version, found)
    const end = begin + view.getUint32(signed + 4, true)
    const head = decodeHead(new TextDecoder().decode(bytes.subarray(begin, end)))
    if (Option.isNone(head)) return yield* damaged(place, "a head that cannot be read")
    return { ...head.value, state: Uint8Array.from(bytes.subarray(end)) }
  })

/** Checkpoints in the folder `checkpoints` of the directory, which the first one makes. */
export const make = Effect.fnUntraced(function* (
  directory: string,
): Effect.fn.Return<Service, never, FileSystem.FileSystem | Path.Path> {
  const disk = yield* Disk.make(directory)
  const folder = disk.join(directory, "checkpoints")
  return fromFiles({
    place: (name) => disk.place(disk.join(folder, name)),
    bytes: (name) => disk.bytes(disk.join(folder, name)),
    replace: (name, bytes) =>
      disk
        .makeFolder(folder)
        .pipe(
          Effect.zipRight(disk.sweep(folder)),
          Effect.zipRight(disk.replace(disk.join(folder, name), bytes)),
        ),
    remove: (name) => disk.remove(disk.join(folder, name)),
  })
})

export const layer = (
  directory: string,
): Layer.Layer<Checkpoints, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(Checkpoints, make(directory))

/** Keeps checkpoints for as long as the layer lives. */
export const layerMemory: Layer.Layer<Checkpoints> = Layer.sync(Checkpoints, () => {
  const files = new Map<string, Uint8Array>()
  return fromFiles({
    place: (name) => name,
    bytes: (name) => Effect.sync(() => Option.fromNullable(files.get(name))),
    replace: (name, bytes) => Effect.sync(() => void files.set(name, bytes)),
    remove: (name) => Effect.sync(() => void files.delete(name)),
  })
})

// ---------------------------------------------------------------------------------------------------------

const magic = "ktrdrChk"
/** Where that begins which the hash is of, and where the head does. */
const signed = magic.length + 32
const begin = signed + 8

const decodeHead = Schema.decodeUnknownOption(Schema.parseJson(Head))
const encodeHead = Schema.encodeSync(Schema.parseJson(Head))

interface Files {
  readonly place: (name: string) => string
  readonly bytes: (name: string) => Effect.Effect<Option.Option<Uint8Array>, TrainingError>
  readonly replace: (name: string, bytes: Uint8Array) => Effect.Effect<void, TrainingError>
  readonly remove: (name: string) => Effect.Effect<void, TrainingError>
}

const fromFiles = (files: Files): Service => {
  const read = Effect.fnUntraced(function* (operation: string) {
    const name = yield* nameOf(operation)
    const bytes = yield* files.bytes(name)
    if (Option.isNone(bytes)) return Option.none<Checkpoint>()
    const checkpoint = yield* decode(bytes.value, files.place(name))
    if (checkpoint.operation === operation) return Option.some(checkpoint)
    return yield* damaged(files.place(name), `that of ${checkpoint.operation}`)
  })

  return {
    write: Effect.fn("Checkpoints.write")(function* (checkpoint) {
      const name = yield* nameOf(checkpoint.operation)
      const bytes = yield* encode({ ...checkpoint, kept: yield* Clock.currentTimeMillis })
      yield* OperationFence.check
      yield* files.replace(name, bytes)
      return files.place(name)
    }),
    find: Effect.fn("Checkpoints.find")(read),
    remove: Effect.fn("Checkpoints.remove")((operation) => Effect.flatMap(nameOf(operation), files.remove)),
  }
}

/** The file of an operation, whose id becomes a part of a path here. */
const nameOf = (operation: string): Effect.Effect<string, TrainingError> =>
  /^[A-Za-z0-9][A-Za-z0-9_-]{0,149}$/.test(operation)
    ? Effect.succeed(`${operation}.checkpoint`)
    : Effect.fail(
        new TrainingError({
          reason: "InvalidInput",
          place: "operation",
          expected: "an id of letters, digits, '-' and '_'",
          found: JSON.stringify(operation.slice(0, 60)),
          advice: "Give the id of a training, as the list of operations has it",
        }),
      )

const damaged = (place: string, found: string): TrainingError =>
  new TrainingError({
    reason: "DamagedCheckpoint",
    place,
    expected: "the bytes that were written",
    found,
    advice: "Train from the beginning",
  })
