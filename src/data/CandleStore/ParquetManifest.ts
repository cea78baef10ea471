/**
 * What stands beside a series' year files: whose bars they are, where there are none, and the hash of each
 * file. Canonical JSON without any clock time: equal content has equal bytes.
 *
 * Version 2 adds `sha256`, the hash of the rest: a bit that flips in a date or a price is told from what was
 * written. A manifest of version 1 is read as it is, and written as version 2 by the next fold.
 */
import { createHash } from "node:crypto"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Description, Identity } from "../CandleStore.js"
import { Instrument } from "../Instrument.js"
import { Series } from "../Series.js"
import { Instant, TimeRange } from "../TimeRange.js"

/** The version that this code writes; a file of a later one is left alone. */
export const version = 2

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

/** Whose bars they are, as manifests and journal records say it. */
export const identityFields = {
  series: Series,
  instrument: Instrument,
  source: Schema.String,
  head: Schema.NullOr(Instant),
  last: Schema.NullOr(Instant),
}

/** What a manifest of every version says, once it is read. */
export const Manifest = Schema.Struct({
  ...identityFields,
  noData: Schema.Array(TimeRange),
  files: Schema.Array(File),
})
export type Manifest = typeof Manifest.Type

export const identityOf = (from: Omit<Manifest, "noData" | "files">): Identity => ({
  series: from.series,
  instrument: from.instrument,
  source: from.source,
  head: from.head ?? undefined,
  last: from.last ?? undefined,
})

export const fromIdentity = ({ series, instrument, source, head, last }: Identity) => ({
  series,
  instrument,
  source,
  head: head ?? null,
  last: last ?? null,
})

export const describe = (manifest: Manifest): Description => ({
  ...identityOf(manifest),
  noData: manifest.noData,
  rows: manifest.files.reduce((sum, file) => sum + file.rows, 0),
  first: manifest.files[0]?.first,
  newest: manifest.files.at(-1)?.last,
  files: manifest.files,
})

/** Reads the JSON value of a manifest of one version, or says that it is not one. */
export type Decoder = (value: object) => Option.Option<Manifest>

/** How each version that was ever written is read. */
export const decoders: Readonly<Record<number, Decoder>> = {
  1: (value) => decodeFields(value),
  2: (value) => {
    const { sha256, ...rest } = { sha256: undefined, ...value }
    return sha256 === seal(rest) ? decodeFields(rest) : Option.none()
  },
}

/** `newer` when a later version of ktrdr wrote the text and would lose by its being replaced. */
export const decode = (
  text: string,
  known: Readonly<Record<number, Decoder>> = decoders,
): Either.Either<Manifest, "newer" | "damaged"> => {
  const value = Option.getOrUndefined(decodeJson(text))
  const latest = Math.max(...Object.keys(known).map(Number))
  const manifest = value === undefined ? undefined : known[value.schema]?.(value)
  return manifest !== undefined && Option.isSome(manifest)
    ? Either.right(manifest.value)
    : Either.left(value !== undefined && value.schema > latest ? "newer" : "damaged")
}

/** The version that a manifest's text says it has. */
export const versionOf = (text: string): number | undefined =>
  Option.getOrUndefined(Option.map(decodeJson(text), ({ schema }) => schema))

export const encode = (manifest: Manifest): string => {
  const content = { schema: version, ...encodeFields(manifest) }
  return canonical({ ...content, sha256: seal(content) })
}

// -----------------------------------------------------------------------------

const decodeFields = Schema.decodeUnknownOption(Manifest)
const encodeFields = Schema.encodeSync(Manifest)

const decodeJson = Schema.decodeUnknownOption(
  Schema.parseJson(
    Schema.Struct({ schema: Schema.Int }, Schema.Record({ key: Schema.String, value: Schema.Unknown })),
  ),
)

const seal = (content: object): string => createHash("sha256").update(canonical(content)).digest("hex")

const canonical = (content: object): string => `${JSON.stringify(sortKeys(content), undefined, 2)}\n`

const sortKeys = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  )
}
