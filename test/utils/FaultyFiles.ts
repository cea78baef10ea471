/**
 * A file system that writes down every change asked of it and goes wrong at one of them, as a full disk, lost
 * permissions, a broken disk or the end of the process would have it.
 */
import * as Error from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

/** A change that was asked for: the name of the call and the path it is about. */
export interface Call {
  readonly name: "link" | "makeDirectory" | "open" | "remove" | "rename" | "write" | "sync" | "truncate"
  readonly path: string
  /** Where a link or a rename leads. */
  readonly to?: string
}

export type Code = "ENOSPC" | "EACCES" | "EROFS" | "EIO"

export interface Fault {
  /** The change that it hits, from 0. */
  readonly at: number
  /** What the system says; `crash` interrupts the fiber, and nothing at all can be done from then on. */
  readonly code: Code | "crash"
  /** Every later change fails as well. */
  readonly lasting: boolean
}

export interface FaultyFiles {
  readonly fs: FileSystem.FileSystem
  readonly calls: ReadonlyArray<Call>
  /** True once there were so many changes that the fault came to be. */
  readonly struck: () => boolean
}

/** Told of each change that has happened. */
export type Watcher = (call: Call) => void

export const make = (fs: FileSystem.FileSystem, fault?: Fault, watch: Watcher = () => {}): FaultyFiles => {
  const calls: Array<Call> = []
  const at = fault?.at ?? Number.POSITIVE_INFINITY
  const struck = () => calls.length > at

  /** A change; `half` is what a write leaves behind that fails once it has begun. */
  const change = <A, R>(
    call: Call,
    effect: Effect.Effect<A, Error.PlatformError, R>,
    half: Effect.Effect<unknown, Error.PlatformError, R> = Effect.void,
  ): Effect.Effect<A, Error.PlatformError, R> =>
    Effect.suspend(() => {
      const index = calls.push(call) - 1
      if (fault === undefined || index < at || (index > at && !fault.lasting && fault.code !== "crash"))
        return Effect.tap(effect, () => Effect.sync(() => watch(call)))
      const failure = failureOf(call, fault.code)
      if (index > at) return failure
      const begun = fault.code === "EACCES" || fault.code === "EROFS" ? Effect.void : Effect.ignore(half)
      return Effect.zipRight(begun, fault.code === "crash" ? Effect.interrupt : failure)
    })

  /** A look, which fails only where the process is gone. */
  const look = <A, R>(effect: Effect.Effect<A, Error.PlatformError, R>) =>
    Effect.suspend(() =>
      fault?.code === "crash" && struck() ? failureOf({ name: "open", path: "" }, "crash") : effect,
    )

  const watched = (file: FileSystem.File, path: string): FileSystem.File =>
    new Proxy(file, {
      get: (target, name) => {
        if (name === "sync") return change({ name, path }, target.sync)
        if (name === "truncate")
          return (length?: FileSystem.SizeInput) => change({ name, path }, target.truncate(length))
        if (name === "writeAll")
          return (bytes: Uint8Array) =>
            change(
              { name: "write", path },
              target.writeAll(bytes),
              target.writeAll(bytes.subarray(0, bytes.length >> 1)),
            )
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === "function" ? value.bind(target) : value
      },
    })

  const open: FileSystem.FileSystem["open"] = (path, options) => {
    const opened = Effect.map(fs.open(path, options), (file) => watched(file, path))
    return (options?.flag ?? "r") === "r" ? look(opened) : change({ name: "open", path }, opened)
  }

  return {
    fs: {
      ...fs,
      open,
      link: (path, to) => change({ name: "link", path, to }, fs.link(path, to)),
      makeDirectory: (path, options) =>
        change({ name: "makeDirectory", path }, fs.makeDirectory(path, options)),
      remove: (path, options) => change({ name: "remove", path }, fs.remove(path, options)),
      rename: (path, to) => change({ name: "rename", path, to }, fs.rename(path, to)),
      writeFileString: (path, text, options) =>
        change(
          { name: "write", path },
          fs.writeFileString(path, text, options),
          fs.writeFileString(path, text.slice(0, text.length >> 1), options),
        ),
      exists: (path) => look(fs.exists(path)),
      readDirectory: (path, options) => look(fs.readDirectory(path, options)),
      readFile: (path) => look(fs.readFile(path)),
      readFileString: (path, encoding) => look(fs.readFileString(path, encoding)),
      stat: (path) => look(fs.stat(path)),
    },
    calls,
    struck,
  }
}

// ---------------------------------------------------------------------------------------------------------

const texts: Record<Fault["code"], string> = {
  ENOSPC: "ENOSPC: no space left on device",
  EACCES: "EACCES: permission denied",
  EROFS: "EROFS: read-only file system",
  EIO: "EIO: i/o error",
  crash: "the process is gone",
}

const failureOf = ({ name, path }: Call, code: Fault["code"]) =>
  Effect.fail(
    new Error.SystemError({
      module: "FileSystem",
      method: name,
      reason: code === "EACCES" ? "PermissionDenied" : "Unknown",
      pathOrDescriptor: path,
      description: `${texts[code]}, ${name} '${path}'`,
    }),
  )
