/**
 * A load through a host whose answers suffer every kind of fault, each at five in a hundred: no bar is lost,
 * doubled or altered.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Parquet from "../../../src/data/CandleStore/Parquet.js"
import * as DataManager from "../../../src/data/DataManager.js"
import * as LoadReport from "../../../src/data/LoadReport.js"
import * as FaultScript from "../../../src/hosts/ib/FaultScript.js"
import * as IbCandleSource from "../../../src/hosts/ib/IbCandleSource.js"
import { hashes } from "../../utils/files.js"
import { at, serve, symbol } from "./Hosts.js"

const load = {
  symbol: symbol("AAPL"),
  timeframe: "5m",
  session: "regular",
  mode: "full",
  start: at("2018-01-01"),
  end: at("2024-01-01"),
} as const

const run = (baseUrl: string, directory: string) =>
  Effect.flatMap(DataManager.DataManager, (manager) => manager.load(load)).pipe(
    Effect.provide(
      DataManager.layer.pipe(
        Layer.provide(Parquet.layer({ directory })),
        Layer.provide(IbCandleSource.layerHost({ baseUrl, backoff: "10 millis" })),
      ),
    ),
  )

it.scopedLive(
  "completes a load through every kind of fault, with the bytes of a load without any",
  () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const [sound, faulty] = [yield* fs.makeTempDirectoryScoped(), yield* fs.makeTempDirectoryScoped()]
      const truth = yield* run(yield* serve(), sound)
      expect(truth.present).toBe(truth.expected)
      const shares = Either.getOrThrow(FaultScript.parse("all=0.05"))
      const faults = FaultScript.make({ shares, seed: 3, latencyMillis: 20, retryAfterSeconds: 0 })
      const url = yield* serve({ faults })
      let report = yield* run(url, faulty)
      for (let again = 0; again < 5 && !LoadReport.isComplete(report); again++) {
        expect(report.given_up.reduce((sum, { bars }) => sum + bars, 0)).toBeGreaterThanOrEqual(report.failed)
        report = yield* run(url, faulty)
      }
      expect(report).toMatchObject({ present: truth.present, unexpected: 0, no_data: 0, given_up: [] })
      for (const kind of FaultScript.Kind.literals) {
        expect([kind, faults.counts[kind]]).toEqual([kind, expect.toSatisfy((count: number) => count >= 10)])
      }
      expect(yield* hashes(faulty)).toEqual(yield* hashes(sound))
    }).pipe(Effect.provide(NodeContext.layer)),
  60_000,
)
