/**
 * The files of this machine, to be looked at only: whatever would change one fails with `PermissionDenied`.
 */
import * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Sink from "effect/Sink"

/** A store over it reads as where nothing can be written: what waits in journals is merged in memory. */
export const layer: Layer.Layer<FileSystem.FileSystem> = Layer.provide(
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (files) => readOnly(files)),
  ),
  NodeFileSystem.layer,
)

// ---------------------------------------------------------------------------------------------------------

const readOnly = (files: FileSystem.FileSystem): FileSystem.FileSystem => ({
  ...files,
  chmod: refuse("chmod"),
  chown: refuse("chown"),
  copy: refuse("copy"),
  copyFile: refuse("copyFile"),
  link: refuse("link"),
  makeDirectory: refuse("makeDirectory"),
  makeTempDirectory: () => refuse("makeTempDirectory")(""),
  makeTempDirectoryScoped: () => refuse("makeTempDirectoryScoped")(""),
  makeTempFile: () => refuse("makeTempFile")(""),
  makeTempFileScoped: () => refuse("makeTempFileScoped")(""),
  open: (path, options) =>
    (options?.flag ?? "r") === "r" ? files.open(path, options) : refuse("open")(path),
  remove: refuse("remove"),
  rename: refuse("rename"),
  sink: (path) => Sink.fail(denied("sink", path)),
  symlink: refuse("symlink"),
  truncate: refuse("truncate"),
  utimes: refuse("utimes"),
  writeFile: refuse("writeFile"),
  writeFileString: refuse("writeFileString"),
})

const denied = (method: string, pathOrDescriptor: string): PlatformError.PlatformError =>
  new PlatformError.SystemError({
    module: "FileSystem",
    method,
    reason: "PermissionDenied",
    pathOrDescriptor,
    description: "files are looked at only",
  })

const refuse =
  (method: string) =>
  (path: string): Effect.Effect<never, PlatformError.PlatformError> =>
    Effect.fail(denied(method, path))
