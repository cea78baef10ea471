/**
 * `ktrdr data sync`
 */
import * as Effect from "effect/Effect"
import { DataManager } from "../../data/DataManager.js"
import * as Series from "../../data/Series.js"
import type { Symbol } from "../../data/Symbol.js"
import * as Sync from "../../data/Sync.js"
import type * as IbPacing from "../../hosts/ib/IbPacing.js"
import * as Loading from "../Loading.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as Detach from "./Detach.js"
import type { Program } from "./Failure.js"
import * as LoadPlans from "./LoadPlans.js"
import * as LoadSource from "./LoadSource.js"
import * as Loads from "./Loads.js"
import * as LoadText from "./LoadText.js"
import * as SymbolsFile from "./SymbolsFile.js"

export interface Options {
  /** Nothing but these; all that is stored where there are none and no file. */
  readonly only: ReadonlyArray<Symbol>
  /** A file of further symbols. */
  readonly symbols: string | undefined
  readonly anySource: boolean
  /** Print what would be asked for, and stop. */
  readonly plan: boolean
  readonly pacing: IbPacing.Mode
  readonly host: string | undefined
  /** Load in the background, and print the operation's id. */
  readonly detach: boolean
  readonly json: boolean
  readonly noProgress: boolean
}

/**
 * Loads what is newer than what is kept, and the holes in it, of every stored series, as `Loads.run` does, or
 * prints the plan of it, as `LoadPlans.print` does.
 */
export const run = (options: Options): Program =>
  Effect.gen(function* () {
    const only = yield* SymbolsFile.join(options.only, options.symbols)
    const stored = yield* Effect.provide(
      Effect.flatMap(DataManager, (manager) => manager.list),
      Main.layerLocal,
    )
    if (stored.length === 0) return yield* Output.note(LoadText.nothingKept)
    if (options.detach) {
      const command = { path: ["data", "sync"], kind: Loading.kindOf([], true), listed: only }
      return yield* Detach.load({ ...options, ...command })
    }
    const settings = { host: yield* LoadSource.choose(options.host), pacing: options.pacing }
    yield* sync(options, only).pipe(LoadSource.withSystem(settings, undefined, options.plan))
  })

// ---------------------------------------------------------------------------------------------------------

const sync = (options: Options, only: ReadonlyArray<Symbol>) =>
  Effect.gen(function* () {
    const manager = yield* DataManager
    const { anySource } = options
    const { source } = manager
    const { loads, left } = yield* Sync.plan(yield* manager.list, {
      source,
      anySource,
      ...(only.length === 0 ? {} : { only }),
    })
    if (left.length > 0) {
      const names = left.map((one) => `${Series.format(one.series)} (${one.source})`)
      yield* Output.note(
        `note: left as they are, for their bars did not come from ${source}: ${LoadText.shorten(names)}; ` +
          "name their symbols or give --any-source to load them from there",
      )
    }
    if (options.plan) return yield* LoadPlans.print(loads, options)
    yield* LoadPlans.sayFloor(loads, options)
    yield* Loads.run(loads, { ...options, mode: "tail", together: true })
  })
