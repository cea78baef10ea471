/**
 * Bytes that clients hand over, by their content: rows, and states to go on from. They come in parts, and what has come
 * survives the process; what nobody asked for in a week is removed.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { sha256 as hashOf } from "../../internal/sha256.js"
import * as Disk from "../../training/Disk.js"
import type { TrainingError } from "../../training/TrainingError.js"
import type * as TrainingHostApi from "./TrainingHostApi.js"

type Received = typeof TrainingHostApi.DatasetAnswer.Type

/** A part of the whole, which has `total` bytes. */
export interface Part {
  readonly from: number
  readonly bytes: Uint8Array
  readonly total: number
}

/**
 * What became of a part: taken; not taken as it does not begin where the host is; or taken as the last one, and with it
 * all dropped, as the whole is not what it is called.
 */
export type Taken = Data.TaggedEnum<{
  Taken: { readonly received: Received }
  Elsewhere: { readonly received: Received }
  Differs: { readonly found: string }
}>
export const Taken = Data.taggedEnum<Taken>()

/** All fail with `StoreUnreadable` or `StoreUnwritable` where the disk does. */
export interface Service {
  /** How much there is; none where nothing has come. */
  readonly received: (sha256: string) => Effect.Effect<Option.Option<Received>, TrainingError>
  readonly take: (sha256: string, part: Part) => Effect.Effect<Taken, TrainingError>
  /** All bytes, where they have come; they count as used now. */
  readonly read: (sha256: string) => Effect.Effect<Option.Option<Uint8Array>, TrainingError>
}

export class HandedFiles extends Context.Tag("ktrdr/hosts/training/HandedFiles")<HandedFiles, Service>() {}

/** Files in the folder `handed` of the directory, which the first one makes. Names must be hashes. */
export const layer = (
  directory: string,
): Layer.Layer<HandedFiles, never, FileSystem.FileSystem | Path.Path> =>
  Layer.scoped(
    HandedFiles,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const disk = yield* Disk.make(directory)
      const folder = disk.join(directory, "handed")
      const whole = (sha256: string) => disk.join(folder, sha256)
      const part = (sha256: string) => disk.join(folder, `${sha256}${unfinished}`)
      const oneByOne = yield* Effect.makeSemaphore(1)

      const sizeOf = (file: string) =>
        disk.look(
          file,
          Effect.catchTag(
            Effect.map(fs.stat(file), ({ size }) => Option.some(Number(size))),
            "SystemError",
            (error) => (error.reason === "NotFound" ? Effect.succeedNone : Effect.fail(error)),
          ),
        )

      const received = Effect.fn("HandedFiles.received")(function* (sha256: string) {
        const all = yield* sizeOf(whole(sha256))
        if (Option.isSome(all)) return Option.some({ sha256, received: all.value, complete: true })
        return Option.map(yield* sizeOf(part(sha256)), (bytes) => ({
          sha256,
          received: bytes,
          complete: false,
        }))
      })

      const append = (file: string, bytes: Uint8Array) =>
        disk.change(
          file,
          Effect.scoped(
            Effect.flatMap(fs.open(file, { flag: "a" }), (open) =>
              Effect.zipRight(open.writeAll(bytes), open.sync),
            ),
          ),
        )

      const take = Effect.fn("HandedFiles.take")(function* (sha256: string, { from, bytes, total }: Part) {
        const before = Option.getOrElse(yield* received(sha256), () => ({ ...none, sha256 }))
        if (before.complete) return Taken.Taken({ received: before })
        if (before.received !== from) return Taken.Elsewhere({ received: before })
        yield* disk.makeFolder(folder)
        yield* append(part(sha256), bytes)
        const now = { sha256, received: from + bytes.length, complete: from + bytes.length === total }
        if (!now.complete) return Taken.Taken({ received: now })
        const found = yield* hashOf(Option.getOrElse(yield* disk.bytes(part(sha256)), () => new Uint8Array()))
        if (found !== sha256) {
          yield* disk.remove(part(sha256))
          return Taken.Differs({ found })
        }
        yield* disk.move(part(sha256), whole(sha256))
        yield* disk.sync(folder)
        return Taken.Taken({ received: now })
      })

      const touch = (file: string) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          Effect.ignore(fs.utimes(file, now / 1000, now / 1000)),
        )

      const sweep = Effect.gen(function* () {
        const old = (yield* Clock.currentTimeMillis) - keptMillis
        for (const name of yield* disk.names(folder)) {
          const file = disk.join(folder, name)
          const { mtime } = yield* disk.look(file, fs.stat(file))
          if (Option.exists(mtime, (time) => time.getTime() < old)) yield* disk.remove(file)
        }
      }).pipe(
        oneByOne.withPermits(1),
        Effect.catchAll(({ message }) => Effect.logWarning(message)),
      )
      yield* Effect.forkScoped(Effect.interruptible(Effect.repeat(sweep, Schedule.spaced("1 hour"))))

      return {
        received,
        take: (sha256, given) => oneByOne.withPermits(1)(Effect.uninterruptible(take(sha256, given))),
        read: Effect.fn("HandedFiles.read")((sha256) =>
          Effect.zipLeft(disk.bytes(whole(sha256)), touch(whole(sha256))),
        ),
      }
    }),
  )

// ---------------------------------------------------------------------------------------------------------

const unfinished = ".part"
const keptMillis = 7 * 24 * 3_600_000
const none = { received: 0, complete: false }
