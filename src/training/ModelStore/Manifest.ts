/** What stands beside a model's files: whose they are, what a list tells of them, and the hash of each. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { Symbol } from "../../data/Symbol.js"
import { Timeframe } from "../../data/Timeframe.js"
import * as TimeRange from "../../data/TimeRange.js"
import { sha256 } from "../../internal/sha256.js"
import { Metrics } from "../Metrics.js"
import * as Json from "../Receipt/Json.js"
import { Sha256 } from "../Receipt/Sha256.js"
import type { TrainingError } from "../TrainingError.js"

export const fileName = "manifest.json"

/** The version that is written, and the newest that is read. */
export const version = 1

const Count = Schema.NonNegativeInt

export const StoredFile = Schema.Struct({ name: Schema.String, bytes: Count, sha256: Sha256 })
export type StoredFile = typeof StoredFile.Type

export const Manifest = Schema.Struct({
  model: Schema.Literal(version),
  strategy: Schema.String,
  symbols: Schema.Array(Symbol),
  timeframes: Schema.Array(Timeframe),
  created: TimeRange.Instant,
  /** Of the strategy, as `Strategy.hash` gives it. */
  strategyHash: Sha256,
  features: Count,
  parameters: Count,
  epochs: Count,
  validation: Schema.NullOr(Metrics),
  test: Schema.NullOr(Metrics),
  files: Schema.Array(StoredFile),
}).annotations({ identifier: "ModelManifest" })
export type Manifest = typeof Manifest.Type

/** With its own hash, so that a changed number in it is told from what was written. */
export const encode = (manifest: Manifest): Effect.Effect<Uint8Array> =>
  Effect.map(sha256(text(manifest)), (hash) =>
    new TextEncoder().encode(encodeSigned({ ...manifest, sha256: hash })),
  )

/** Fails with `DamagedModel` or `NewerVersion`; `place` says whose bytes they are. */
export const decode = (bytes: Uint8Array, place: string): Effect.Effect<Manifest, TrainingError> =>
  Effect.gen(function* () {
    const found = new TextDecoder().decode(bytes)
    const decoded = yield* Either.flatMap(Json.checkVersion(found, "model", version, place), () =>
      decodeSigned(found, place),
    )
    const { sha256: hash, ...manifest } = decoded
    if (found !== encodeSigned(decoded) || (yield* sha256(text(manifest))) !== hash) {
      return yield* Json.damaged(place, "the bytes that were written", "a check sum that does not fit")
    }
    return manifest
  })

// ---------------------------------------------------------------------------------------------------------

const Signed = Schema.Struct({ ...Manifest.fields, sha256: Sha256 })
const encodeSigned = Json.encoder(Signed)
const decodeSigned = Json.decoder(Signed, "the manifest of a model")
const text = Json.encoder(Manifest)
