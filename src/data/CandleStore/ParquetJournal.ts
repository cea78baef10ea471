/**
 * The journal of a series: batches that are durable and not yet in the year files.
 *
 * A record is a frame of 16 bytes (magic, length of the body, CRC-32 of the body, length of its head), the
 * head as JSON padded to 8 bytes, and six columns of doubles. A tail that a crash tore is told by its length
 * or its checksum; the records before it stand.
 */
import { crc32 } from "node:zlib"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type { Candles } from "../Candle.js"
import * as Candle from "../Candle.js"
import type { Batch, Identity } from "../CandleStore.js"
import { DataError } from "../DataError.js"
import * as Manifest from "./Manifest.js"
import { type Files, unwritable } from "./ParquetFiles.js"
import type { Lock } from "./ParquetLock.js"

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
  const json = encodeHead({ ...Manifest.fromIdentity(identity), range: range ?? null, noData, rows })
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

/**
 * The records of a journal up to its end or to where it is torn; their columns are views of `bytes`. A record
 * of a later version of the store is an error.
 */
export function* decode(
  place: string,
  bytes: Uint8Array,
): Generator<Either.Either<Record, DataError>, void, void> {
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : Uint8Array.from(bytes)
  const view = new DataView(aligned.buffer, aligned.byteOffset, aligned.byteLength)
  let offset = 0
  while (offset + frameBytes <= aligned.length) {
    const end = offset + frameBytes + view.getUint32(offset + 4, true)
    if (view.getUint32(offset, true) !== magic || end > aligned.length) return
    if (crc32(aligned.subarray(offset + 12, end)) !== view.getUint32(offset + 8, true)) return
    const columns = offset + frameBytes + view.getUint32(offset + 12, true)
    const json = new TextDecoder().decode(aligned.subarray(offset + frameBytes, columns))
    yield Either.mapBoth(decodeHead(json), {
      onLeft: (cause) => newer(place, cause),
      onRight: (head): Record => ({
        identity: Manifest.identityOf(head),
        range: head.range ?? undefined,
        noData: head.noData,
        candles: viewColumns(aligned, columns, head.rows),
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
  /** Returns once the batch is durable; batches that wait while one is flushed share the next flush. */
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
  const mutex = yield* Effect.makeSemaphore(1)
  const pending: Array<Ticket> = []
  let open: { readonly file: FileSystem.File; readonly scope: Scope.CloseableScope } | undefined
  let offset = 0

  const close = Effect.suspend(() => {
    const scope = open?.scope
    open = undefined
    return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
  })
  yield* Effect.addFinalizer(() => close)

  const opened = Effect.gen(function* () {
    if (open !== undefined) return open.file
    const scope = yield* Scope.make()
    const flag = offset > 0 ? "r+" : "w"
    const file = yield* Scope.extend(fs.open(path, { flag }), scope)
    open = { file, scope }
    if (offset === 0) yield* files.sync(folder)
    return file
  })

  const flush = Effect.fnUntraced(
    function* (frames: ReadonlyArray<Uint8Array>) {
      yield* lock.check
      const file = yield* opened
      yield* file.seek(offset, "start")
      for (const frame of frames) yield* file.writeAll(frame)
      yield* file.sync
      yield* lock.check
      offset += frames.reduce((sum, frame) => sum + frame.length, 0)
    },
    Effect.catchTag("BadArgument", "SystemError", (error) => unwritable(place, error)),
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
      if (frames.length > 0) yield* Effect.sleep(0)
      frames.push(encode(record))
    }
    const done = yield* Deferred.make<void, DataError>()
    pending.push({ frames, done })
    yield* mutex.withPermits(1)(Effect.uninterruptible(flushPending))
    yield* Deferred.await(done)
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
    whileClosed: (effect) => mutex.withPermits(1)(Effect.ensuring(Effect.zipRight(close, effect), begun)),
  } satisfies Journal
})

// -----------------------------------------------------------------------------

interface Ticket {
  readonly frames: ReadonlyArray<Uint8Array>
  readonly done: Deferred.Deferred<void, DataError>
}

const recordRows = 8192
const frameBytes = 16
/** "ktrj" */
const magic = 0x6a72_746b
const pattern = /^journal-(\d{1,15})\.bin$/

const Head = Schema.parseJson(Manifest.RecordHead)
const encodeHead = Schema.encodeSync(Head)
const decodeHead = Schema.decodeEither(Head)

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
    reason: "StoreDamaged",
    place,
    expected: `a journal of version ${Manifest.version}`,
    found: "one of another version",
    advice: "Use the version of ktrdr that wrote it",
    cause,
  })
