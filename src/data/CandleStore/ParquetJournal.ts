/**
 * The journal of a series: batches that are durable and not yet in the year files.
 *
 * A record is a frame of 16 bytes (magic, length of the body, CRC-32 of the body, length of its head), the
 * head as JSON padded to 8 bytes, and six columns of doubles. What a crash tore or a disk damaged is told by
 * its length or its checksum and costs the records that it lies in: those before and behind it stand.
 */
import { crc32 } from "node:zlib"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { turn } from "../../internal/breathe.js"
import { Permits } from "../../internal/Permits.js"
import type { Candles } from "../Candle.js"
import * as Candle from "../Candle.js"
import type { Batch, Identity } from "../CandleStore.js"
import { DataError } from "../DataError.js"
import { TimeRange } from "../TimeRange.js"
import { type Files, unwritable } from "./ParquetFiles.js"
import { type Lock, orLost } from "./ParquetLock.js"
import * as Manifest from "./ParquetManifest.js"

/** A batch, or a part of a long one: without a range it adds bars and says nothing of where there are none. */
export interface Record {
  readonly identity: Identity
  readonly range: Batch["range"] | undefined
  readonly noData: Batch["noData"]
  readonly candles: Candles
}

/** The records of a batch, of at most 8,192 bars each; the last one alone speaks of its range. */
export function* records(identity: Identity, batch: Batch): Iterable<Record> {
  const size = Candle.size(batch.candles)
  let from = 0
  for (; size - from > recordRows; from += recordRows) {
    yield {
      identity,
      range: undefined,
      noData: [],
      candles: Candle.slice(batch.candles, from, from + recordRows),
    }
  }
  yield {
    identity,
    range: batch.range,
    noData: batch.noData,
    candles: Candle.slice(batch.candles, from, size),
  }
}

export const encode = ({ identity, range, noData, candles }: Record): Uint8Array => {
  const rows = Candle.size(candles)
  const json = encodeHead({
    schema: version,
    ...Manifest.fromIdentity(identity),
    range: range ?? null,
    noData,
    rows,
  })
  const text = new TextEncoder().encode(json)
  const headBytes = Math.ceil(text.length / 8) * 8
  const frame = new Uint8Array(frameBytes + headBytes + Candle.columns.length * rows * 8)
  frame.fill(32, frameBytes, frameBytes + headBytes)
  frame.set(text, frameBytes)
  Candle.columns.forEach((column, index) => {
    new Float64Array(frame.buffer, frameBytes + headBytes + index * rows * 8, rows).set(candles[column])
  })
  const view = new DataView(frame.buffer)
  view.setUint32(0, magic, true)
  view.setUint32(4, frame.length - frameBytes, true)
  view.setUint32(12, headBytes, true)
  view.setUint32(8, crc32(frame.subarray(12)), true)
  return frame
}

/** Bytes of a journal that are no record. */
export interface Damage {
  readonly offset: number
  readonly bytes: number
  /** What a process that ended in the middle of a write leaves at the end: it was never said to be kept. */
  readonly unfinished: boolean
}

export type Item =
  | { readonly _tag: "Record"; readonly record: Record }
  | { readonly _tag: "Damage"; readonly damage: Damage }

/**
 * The records of a journal, and what lies between them; the records' columns are views of `bytes`. A record of
 * a later version of the store is an error.
 */
export function* decode(
  place: string,
  bytes: Uint8Array,
): Generator<Either.Either<Item, DataError>, void, void> {
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : Uint8Array.from(bytes)
  const view = new DataView(aligned.buffer, aligned.byteOffset, aligned.byteLength)
  for (let offset = 0; offset < aligned.length; ) {
    const end = frameEnd(aligned, view, offset)
    if (end === undefined) {
      const next = nextFrame(aligned, view, offset + frameStep)
      const unfinished = next === aligned.length && isTorn(aligned.subarray(offset))
      yield Either.right({ _tag: "Damage", damage: { offset, bytes: next - offset, unfinished } })
      offset = next
      continue
    }
    const columns = offset + frameBytes + view.getUint32(offset + 12, true)
    const json = new TextDecoder().decode(aligned.subarray(offset + frameBytes, columns))
    yield Either.mapBoth(decodeHead(json), {
      onLeft: (cause) => newer(place, cause),
      onRight: (head): Item => ({
        _tag: "Record",
        record: {
          identity: Manifest.identityOf(head),
          range: head.range ?? undefined,
          noData: head.noData,
          candles: viewColumns(aligned, columns, head.rows),
        },
      }),
    })
    offset = end
  }
}

/** `journal-12.bin`: each owner of the series' lock writes one of its own, named after its token. */
export const nameOf = (token: number): string => `journal-${token}.bin`

/** The journals among the names of a folder, oldest first. */
export const among = (names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names
    .flatMap((name) => {
      const token = pattern.exec(name)?.[1]
      return token === undefined ? [] : [{ name, token: Number(token) }]
    })
    .sort((a, b) => a.token - b.token)
    .map(({ name }) => name)

export interface Journal {
  /**
   * Returns once the batch is durable, and not before, interrupted or not; batches that wait while one is flushed
   * share the next flush.
   */
  readonly append: (batch: Batch) => Effect.Effect<void, DataError>
  /** How many bytes wait to be folded. */
  readonly bytes: () => number
  /** Runs the effect, which may remove the journal, while nothing is written to it. */
  readonly whileClosed: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** The journal of the lock's owner; every flush makes sure before and after that the lock is still held. */
export const make = Effect.fnUntraced(function* (options: {
  readonly files: Files
  readonly folder: string
  readonly lock: Lock
  readonly identity: Identity
}) {
  const { files, folder, lock, identity } = options
  const fs = yield* FileSystem.FileSystem
  const path = files.join(folder, nameOf(lock.token))
  const place = files.place(path)
  const mutex = new Permits(1)
  const pending: Array<Ticket> = []
  let open: { readonly file: FileSystem.File; readonly scope: Scope.CloseableScope } | undefined
  let offset = 0

  const close = Effect.suspend(() => {
    const scope = open?.scope
    open = undefined
    if (scope === undefined) return Effect.void
    return Effect.catchAllDefect(Scope.close(scope, Exit.void), () => Effect.void)
  })
  yield* Effect.addFinalizer(() => close)

  const opened = Effect.gen(function* () {
    if (open !== undefined) return open.file
    const scope = yield* Scope.make()
    const flag = offset > 0 ? "r+" : "w"
    const file = yield* Scope.extend(fs.open(path, { flag }), scope)
    open = { file, scope }
    if (offset === 0) yield* files.sync(folder)
    else yield* file.truncate(offset)
    return file
  })

  /** Takes back what a failed flush may have written: nobody was told that it is kept. */
  const undo = Effect.suspend(() =>
    offset === 0
      ? Effect.zipRight(close, Effect.ignore(fs.remove(path, { force: true })))
      : Effect.ensuring(Effect.ignore(open?.file.truncate(offset) ?? Effect.void), close),
  )

  const flush = Effect.fnUntraced(
    function* (frames: ReadonlyArray<Uint8Array>) {
      yield* lock.check
      const file = yield* opened
      yield* file.seek(offset, "start")
      for (const bytes of together(frames)) yield* file.writeAll(bytes)
      yield* file.sync
      yield* lock.check
      offset += frames.reduce((sum, frame) => sum + frame.length, 0)
    },
    Effect.catchTag("BadArgument", "SystemError", (error) => unwritable(place, error)),
    Effect.tapError(() => undo),
    orLost(lock),
  )

  const flushPending = Effect.gen(function* () {
    const tickets = pending.splice(0)
    if (tickets.length === 0) return
    const exit = yield* Effect.exit(flush(tickets.flatMap((ticket) => ticket.frames)))
    yield* Effect.forEach(tickets, (ticket) => Deferred.done(ticket.done, exit))
  })

  const append: Journal["append"] = Effect.fn("ParquetJournal.append")(function* (batch) {
    const frames: Array<Uint8Array> = []
    for (const record of records(identity, batch)) {
      if (frames.length > 0) yield* turn
      frames.push(encode(record))
    }
    const done = yield* Deferred.make<void, DataError>()
    const flushed = Effect.suspend(() =>
      pending.push({ frames, done }) === 1 ? mutex.hold(flushPending) : Effect.void,
    )
    yield* Effect.uninterruptible(Effect.zipRight(flushed, Deferred.await(done)))
  })

  const begun = Effect.map(
    Effect.orElseSucceed(fs.exists(path), () => true),
    (exists) => {
      if (!exists) offset = 0
    },
  )

  return {
    append,
    bytes: () => offset,
    whileClosed: (effect) => mutex.hold(Effect.ensuring(Effect.zipRight(close, effect), begun)),
  } satisfies Journal
})

// -----------------------------------------------------------------------------

interface Ticket {
  readonly frames: ReadonlyArray<Uint8Array>
  readonly done: Deferred.Deferred<void, DataError>
}

/** The frames in as few writes as a megabyte each takes: each write waits for a turn of the event loop. */
function* together(frames: ReadonlyArray<Uint8Array>): Iterable<Uint8Array> {
  for (let from = 0, to = 0; from < frames.length; from = to) {
    let length = 0
    while (to < frames.length && (to === from || length + frames[to]!.length <= writeBytes)) {
      length += frames[to++]!.length
    }
    yield to === from + 1 ? frames[from]! : Buffer.concat(frames.slice(from, to), length)
  }
}

const writeBytes = 1_048_576
const recordRows = 8192
const frameBytes = 16
/** "ktrj" */
const magic = 0x6a72_746b
const pattern = /^journal-(\d{1,15})\.bin$/

/** The version of what a record says before its columns. */
const version = 1

/** Without a range a record adds bars and says nothing of where there are none. */
const Head = Schema.parseJson(
  Schema.Struct({
    schema: Schema.Literal(version),
    ...Manifest.identityFields,
    range: Schema.NullOr(TimeRange),
    noData: Schema.Array(TimeRange),
    rows: Schema.NonNegativeInt,
  }),
)
const encodeHead = Schema.encodeSync(Head)
const decodeHead = Schema.decodeEither(Head)

/** Every frame begins at a multiple of this. */
const frameStep = 8

/** Where the frame at `offset` ends; none where there is no whole and sound one. */
const frameEnd = (bytes: Uint8Array, view: DataView, offset: number): number | undefined => {
  if (offset + frameBytes > bytes.length || view.getUint32(offset, true) !== magic) return undefined
  const end = offset + frameBytes + view.getUint32(offset + 4, true)
  const sound =
    end <= bytes.length && crc32(bytes.subarray(offset + 12, end)) === view.getUint32(offset + 8, true)
  return sound ? end : undefined
}

/** Where the next sound frame begins; the end where there is none. */
const nextFrame = (bytes: Uint8Array, view: DataView, from: number): number => {
  for (let offset = from; offset + frameBytes <= bytes.length; offset += frameStep) {
    if (frameEnd(bytes, view, offset) !== undefined) return offset
  }
  return bytes.length
}

/** True of a frame that is cut short, and of space that was taken and never filled. */
const isTorn = (rest: Uint8Array): boolean => {
  if (rest.length < frameBytes || rest.every((byte) => byte === 0)) return true
  const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength)
  const isLonger = frameBytes + view.getUint32(4, true) > rest.length
  return (
    view.getUint32(0, true) === magic && isLonger && !isWhole(rest, frameBytes + view.getUint32(12, true))
  )
}

/** True where all that the frame's head speaks of is there: then it is the frame's length that was damaged. */
const isWhole = (rest: Uint8Array, columns: number): boolean =>
  Either.match(decodeHead(new TextDecoder().decode(rest.subarray(frameBytes, columns))), {
    onLeft: () => false,
    onRight: ({ rows }) => columns + Candle.columns.length * rows * 8 <= rest.length,
  })

const viewColumns = (bytes: Uint8Array, offset: number, rows: number): Candles => {
  const column = (index: number) =>
    new Float64Array(bytes.buffer, bytes.byteOffset + offset + index * rows * 8, rows)
  return {
    start: column(0),
    open: column(1),
    high: column(2),
    low: column(3),
    close: column(4),
    volume: column(5),
  }
}

const newer = (place: string, cause: unknown): DataError =>
  new DataError({
    reason: "StoreUnreadable",
    place,
    expected: `a journal of version ${version}`,
    found: "one of another version",
    advice: "Use the version of ktrdr that wrote it",
    cause,
  })
