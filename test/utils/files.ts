import { createHash } from "node:crypto"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

/** Every file below the folder with the SHA-256 of its bytes; locks are no data. */
export const hashes = (folder: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const names = yield* fs.readDirectory(folder, { recursive: true })
    const files = yield* Effect.filter(names.sort(), (name) =>
      Effect.map(fs.stat(`${folder}/${name}`), ({ type }) => type === "File" && !name.includes(".locks/")),
    )
    const entries = yield* Effect.forEach(files, (name) =>
      Effect.map(
        fs.readFile(`${folder}/${name}`),
        (bytes) => [name, createHash("sha256").update(bytes).digest("hex")] as const,
      ),
    )
    return Object.fromEntries(entries)
  })
