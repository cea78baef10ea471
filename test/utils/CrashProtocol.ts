/**
 * What a crash campaign and the loading processes it kills say to each other: orders as the one argument of
 * the process, messages as lines of JSON on its standard output.
 */
import * as Schema from "effect/Schema"
import { LoadReport } from "../../src/data/LoadReport.js"
import * as Symbol from "../../src/data/Symbol.js"
import { TimeRange } from "../../src/data/TimeRange.js"

/**
 * What a loading process does to its store, and to its host, that a crash can fall into:
 *
 * - `fetch`: a segment is asked for;
 * - `append`: the journal is made, written, flushed;
 * - `fold`: a year file is written under its temporary name, flushed, or found to be the same;
 * - `rename`: a year file takes the place of the old one;
 * - `manifest`: a manifest is written, flushed, renamed, and the journals that it covers are removed;
 * - `lock`: the lock of the series is taken and released.
 */
export const Phase = Schema.Literal("fetch", "append", "fold", "rename", "manifest", "lock")
export type Phase = typeof Phase.Type

/**
 * Where in a call the process is killed: standing still before it, standing still once a part of its bytes
 * is written, or some time after it began, while the process goes on.
 */
export const Moment = Schema.Literal("before", "part", "during")
export type Moment = typeof Moment.Type

/**
 * The `call`-th call of a phase, from 1; `share` of its bytes, or `millis` after it began. A `part` is one of
 * the next call that writes bytes: none of `fetch` and `rename` does.
 */
export const Stop = Schema.Struct({
  phase: Phase,
  call: Schema.Int,
  moment: Moment,
  share: Schema.Number,
  millis: Schema.Int,
})
export type Stop = typeof Stop.Type

export const Orders = Schema.parseJson(
  Schema.Struct({
    directory: Schema.String,
    url: Schema.String,
    /** The name under which the host's journal has the requests of this process. */
    loader: Schema.String,
    stop: Schema.NullOr(Stop),
    /** The process stops itself there until it is told to continue; else it stands still to be killed. */
    suspend: Schema.Boolean,
    /** For how long it keeps the series while it is suspended, in milliseconds. */
    lease: Schema.Number,
  }),
)
export type Orders = typeof Orders.Type

export const Counts = Schema.Record({ key: Phase, value: Schema.Int })
export type Counts = typeof Counts.Type

export const Message = Schema.parseJson(
  Schema.Union(
    /** `append` has returned for the range. */
    Schema.TaggedStruct("Durable", { range: TimeRange }),
    /** The call to be killed in has been reached. */
    Schema.TaggedStruct("Here", {}),
    /** The call to be killed in is over, and the process still goes on. */
    Schema.TaggedStruct("Over", {}),
    Schema.TaggedStruct("Done", { report: LoadReport, counts: Counts }),
  ),
)
export type Message = typeof Message.Type

/** What the host prints: its port first, each request for bars (epoch ms), what it was sent. */
export const HostMessage = Schema.parseJson(
  Schema.Union(
    Schema.Struct({ port: Schema.Int }),
    Schema.Struct({ loader: Schema.String, start: Schema.Number, end: Schema.Number }),
    Schema.Struct({ flushed: Schema.String }),
  ),
)

export const series = {
  symbol: Symbol.Symbol.make("MSFT"),
  timeframe: "5m",
  session: "regular",
} as const

/** Twelve weeks, a segment each, in two year files. */
export const load = {
  ...series,
  mode: "full",
  start: Date.UTC(2023, 10, 27),
  end: Date.UTC(2024, 1, 17),
} as const

/** Some three segments: the journal is folded several times on the way. */
export const journalBytes = 48 * 1024
