/**
 * What a host keeps of each session besides the record of its operation: what was asked for, and what came out. A folder
 * for each, so that a session is known after the host was started again.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { sha256 } from "../../internal/sha256.js"
import * as Disk from "../../training/Disk.js"
import * as Weights from "../../training/Network/Weights.js"
import * as Json from "../../training/Receipt/Json.js"
import { Sha256 } from "../../training/Receipt/Sha256.js"
import type { Trained } from "../../training/Trainer.js"
import type { TrainingError } from "../../training/TrainingError.js"
import * as TrainingHostApi from "./TrainingHostApi.js"

/** What a session may be called: a name becomes that of a folder. */
export const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,149}$/
export const idRule = "a letter or digit, then letters, digits, '.', '_' or '-', at most 150"

const Texts = Schema.Array(Schema.String)

/** What was asked for. Instants are epoch milliseconds. */
export const Asked = Schema.Struct({
  session: Schema.String,
  operation: Schema.String,
  created: Schema.Number,
  /** Of the key that came with it, of the body, and of the client's address: who tells a start from its repetition. */
  key: Schema.NullOr(Sha256),
  body: Sha256,
  client: Schema.String,
  strategy: Schema.String,
  symbols: Texts,
  timeframes: Texts,
  epochs: Schema.NonNegativeInt,
  start_date: Schema.NullOr(Schema.String),
  end_date: Schema.NullOr(Schema.String),
  estimated_duration_minutes: Schema.NullOr(Schema.Number),
}).annotations({ identifier: "TrainingSessionAsked" })
export type Asked = typeof Asked.Type

type Result = TrainingHostApi.ResultAnswer["trained"]

/** All fail with `StoreUnreadable` or `StoreUnwritable` where the disk does. */
export interface Service {
  /** Those that can be read, whole ones; others are left alone, with a warning. */
  readonly all: Effect.Effect<ReadonlyArray<Asked>, TrainingError>
  readonly begin: (asked: Asked) => Effect.Effect<void, TrainingError>
  /** Returns what it came to as it is told, once it is on the disk. */
  readonly finish: (session: string, trained: Trained) => Effect.Effect<Result, TrainingError>
  /** Fails with `DamagedModel` as well. */
  readonly result: (session: string) => Effect.Effect<Option.Option<Result>, TrainingError>
  /** As `Weights.encode` gives them. */
  readonly weights: (session: string) => Effect.Effect<Option.Option<Uint8Array>, TrainingError>
  readonly remove: (session: string) => Effect.Effect<void, TrainingError>
}

export class SessionFiles extends Context.Tag("ktrdr/hosts/training/SessionFiles")<SessionFiles, Service>() {}

/** Folders in the folder `sessions` of the directory, which the first one makes. */
export const layer = (
  directory: string,
): Layer.Layer<SessionFiles, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    SessionFiles,
    Effect.gen(function* () {
      const disk = yield* Disk.make(directory)
      const folder = disk.join(directory, "sessions")
      const file = (session: string, name: string) => disk.join(folder, session, name)
      const text = (session: string, name: string) =>
        Effect.map(
          disk.bytes(file(session, name)),
          Option.map((bytes) => new TextDecoder().decode(bytes)),
        )
      const write = (session: string, name: string, content: string | Uint8Array) =>
        disk.replace(
          file(session, name),
          typeof content === "string" ? new TextEncoder().encode(content) : content,
        )

      return {
        all: Effect.gen(function* () {
          const found: Array<Asked> = []
          for (const session of yield* disk.names(folder)) {
            const asked = Option.getOrUndefined(yield* text(session, names.asked))
            if (asked === undefined) continue
            yield* Effect.match(decodeAsked(asked, disk.place(file(session, names.asked))), {
              onSuccess: (one) => void found.push(one),
              onFailure: (error) => error,
            }).pipe(Effect.flatMap((error) => (error ? Effect.logWarning(error.message) : Effect.void)))
          }
          return found.sort((one, other) => one.created - other.created)
        }).pipe(Effect.withSpan("SessionFiles.all")),
        begin: Effect.fn("SessionFiles.begin")(function* (asked) {
          yield* disk.makeFolder(disk.join(folder, asked.session))
          yield* write(asked.session, names.asked, encodeAsked(asked))
        }),
        finish: Effect.fn("SessionFiles.finish")(function* (session, trained) {
          const bytes = Weights.encode(trained.weights)
          const result: Result = {
            reason: trained.reason,
            epochs: trained.epochs,
            best_epoch: trained.bestEpoch,
            history: trained.history,
            metrics: trained.metrics,
            weights: { bytes: bytes.length, sha256: yield* sha256(bytes) },
          }
          yield* write(session, names.weights, bytes)
          yield* write(session, names.result, encodeResult(result))
          return result
        }),
        result: Effect.fn("SessionFiles.result")(function* (session) {
          const found = yield* text(session, names.result)
          if (Option.isNone(found)) return Option.none<Result>()
          return Option.some(yield* decodeResult(found.value, disk.place(file(session, names.result))))
        }),
        weights: Effect.fn("SessionFiles.weights")((session) => disk.bytes(file(session, names.weights))),
        remove: Effect.fn("SessionFiles.remove")((session) => disk.remove(disk.join(folder, session))),
      }
    }),
  )

// ---------------------------------------------------------------------------------------------------------

const names = { asked: "session.json", result: "result.json", weights: "weights" }

const Result = TrainingHostApi.ResultAnswer.fields.trained
const encodeAsked = Json.encoder(Asked)
const decodeAsked = Json.decoder(Asked, "a session")
const encodeResult = Json.encoder(Result)
const decodeResult = Json.decoder(Result, "the result of a session")
