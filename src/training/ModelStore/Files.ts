/**
 * Models in folders: `models/{strategy}/{symbols}_{timeframes}/v{n}/`. A version is written beside the others under a
 * name that nobody reads, flushed, and then given its number, which only one writer can: folders do not take the place
 * of others. `latest` names the newest for those who look at the folder; the store itself goes by the numbers.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { unfinished } from "../../internal/atomicFiles.js"
import * as OperationFence from "../../OperationFence.js"
import * as Disk from "../Disk.js"
import { listing, type Model, ModelStore, type Service, summary } from "../ModelStore.js"
import type { TrainingError } from "../TrainingError.js"
import * as ModelId from "./ModelId.js"
import * as Stored from "./Stored.js"

/** Models in the folder `models` of the directory, which the first one makes. */
export const make = Effect.fnUntraced(function* (
  directory: string,
): Effect.fn.Return<Service, never, FileSystem.FileSystem | Path.Path> {
  const disk = yield* Disk.make(directory)
  const root = disk.join(directory, "models")
  const folderOf = ({ strategy, data }: Pick<ModelId.ModelId, "strategy" | "data">) =>
    disk.join(root, strategy, data)

  /** The folder of a version that is there. */
  const existing = Effect.fnUntraced(function* (id: ModelId.ModelId) {
    if (!isId(id)) return yield* ModelId.notFound(id)
    const folder = disk.join(folderOf(id), `v${id.version}`)
    return (yield* disk.exists(folder)) ? folder : yield* ModelId.notFound(id)
  })

  const versionsOf = (strategy: string, data: string) =>
    Effect.map(disk.names(disk.join(root, strategy, data)), (names) =>
      names.flatMap((name) => {
        const version = numberOf(name)
        return version === undefined ? [] : [{ strategy, data, version }].filter(isId)
      }),
    )

  const ids = Effect.gen(function* () {
    const all: Array<ModelId.ModelId> = []
    for (const strategy of yield* disk.names(root)) {
      for (const data of yield* disk.names(disk.join(root, strategy))) {
        all.push(...(yield* versionsOf(strategy, data)))
      }
    }
    return all.sort(ModelId.order)
  })

  /** Uses the files of a version; one that goes meanwhile was removed, not damaged. */
  const using = <A>(
    id: ModelId.ModelId,
    use: (reader: Stored.Reader) => Effect.Effect<A, TrainingError>,
  ): Effect.Effect<A, TrainingError> =>
    Effect.flatMap(existing(id), (folder) =>
      use({
        place: (name) => disk.place(disk.join(folder, name)),
        bytes: (name) => disk.bytes(disk.join(folder, name)),
      }).pipe(
        Effect.catchIf(
          ({ reason }) => reason === "DamagedModel",
          (error) => Effect.zipRight(existing(id), Effect.fail(error)),
        ),
      ),
    )

  const told = (id: ModelId.ModelId, all: ReadonlyArray<ModelId.ModelId>) =>
    using(id, (reader) =>
      Effect.map(Stored.manifest(reader), (manifest) =>
        summary(id, manifest, all, disk.place(disk.join(folderOf(id), `v${id.version}`))),
      ),
    )

  /** Writes which one is the newest until that is what it is: others may save and remove at the same time. */
  const point = Effect.fnUntraced(function* (folder: string) {
    const newest = Effect.map(disk.names(folder), (names) =>
      Math.max(0, ...names.flatMap((name) => numberOf(name) ?? [])),
    )
    const latest = disk.join(folder, "latest")
    for (let version = yield* newest; ; ) {
      if (version === 0) yield* disk.remove(latest)
      else yield* disk.replace(latest, new TextEncoder().encode(`v${version}\n`))
      const now = yield* newest
      if (now === version) return
      version = now
    }
  })

  /** Not worth failing for: the models are whole, and the next change points again. */
  const pointed = (folder: string) =>
    Effect.catchAll(point(folder), ({ message }) => Effect.logWarning(message))

  /** Gives the folder the next number that nobody has or had. */
  const number = Effect.fnUntraced(function* (unfinished: string, folder: string) {
    for (;;) {
      const used = (yield* disk.names(folder)).flatMap((name) => numberOf(name.replace(removed, "")) ?? [])
      const version = Math.max(0, ...used) + 1
      const target = disk.join(folder, `v${version}`)
      if (yield* disk.exists(target + removed)) continue
      if (yield* disk.move(unfinished, target)) return version
    }
  })

  const write = Effect.fnUntraced(function* (files: Stored.Files, unfinished: string) {
    yield* disk.makeFolder(unfinished)
    for (const [name, bytes] of files) yield* disk.create(disk.join(unfinished, name), bytes)
    yield* disk.sync(unfinished)
    yield* OperationFence.check
  })

  const clear = Effect.fnUntraced(function* (folder: string) {
    for (const name of yield* disk.names(folder)) yield* disk.remove(disk.join(folder, name))
  })

  /** Takes a version back, whose number stays used; false where there is none. */
  const withdraw = Effect.fnUntraced(function* (folder: string, version: number) {
    const name = disk.join(folder, `v${version}`)
    if (!(yield* disk.move(name, name + removed))) return false
    yield* disk.sync(folder)
    yield* pointed(folder)
    yield* clear(name + removed)
    return true
  })

  /** What writers and removers left that were killed. */
  const sweep = Effect.fnUntraced(function* (folder: string) {
    yield* disk.sweep(folder)
    const names = (yield* disk.names(folder)).filter((name) => name.endsWith(removed))
    for (const name of names) yield* clear(disk.join(folder, name))
  })

  return {
    save: Effect.fn("ModelStore.save")(function* (model: Model) {
      const files = yield* Stored.encode(model, yield* Clock.currentTimeMillis)
      const name = { strategy: model.strategy.name, data: yield* ModelId.dataName(model.strategy) }
      const folder = folderOf(name)
      yield* disk.makeFolder(folder)
      yield* Effect.ignore(sweep(folder))
      const own = yield* unfinished(disk.join(folder, "version"))
      const publish = Effect.gen(function* () {
        const version = yield* number(own, folder)
        yield* Effect.onError(disk.sync(folder), () => Effect.ignore(withdraw(folder, version)))
        yield* pointed(folder)
        return version
      })
      const version = yield* write(files, own).pipe(
        Effect.zipRight(Effect.uninterruptible(publish)),
        Effect.onError(() => Effect.ignore(disk.remove(own))),
      )
      return { id: { ...name, version }, place: disk.place(disk.join(folder, `v${version}`)) }
    }),
    ids,
    list: Effect.flatMap(ids, (all) => listing(all, (id) => told(id, all))),
    describe: Effect.fn("ModelStore.describe")(function* (id) {
      yield* existing(id)
      return yield* told(id, yield* versionsOf(id.strategy, id.data))
    }),
    read: Effect.fn("ModelStore.read")((id) => using(id, Stored.read)),
    inspect: Effect.fn("ModelStore.inspect")((id) => using(id, Stored.inspect)),
    remove: Effect.fn("ModelStore.remove")(function* (id) {
      yield* existing(id)
      const parent = folderOf(id)
      if (!(yield* Effect.uninterruptible(withdraw(parent, id.version)))) return yield* ModelId.notFound(id)
    }),
  }
})

export const layer = (directory: string): Layer.Layer<ModelStore, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(ModelStore, make(directory))

// ---------------------------------------------------------------------------------------------------------

/** A folder that is called so stays, empty: its number was used. */
const removed = ".removed"

const isId = Schema.is(ModelId.ModelId)

const numberOf = (name: string): number | undefined => {
  const digits = /^v([1-9]\d{0,8})$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
