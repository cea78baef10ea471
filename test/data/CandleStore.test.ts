import * as FileSystem from "@effect/platform/FileSystem"
import { NodeContext } from "@effect/platform-node"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Parquet from "../../src/data/CandleStore/Parquet.js"
import * as CandleStore from "../../src/data/CandleStore.js"
import { contract } from "../contract/CandleStore.js"

contract("memory", CandleStore.layerMemory)

contract(
  "parquet",
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      return Parquet.layer({ directory: yield* fs.makeTempDirectoryScoped() })
    }),
  ).pipe(Layer.provide(NodeContext.layer)),
)
