/**
 * What `ktrdr doctor` looks at besides hosts and bars: Node, DuckDB, settings, the home.
 */
import * as Fs from "node:fs/promises"
import * as NodePath from "node:path"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { withoutSecret } from "../../internal/hostSecrets.js"
import * as Package from "../Package.js"
import { type Check, not, ok } from "./DoctorReport.js"

/** The version of Node against the least that package.json asks for. */
export const node = (version: string, least: ReadonlyArray<number>): Check => {
  const parts = version.replace(/^v/, "").split(".").map(Number)
  const at = least.findIndex((part, index) => part !== (parts[index] ?? 0))
  const fits = at === -1 || (parts[at] ?? 0) > least[at]!
  const needed = `${least.join(".")} or newer is needed`
  return fits
    ? ok("node", `${version.replace(/^v/, "")}; ${needed}`, { version })
    : not("problem", "node", `${version}; ${needed}`, `Install Node ${least.join(".")} or newer`, { version })
}

export const ktrdr: Effect.Effect<Check> = Effect.sync(() => ok("ktrdr", Package.version()))

/** Whether the native library loads. */
export const duckdb: Effect.Effect<Check> = Effect.tryPromise({
  try: () => import("@duckdb/node-api"),
  catch: (cause) => (cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause)),
}).pipe(
  Effect.map((library) => ok("duckdb", library.version())),
  Effect.catchAll((found) =>
    Effect.succeed(not("problem", "duckdb", found, "Install ktrdr anew: npm install")),
  ),
)

/** What the environment says; a password in a URL is left out. */
export const settings: Effect.Effect<Check> = Effect.forEach(
  [
    "KTRDR_HOME",
    "IB_HOST_SERVICE_URL",
    "USE_IB_HOST_SERVICE",
    "TRAINING_HOST_SERVICE_URL",
    "USE_TRAINING_HOST_SERVICE",
    "NO_COLOR",
  ],
  (name) =>
    Effect.map(
      Effect.orElseSucceed(Config.option(Config.string(name)), () => Option.none<string>()),
      (value) => [name, Option.getOrNull(Option.map(value, withoutSecret))] as const,
    ),
).pipe(
  Effect.map((all) => {
    const set = all.filter(([, value]) => value !== null).map(([name, value]) => `${name}=${value}`)
    return ok("settings", set.length === 0 ? "nothing is set" : set.join(" "), {
      settings: Object.fromEntries(all),
    })
  }),
)

/** Whether state can be kept: writes, flushes and removes a file, and asks how much room there is. */
export const home = (directory: string): Effect.Effect<Check, never, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const path = NodePath.resolve(directory)
    const folder = yield* existing(path)
    const state = folder === path ? path : `${path}, which the first load makes`
    const probed = yield* Effect.either(probe(folder))
    if (Either.isLeft(probed)) {
      const advice = `Allow writing to ${folder}, or name another folder: KTRDR_HOME`
      return not("problem", "home", `${state}: ${probed.left.message}`, advice, { path, free_bytes: null })
    }
    const free = yield* Effect.option(Effect.tryPromise(() => Fs.statfs(folder)))
    if (Option.isNone(free)) return ok("home", `${state}: writable`, { path, free_bytes: null })
    const bytes = free.value.bavail * free.value.bsize
    const found = `${state}: writable, ${size(bytes)} free`
    const facts = { path, free_bytes: bytes }
    if (bytes >= plenty) return ok("home", found, facts)
    const advice = "Make room on its disk, or name a folder on another: KTRDR_HOME"
    return not(bytes < scarce ? "problem" : "warning", "home", found, advice, facts)
  })

// ---------------------------------------------------------------------------------------------------------

/** Bytes below which a disk is as good as full, and below which it soon will be. */
const scarce = 50e6
const plenty = 1e9

const size = (bytes: number): string =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`

/** The folder itself, or the nearest above it that there is. */
const existing = (path: string): Effect.Effect<string, never, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (files) =>
    Effect.flatMap(
      Effect.orElseSucceed(files.exists(path), () => false),
      (there) =>
        there || NodePath.dirname(path) === path ? Effect.succeed(path) : existing(NodePath.dirname(path)),
    ),
  )

const probe = Effect.fnUntraced(function* (folder: string) {
  const files = yield* FileSystem.FileSystem
  const path = NodePath.join(folder, `.ktrdr-probe-${yield* Random.nextIntBetween(0, 2 ** 31)}`)
  const file = yield* Effect.acquireRelease(files.open(path, { flag: "wx" }), () =>
    Effect.ignore(files.remove(path)),
  )
  yield* file.writeAll(new Uint8Array(4096))
  yield* file.sync
}, Effect.scoped)
