/**
 * A file system in memory: quick enough for thousands of stores, and it knows what was flushed. What the power
 * going takes is all that was not: bytes of files, names in folders.
 */
import { createHash } from "node:crypto"
import { posix } from "node:path"
import * as Error from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

export interface MemoryFiles {
  readonly fs: FileSystem.FileSystem
  /** The bytes of a file, for those who do not go through the file system; written, they are not flushed. */
  readonly read: (path: string) => Uint8Array
  readonly write: (path: string, bytes: Uint8Array) => void
  /** Paths of all files below a folder, sorted; none where there is no such folder. */
  readonly list: (folder: string) => ReadonlyArray<string>
  /** The SHA-256 of each file below a folder, but locks. */
  readonly hashes: (folder: string) => Readonly<Record<string, string>>
  /** A file system of its own with the same files. */
  readonly copy: () => MemoryFiles
  /** What is left of it where the power went: what was flushed, and of the rest what luck kept. */
  readonly afterPowerCut: (luck: Luck) => MemoryFiles
}

/** What a disk wrote by itself before the power went: the newest bytes of files, the newest names in folders. */
export interface Luck {
  readonly bytes: boolean
  readonly names: boolean
}

class File {
  readonly ino = ++inodes
  modified = inodes
  constructor(
    public bytes: Uint8Array = new Uint8Array(0),
    public flushed: Uint8Array = bytes,
  ) {}

  change(bytes: Uint8Array): void {
    this.bytes = bytes
    this.modified = ++inodes
  }
}

class Folder {
  flushed: Map<string, Node>
  /** What came from another folder or went to one, since it was flushed: it did both or none. */
  moves: Array<Move> = []
  constructor(readonly names = new Map<string, Node>()) {
    this.flushed = new Map(names)
  }
}

type Node = File | Folder

interface Move {
  readonly from: Folder
  readonly name: string
  readonly to: Folder
  readonly as: string
  readonly node: Node
}

let inodes = 0

export const make = (root: Folder = new Folder()): MemoryFiles => {
  const find = (path: string): Node | undefined => {
    let node: Node | undefined = root
    for (const part of parts(path)) node = node instanceof Folder ? node.names.get(part) : undefined
    return node
  }
  const need = (path: string): Node => find(path) ?? fail("NotFound", path)
  const needFile = (path: string): File => {
    const node = need(path)
    return node instanceof File ? node : fail("BadResource", path, "EISDIR")
  }
  const needFolder = (path: string): Folder => {
    const node = need(path)
    return node instanceof Folder ? node : fail("BadResource", path, "ENOTDIR")
  }
  const folderOf = (path: string): Folder => needFolder(posix.dirname(path))
  const above = (path: string): Folder["names"] => folderOf(path).names
  const create = (path: string): File => {
    const found = find(path)
    if (found instanceof File) return found
    if (found !== undefined) return fail("BadResource", path, "EISDIR")
    const file = new File()
    above(path).set(posix.basename(path), file)
    return file
  }
  const write = (path: string, bytes: Uint8Array) => create(path).change(Uint8Array.from(bytes))

  const makeDirectory = (path: string, recursive: boolean): void => {
    const found = find(path)
    if (found instanceof Folder && recursive) return
    if (found !== undefined) return fail("AlreadyExists", path)
    if (recursive) makeDirectory(posix.dirname(path), true)
    above(path).set(posix.basename(path), new Folder())
  }

  const remove = (path: string, { force, recursive }: FileSystem.RemoveOptions = {}): void => {
    const found = find(path)
    if (found === undefined) return force === true ? undefined : fail("NotFound", path)
    if (found instanceof Folder && recursive !== true) return fail("BadResource", path, "EISDIR")
    above(path).delete(posix.basename(path))
  }

  const rename = (from: string, to: string): void => {
    const node = need(from)
    const [source, target] = [folderOf(from), folderOf(to)]
    const move = { from: source, name: posix.basename(from), to: target, as: posix.basename(to), node }
    const there = target.names.get(move.as)
    if (there instanceof Folder && (node instanceof File || there.names.size > 0))
      return fail("Unknown", to, "ENOTEMPTY")
    source.names.delete(move.name)
    target.names.set(move.as, node)
    if (source !== target) for (const folder of [source, target]) folder.moves.push(move)
  }

  const link = (from: string, to: string): void => {
    const file = needFile(from)
    if (above(to).has(posix.basename(to))) return fail("AlreadyExists", to)
    above(to).set(posix.basename(to), file)
  }

  const below = (folder: string): ReadonlyArray<string> => {
    const all: Array<string> = []
    const walk = (node: Folder, before: string) => {
      for (const [name, inner] of node.names) {
        if (inner instanceof File) all.push(before + name)
        else walk(inner, `${before}${name}/`)
      }
    }
    if (find(folder) !== undefined) walk(needFolder(folder), "")
    return all.sort()
  }

  const open = (path: string, flag: string): FileSystem.File => {
    const isNew = flag === "w" || flag === "wx"
    if (flag === "wx" && find(path) !== undefined) fail("AlreadyExists", path, "EEXIST")
    const node = isNew ? create(path) : need(path)
    if (isNew && node instanceof File) node.change(new Uint8Array(0))
    let at = 0
    const file = (): File => (node instanceof File ? node : fail("BadResource", path, "EISDIR"))
    const writeAll = (bytes: Uint8Array): void => {
      const all = new Uint8Array(Math.max(file().bytes.length, at + bytes.length))
      all.set(file().bytes)
      all.set(bytes, at)
      file().change(all)
      at += bytes.length
    }
    const cut = (length: number): void => {
      const all = new Uint8Array(length)
      all.set(file().bytes.subarray(0, length))
      file().change(all)
    }
    const sync = (): void => {
      if (node instanceof File) node.flushed = node.bytes
      else flushNames(node)
    }
    return {
      [FileSystem.FileTypeId]: FileSystem.FileTypeId,
      fd: FileSystem.FileDescriptor(0),
      stat: done(() => stat(node)),
      seek: (offset) => Effect.sync(() => void (at = Number(offset))),
      sync: done(sync),
      read: () => Effect.dieMessage("not read this way"),
      readAlloc: () => Effect.dieMessage("not read this way"),
      truncate: (length = 0) => done(() => cut(Number(length))),
      write: (bytes) => done(() => (writeAll(bytes), FileSystem.Size(bytes.length))),
      writeAll: (bytes) => done(() => writeAll(bytes)),
    }
  }

  const text = (path: string): string => Buffer.from(needFile(path).bytes).toString()

  return {
    fs: FileSystem.makeNoop({
      exists: (path) => done(() => find(path) !== undefined),
      makeDirectory: (path, options) => done(() => makeDirectory(path, options?.recursive === true)),
      readDirectory: (path) => done(() => [...needFolder(path).names.keys()]),
      readFile: (path) => done(() => Uint8Array.from(needFile(path).bytes)),
      readFileString: (path) => done(() => text(path)),
      stream: (path) => Stream.unwrap(done(() => Stream.make(needFile(path).bytes))),
      stat: (path) => done(() => stat(need(path))),
      open: (path, options) => done(() => open(path, options?.flag ?? "r")),
      writeFile: (path, bytes) => done(() => write(path, bytes)),
      writeFileString: (path, content) => done(() => write(path, Buffer.from(content))),
      link: (from, to) => done(() => link(from, to)),
      rename: (from, to) => done(() => rename(from, to)),
      remove: (path, options) => done(() => remove(path, options)),
    }),
    read: (path) => needFile(path).bytes,
    write,
    list: below,
    hashes: (folder) =>
      Object.fromEntries(
        below(folder)
          .filter((name) => !name.includes(".locks/"))
          .map((name) => {
            const { bytes } = needFile(posix.join(folder, name))
            return [name, createHash("sha256").update(bytes).digest("hex")]
          }),
      ),
    copy: () => make(copyOf(root)),
    afterPowerCut: (luck) => make(remainder(root, luck)),
  }
}

// ---------------------------------------------------------------------------------------------------------

const parts = (path: string): ReadonlyArray<string> => path.split("/").filter((part) => part !== "")

const fail = (reason: Error.SystemErrorReason, path: string, code: string = reason): never => {
  const description = `${code}: ${path}`
  throw new Error.SystemError(
    { module: "FileSystem", method: "any", reason, pathOrDescriptor: path, description },
    true,
  )
}

const done = <A>(run: () => A): Effect.Effect<A, Error.PlatformError> =>
  Effect.try({
    try: run,
    catch: (error) => {
      if (error instanceof Error.SystemError) return error
      throw error
    },
  })

const stat = (node: Node): FileSystem.File.Info => ({
  type: node instanceof File ? "File" : "Directory",
  mtime: Option.some(new Date(node instanceof File ? node.modified : 0)),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 0,
  ino: Option.some(node instanceof File ? node.ino : 0),
  mode: 0o644,
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  rdev: Option.none(),
  size: FileSystem.Size(node instanceof File ? node.bytes.length : 0),
  blksize: Option.none(),
  blocks: Option.none(),
})

const flushNames = (folder: Folder): void => {
  folder.flushed = new Map(folder.names)
  for (const { from, name, to, as, node } of folder.moves) {
    if (from !== folder && from.flushed.get(name) === node) from.flushed.delete(name)
    if (to !== folder) to.flushed.set(as, node)
  }
  folder.moves = []
}

/** Copies nodes, each once, whatever names it has. */
const copying = (names: (folder: Folder) => Folder["names"], copyOfFile: (file: File) => File) => {
  const files = new Map<File, File>()
  const once = (file: File): File => {
    const known = files.get(file) ?? copyOfFile(file)
    files.set(file, known)
    return known
  }
  const copy = (folder: Folder): Folder =>
    new Folder(
      new Map(
        Array.from(names(folder), ([name, node]) => [name, node instanceof File ? once(node) : copy(node)]),
      ),
    )
  return copy
}

/** All of it, as flushed as it is: so much is known of the names that they are there. */
const copyOf = (root: Folder): Folder =>
  copying(
    ({ names }) => names,
    ({ bytes, flushed }) => new File(bytes, flushed),
  )(root)

const remainder = (root: Folder, luck: Luck): Folder =>
  copying(
    ({ names, flushed }) => (luck.names ? names : flushed),
    ({ bytes, flushed }) => new File(luck.bytes ? bytes : flushed),
  )(root)
