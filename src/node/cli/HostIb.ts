/**
 * `ktrdr host ib`
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as CsvFolder from "../../data/CandleSource/CsvFolder.js"
import * as CandleSource from "../../data/CandleSource.js"
import { DataError } from "../../data/DataError.js"
import * as AccessLog from "../../hosts/AccessLog.js"
import * as HostAccess from "../../hosts/HostAccess.js"
import * as FaultScript from "../../hosts/ib/FaultScript.js"
import * as IbServer from "../../hosts/ib/IbServer.js"
import * as SimulatedMarket from "../../hosts/ib/SimulatedMarket.js"
import * as EmbeddedMarket from "../EmbeddedMarket.js"
import * as Http from "../Http.js"
import * as Output from "../Output.js"
import type { Program } from "./Failure.js"

export interface Options {
  readonly port: number | undefined
  readonly host: string | undefined
  readonly source: string | undefined
  readonly seed: number | undefined
  readonly faults: string | undefined
}

/** Serves until it is interrupted; its URL is the one line on standard output. */
export const run = (options: Options): Program =>
  Effect.gen(function* () {
    const { seed = 1 } = options
    const source = options.source ?? "simulated"
    const candles = yield* sourceOf(source, seed)
    const shares = options.faults === undefined ? undefined : yield* FaultScript.parse(options.faults)
    const faults = shares === undefined ? undefined : FaultScript.make({ shares, seed })
    const token = yield* HostAccess.token
    const served = IbServer.layer({ faults, token, around: AccessLog.make }).pipe(
      Layer.provide(candles),
      Layer.provide([NodeFileSystem.layer, NodePath.layer]),
      Layer.provideMerge(Http.layer({ host: options.host ?? "127.0.0.1", port: options.port ?? 5001 })),
    )
    yield* Effect.gen(function* () {
      yield* Output.line(yield* Http.url)
      yield* Effect.logInfo(`Serving ${source} bars (seed ${seed}) as an IB host does; Ctrl-C ends it`)
      return yield* Effect.never
    }).pipe(Effect.provide(served))
  })

// ---------------------------------------------------------------------------------------------------------

const sourceOf = (source: string, seed: number) =>
  Effect.gen(function* () {
    if (source === "simulated") {
      return Layer.sync(CandleSource.CandleSource, () => SimulatedMarket.make({ seed }))
    }
    if (source === "sample") return EmbeddedMarket.layerSample
    const directory = source.startsWith("csv:") ? source.slice(4) : undefined
    if (directory === undefined) {
      return yield* refusal("simulated, sample or csv:DIR", source, "Choose one of the three")
    }
    const names = yield* Effect.option((yield* FileSystem.FileSystem).readDirectory(directory))
    if (Option.isNone(names)) return yield* refusal("a folder that can be read", source, "Check its name")
    return CsvFolder.layer({ directory })
  }).pipe(Effect.provide(NodeFileSystem.layer))

const refusal = (expected: string, found: string, advice: string): DataError =>
  new DataError({
    reason: "InvalidInput",
    place: "--source",
    expected,
    found: JSON.stringify(found.slice(0, 60)),
    advice,
  })
