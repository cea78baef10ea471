/** Stores of operations in files of a folder that is removed with its scope. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Sql from "../../src/OperationStore/Sql.js"
import * as TestMachine from "./TestMachine.js"

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "ktrdr-store-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

/** A store of its own, on a machine whose time is that of `Clock`. */
export const layer = Layer.unwrapScoped(
  Effect.map(folder, (path) => Sql.layerFile({ file: join(path, "operations.sqlite") })),
).pipe(Layer.provide(TestMachine.layer()))
