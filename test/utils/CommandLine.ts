/** The command line inside this process, with a folder of its own for the state. */
import * as FileSystem from "@effect/platform/FileSystem"
import { NodeContext } from "@effect/platform-node"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Cli from "../../src/node/Cli.js"
import * as TestOutput from "./TestOutput.js"

/** Runs command lines in a new folder, where `file` writes files; the folder is gone when the scope closes. */
export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* fs.makeTempDirectoryScoped({ prefix: "ktrdr-test-" })
  const inEnvironment = (given: Readonly<Record<string, string>>) => {
    const environment = ConfigProvider.fromMap(new Map(Object.entries({ KTRDR_HOME: path, ...given })))
    return (...words: ReadonlyArray<string>) =>
      Effect.withConfigProvider(TestOutput.run(Cli.run(words)), environment)
  }
  return {
    path,
    /** A file in the folder; returns its path. */
    file: (name: string, text: string) =>
      Effect.as(fs.writeFileString(`${path}/${name}`, text), `${path}/${name}`),
    run: inEnvironment({}),
    inEnvironment,
  }
}).pipe(Effect.provide(NodeContext.layer))
