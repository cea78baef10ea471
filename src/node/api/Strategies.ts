/**
 * The strategies that a server trains by name: files of its folders, `NAME.yaml`.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Files from "../Strategies.js"

export type Service = Files.Named

export class Strategies extends Context.Tag("ktrdr/node/api/Strategies")<Strategies, Service>() {}

/** Those of the folders; see `Strategies.named`. */
export const layer = (folders: ReadonlyArray<string>): Layer.Layer<Strategies> =>
  Layer.succeed(Strategies, Files.named(folders, words))

// ---------------------------------------------------------------------------------------------------------

const words: Files.Words = {
  place: "strategy_name",
  expected: (names) => names,
  unknown: "Choose one, or put the file into the folder of strategies",
  unreadable: "Look at the folder of strategies on the server",
}
