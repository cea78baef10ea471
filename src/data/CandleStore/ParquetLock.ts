/**
 * One writer a series, among all fibers and processes.
 *
 * The lock of a series is a file `{series}.{token}.lock` that says who holds it and until when. The file with
 * the highest token counts; it is taken over by making the next one, which the file system lets one contender
 * do. A released lock keeps its file, so that tokens grow for good.
 */
import { hostname } from "node:os"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { DataError } from "../DataError.js"
import * as Series from "../Series.js"
import { formatInstant } from "../TimeRange.js"
import { type Files, folderName, isPresent, temporary, unwritable } from "./ParquetFiles.js"

export interface Lock {
  readonly token: number
  /** Fails with `StoreLocked` once somebody else has taken the lock over: nothing may be written then. */
  readonly check: Effect.Effect<void, DataError>
}

export interface Locks {
  /** Takes the lock until the scope closes; waits for another process no longer than `wait`. */
  readonly acquire: (
    series: Series.Series,
    wait: Duration.Duration,
  ) => Effect.Effect<Lock, DataError, Scope.Scope>
}

/** Who holds a lock, and until when (epoch milliseconds); 0 once it is released. */
const Owner = Schema.Struct({ pid: Schema.Int, host: Schema.String, expires: Schema.Number })
type Owner = typeof Owner.Type

/** How long a lock holds without being renewed. */
const expiry = Duration.seconds(30)
const renewal = Duration.seconds(10)
const pause = Duration.millis(50)

export const make = Effect.fnUntraced(function* (files: Files) {
  const fs = yield* FileSystem.FileSystem
  const host = hostname()

  const acquire: Locks["acquire"] = Effect.fn("ParquetLock.acquire")(function* (series, wait) {
    const end = (yield* Clock.currentTimeMillis) + Duration.toMillis(wait)
    yield* files.makeFolder(files.locks)
    while (true) {
      const taken = yield* Effect.acquireRelease(attempt(series), (lock) =>
        Either.match(lock, { onLeft: () => Effect.void, onRight: release }),
      )
      if (Either.isRight(taken)) {
        const lock = taken.right
        yield* removeOthers(series, lock.token)
        yield* lock.renew.pipe(
          Effect.delay(renewal),
          Effect.catchIf(
            (error) => error.reason !== "StoreLocked",
            () => Effect.void,
          ),
          Effect.forever,
          Effect.ignore,
          Effect.interruptible,
          Effect.forkScoped,
        )
        return { token: lock.token, check: lock.check }
      }
      if ((yield* Clock.currentTimeMillis) >= end) return yield* locked(series, taken.left)
      yield* Effect.sleep(pause)
    }
  })

  /** Takes the lock, or tells who has it. */
  const attempt = Effect.fnUntraced(function* (series: Series.Series) {
    const tokens = yield* tokensOf(series)
    const last = tokens.at(-1) ?? 0
    const owner = last === 0 ? Option.none() : yield* ownerOf(series, last)
    const now = yield* Clock.currentTimeMillis
    if (Option.isSome(owner) && isHeld(owner.value, fileOf(series, last), now))
      return Either.left(owner.value)
    const lock = handle(series, last + 1, now + Duration.toMillis(expiry))
    if (!(yield* lock.claim)) return Either.left(Option.getOrElse(owner, () => nobody))
    return Either.right(lock)
  })

  /** Removes the locks that this one took over, and what contenders left unfinished. */
  const removeOthers = Effect.fnUntraced(function* (series: Series.Series, token: number) {
    const own = fileOf(series, token)
    const others = (yield* namesOf(series)).map((name) => files.join(files.locks, name))
    yield* Effect.forEach(others, (file) => (file === own ? Effect.void : Effect.ignore(files.remove(file))))
  })

  const handle = (series: Series.Series, token: number, until: number) => {
    const file = fileOf(series, token)
    let expires = until

    const failure = (error: PlatformError) => unwritable(files.place(file), error)

    /** Names the file whole or not at all; not flushed, for nobody holds a lock across a crash. */
    const write = (name: (unfinished: string) => Effect.Effect<void, PlatformError>) =>
      Effect.suspend(() => {
        const unfinished = `${file}.${process.pid}${temporary}`
        return Effect.zipRight(
          fs.writeFileString(unfinished, encode({ pid: process.pid, host, expires })),
          name(unfinished),
        )
      })

    const claim = write((unfinished) =>
      Effect.ensuring(fs.link(unfinished, file), Effect.ignore(fs.remove(unfinished))),
    ).pipe(
      Effect.map(() => held.add(file).has(file)),
      Effect.catchIf(isPresent, () => Effect.succeed(false)),
      Effect.mapError(failure),
    )

    const update = Effect.mapError(
      write((unfinished) => fs.rename(unfinished, file)),
      failure,
    )

    const owned = Effect.map(tokensOf(series), (tokens) => tokens.at(-1) === token)

    const renew = Effect.gen(function* () {
      if (!(yield* owned)) return yield* lost(series)
      expires = (yield* Clock.currentTimeMillis) + Duration.toMillis(expiry)
      yield* update
    })

    const check = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      if (expires - now < Duration.toMillis(renewal)) yield* renew
      if (!(yield* owned)) return yield* lost(series)
    })

    const free = Effect.gen(function* () {
      held.delete(file)
      expires = 0
      if (yield* owned) yield* update
    })

    return { token, claim, renew, check, free }
  }

  const fileOf = (series: Series.Series, token: number): string =>
    files.join(files.locks, `${baseOf(series)}.${token}.lock`)

  const namesOf = (series: Series.Series) =>
    Effect.map(files.names(files.locks), (names) => names.filter((name) => belongs(series, name)))

  const tokensOf = (series: Series.Series) =>
    Effect.map(namesOf(series), (names) => names.flatMap((name) => tokenOf(name) ?? []).sort((a, b) => a - b))

  const ownerOf = (series: Series.Series, token: number) =>
    Effect.map(files.text(fileOf(series, token)), Option.flatMap(decode))

  const isHeld = (owner: Owner, file: string, now: number): boolean =>
    owner.expires > now &&
    (owner.host !== host || (owner.pid === process.pid ? held.has(file) : isAlive(owner.pid)))

  return { acquire } satisfies Locks
})

// -----------------------------------------------------------------------------

/** The locks of this process: one under its number that is not among them was left by an earlier process. */
const held = new Set<string>()

const baseOf = (series: Series.Series): string => `${series.symbol}_${folderName(series)}`

const fileName = /^(.+)\.(\d{1,15})\.lock(?:\.\d+\.tmp)?$/

const belongs = (series: Series.Series, name: string): boolean => fileName.exec(name)?.[1] === baseOf(series)

const tokenOf = (name: string): number | undefined =>
  name.endsWith(".lock") ? Number(fileName.exec(name)?.[2]) : undefined

const release = (lock: { readonly free: Effect.Effect<void, DataError> }) => Effect.ignore(lock.free)

const nobody: Owner = { pid: 0, host: "", expires: 0 }

const Json = Schema.parseJson(Owner)
const encode = Schema.encodeSync(Json)
const decode = Schema.decodeOption(Json)

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH")
  }
}

const locked = (series: Series.Series, owner: Owner): DataError =>
  new DataError({
    reason: "StoreLocked",
    place: Series.format(series),
    expected: "a series that nobody else is writing",
    found:
      owner.pid === 0
        ? "others who take it in turns"
        : `process ${owner.pid} on ${owner.host}, which holds it until ${formatInstant(owner.expires)} or longer`,
    advice: "Wait until it is done, or end it",
  })

const lost = (series: Series.Series): DataError =>
  new DataError({
    reason: "StoreLocked",
    place: Series.format(series),
    expected: "the lock of the series still held",
    found: "that another process took it over after this one was suspended",
    advice: "Load the series again",
  })
