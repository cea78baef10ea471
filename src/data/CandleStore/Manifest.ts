/**
 * What stands beside a series' year files: whose bars they are, where there are none, and the hash of each
 * file. Canonical JSON without any clock time: equal content has equal bytes.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Description, Identity } from "../CandleStore.js"
import { Instrument } from "../Instrument.js"
import { Series } from "../Series.js"
import { Instant, TimeRange } from "../TimeRange.js"

/** The version that this code writes; a file of a later one is left alone. */
export const version = 1

/** A year file: its rows, its size in bytes, its hash, the starts of its first and last bar. */
export const File = Schema.Struct({
  name: Schema.String.pipe(Schema.pattern(/^-?\d{1,6}\.parquet$/)),
  rows: Schema.NonNegativeInt,
  bytes: Schema.NonNegativeInt,
  sha256: Schema.String,
  first: Instant,
  last: Instant,
})
export type File = typeof File.Type

const identity = {
  series: Series,
  instrument: Instrument,
  source: Schema.String,
  head: Schema.NullOr(Instant),
  last: Schema.NullOr(Instant),
}

export const Manifest = Schema.Struct({
  schema: Schema.Literal(version),
  ...identity,
  noData: Schema.Array(TimeRange),
  files: Schema.Array(File),
})
export type Manifest = typeof Manifest.Type

/** What a journal record says before its columns. Without a range it adds bars and says nothing of gaps. */
export const RecordHead = Schema.Struct({
  schema: Schema.Literal(version),
  ...identity,
  range: Schema.NullOr(TimeRange),
  noData: Schema.Array(TimeRange),
  rows: Schema.NonNegativeInt,
})
export type RecordHead = typeof RecordHead.Type

export const identityOf = (from: Omit<Manifest, "schema" | "noData" | "files">): Identity => ({
  series: from.series,
  instrument: from.instrument,
  source: from.source,
  head: from.head ?? undefined,
  last: from.last ?? undefined,
})

export const fromIdentity = (identity: Identity) =>
  ({
    schema: version,
    series: identity.series,
    instrument: identity.instrument,
    source: identity.source,
    head: identity.head ?? null,
    last: identity.last ?? null,
  }) as const

export const describe = (manifest: Manifest): Description => ({
  ...identityOf(manifest),
  noData: manifest.noData,
  rows: manifest.files.reduce((sum, file) => sum + file.rows, 0),
  first: manifest.files[0]?.first,
  newest: manifest.files.at(-1)?.last,
  files: manifest.files,
})

const Json = Schema.parseJson(Manifest)

/** `newer` when another version of ktrdr wrote the text and would lose by its being replaced. */
export const decode = (text: string): Either.Either<Manifest, "newer" | "damaged"> =>
  Either.mapLeft(Schema.decodeEither(Json)(text), () => (isNewer(text) ? "newer" : "damaged"))

export const encode = (manifest: Manifest): string =>
  `${JSON.stringify(sortKeys(Schema.encodeSync(Manifest)(manifest)), undefined, 2)}\n`

// -----------------------------------------------------------------------------

const Version = Schema.parseJson(Schema.Struct({ schema: Schema.Number }))

const isNewer = (text: string): boolean =>
  Either.match(Schema.decodeEither(Version)(text), {
    onLeft: () => false,
    onRight: ({ schema }) => schema > version,
  })

const sortKeys = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  )
}
