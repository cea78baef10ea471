/**
 * What earlier runs of an operation tell of how long it takes. `Operation.run` asks it at the start and tells
 * it of success; the time left that observers see blends that with the run's own pace. Without a layer nothing
 * is learned, and the time left is the run's own pace alone.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { kept } from "./internal/timeEstimateHistory.js"

const Positive = Schema.Number.pipe(Schema.finite(), Schema.positive())

const Share = Schema.Number.pipe(Schema.finite(), Schema.nonNegative())

/**
 * A run that succeeded: how many units of work it did, and in how many milliseconds; where it was watched,
 * also which part of its time at work the first half of its work took, how long it waited, as a part of its
 * time at work, in which part of its duration items were at work or waited, and how long none was after the
 * first of them, as a part of that.
 */
export const Run = Schema.Struct({
  units: Positive,
  millis: Positive,
  habit: Schema.optional(
    Schema.Struct({ firstHalf: Share, waiting: Share, counting: Share, besides: Share }),
  ),
})
export type Run = typeof Run.Type

/** The entry of a key in the store: its last 20 runs, oldest first. */
export const Entry = Schema.parseJson(Schema.Struct({ version: Schema.Literal(1), runs: Schema.Array(Run) }))

export interface Service {
  /** False where nothing is kept: then nobody needs to measure. */
  readonly learns: boolean
  /** Earlier runs under the key, oldest first, 20 at most. What cannot be read costs a warning. */
  readonly runs: (key: string) => Effect.Effect<ReadonlyArray<Run>>
  /**
   * Adds a run to those under the key; one without work or time is left out. It is written in the background,
   * when the layer's scope closes at the latest; a store that cannot be written costs one warning.
   */
  readonly record: (key: string, run: Run) => Effect.Effect<void>
}

/** Knows nothing and learns nothing, until a layer is provided. */
export class TimeEstimator extends Context.Reference<TimeEstimator>()("ktrdr/TimeEstimator", {
  defaultValue: (): Service => silent,
}) {}

/**
 * Learns into a store, an entry for each key. An entry that cannot be decoded is moved to `KEY damaged`, and
 * learning starts again. Two processes may share a store whose writes are atomic: where both finish at the
 * same moment, one of the two runs may go unlearned, and nothing else happens.
 */
export const make: Effect.Effect<Service, never, KeyValueStore.KeyValueStore | Scope.Scope> = Effect.gen(
  function* () {
    const store = yield* KeyValueStore.KeyValueStore
    const scope = yield* Effect.scope
    const turn = Effect.unsafeMakeSemaphore(1)
    const pending = new Map<string, ReadonlyArray<Run>>()
    const warned = new Set<string>()

    const warn = (message: string, error: PlatformError) =>
      Effect.suspend(() => {
        if (warned.has(message)) return Effect.void
        warned.add(message)
        return Effect.logWarning(message, error)
      })

    const setAside = (key: string, text: string) =>
      store
        .set(`${key} damaged`, text)
        .pipe(
          Effect.zipRight(store.remove(key)),
          Effect.zipRight(
            Effect.logWarning(
              `The estimates of ${key} cannot be read: set aside, and learned anew from here on`,
            ),
          ),
        )

    const read = (key: string): Effect.Effect<ReadonlyArray<Run>, PlatformError> =>
      Effect.gen(function* () {
        const text = Option.getOrUndefined(yield* store.get(key))
        if (text === undefined) return []
        const entry = decode(text)
        if (Either.isRight(entry)) return entry.right.runs
        yield* setAside(key, text)
        return []
      })

    /** What cannot be read just now is not written over. */
    const write = (key: string) =>
      Effect.gen(function* () {
        const runs = pending.get(key) ?? []
        yield* read(key).pipe(
          Effect.flatMap((earlier) =>
            store.set(key, encode({ version: 1, runs: [...earlier, ...runs].slice(-kept) })),
          ),
          Effect.catchAll((error) => warn("Estimates of how long things take cannot be kept", error)),
        )
        const further = (pending.get(key) ?? []).slice(runs.length)
        if (further.length === 0) pending.delete(key)
        else pending.set(key, further)
      })

    /** Whoever is late for the turn finds nothing left to do. */
    const flush = turn.withPermits(1)(
      Effect.whileLoop({
        while: () => pending.size > 0,
        body: () => write([...pending.keys()][0] ?? ""),
        step: () => {},
      }),
    )
    yield* Effect.addFinalizer(() => flush)

    return {
      learns: true,
      runs: (key) =>
        turn
          .withPermits(1)(read(key))
          .pipe(
            Effect.catchAll((error) =>
              Effect.as(warn(`The estimates of ${key} cannot be read`, error), [] as ReadonlyArray<Run>),
            ),
            Effect.map((runs) => [...runs, ...(pending.get(key) ?? [])].slice(-kept)),
          ),
      record: (key, run) =>
        Effect.suspend(() => {
          if (!isRun(run)) return Effect.void
          pending.set(key, [...(pending.get(key) ?? []), run])
          return Effect.asVoid(Effect.forkIn(Effect.uninterruptible(flush), scope))
        }),
    }
  },
)

export const layer: Layer.Layer<TimeEstimator, never, KeyValueStore.KeyValueStore> = Layer.scoped(
  TimeEstimator,
  make,
)

/** Learns for as long as the layer lives. */
export const layerMemory: Layer.Layer<TimeEstimator> = Layer.provide(layer, KeyValueStore.layerMemory)

// ---------------------------------------------------------------------------------------------------------

const silent: Service = {
  learns: false,
  runs: () => Effect.succeed([]),
  record: () => Effect.void,
}

const decode = Schema.decodeUnknownEither(Entry)
const encode = Schema.encodeSync(Entry)
const isRun = Schema.is(Run)
