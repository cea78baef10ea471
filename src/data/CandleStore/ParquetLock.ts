/**
 * One writer a series, among all fibers and processes.
 *
 * The lock of a series is a file `{series}.{token}.lock` that says who holds it and until when. The file with
 * the highest token counts; it is taken over by making the next one, which the file system lets one contender
 * do. A released lock keeps its file, so that tokens grow for good.
 *
 * An owner renews its lock three times in a lease. Another process takes it over once the owner is known to be
 * gone, or has not renewed it for the rest of its lease and no less than half of one, by the clock of the one
 * who waits that no setting of the time of day moves: neither a clock that was set nor two machines' clocks
 * that differ let two owners write, or make anybody wait longer than a lease.
 */
import { type PlatformError, SystemError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { temporary } from "../../internal/atomicFiles.js"
import { isMissing, isPresent } from "../../internal/durableFiles.js"
import { LocalMachine } from "../../internal/LocalMachine.js"
import * as Progress from "../../Progress.js"
import { DataError } from "../DataError.js"
import * as Series from "../Series.js"
import { type Files, folderName, unfinished, unwritable } from "./ParquetFiles.js"

export interface Lock {
  readonly token: number
  /** Fails with `LockLost` once somebody else has taken the lock over: nothing may be written then. */
  readonly check: Effect.Effect<void, DataError>
}

export interface Locks {
  /**
   * Takes the lock until the scope closes; waits for another process no longer than `wait`, which progress is
   * told of.
   */
  readonly acquire: (
    series: Series.Series,
    wait: Duration.Duration,
  ) => Effect.Effect<Lock, DataError, Scope.Scope>
}

/**
 * Who holds a lock, and until when (epoch milliseconds); 0 once it is released. `machine` tells where `pid`
 * means something.
 */
const Owner = Schema.Struct({
  pid: Schema.Int,
  host: Schema.String,
  machine: Schema.optional(Schema.String),
  expires: Schema.Number,
  renewals: Schema.optional(Schema.Number),
})
type Owner = typeof Owner.Type

/** A lock as somebody saw it who waits for it, and when he may take it (monotonic milliseconds). */
interface Sighting {
  readonly owner: Owner
  readonly text: string
  readonly until: number
}

export const make = Effect.fnUntraced(function* (files: Files, leaseTime: Duration.Duration) {
  const fs = yield* FileSystem.FileSystem
  const { boot, host, isAlive, space } = yield* LocalMachine
  const lease = Duration.toMillis(leaseTime)
  const renewal = lease / 3

  /** This start of this machine, and of its containers this one: process numbers mean something in it. */
  const machine = `${boot} ${space}`

  const acquire: Locks["acquire"] = Effect.fn("ParquetLock.acquire")(function* (series, wait) {
    const end = (yield* monotonic) + Duration.toMillis(wait)
    let seen: Sighting | undefined
    let pause = shortestPause
    yield* files.makeFolder(files.locks)
    while (true) {
      const taken = yield* Effect.acquireRelease(attempt(series, seen), (lock) =>
        Either.match(lock, { onLeft: () => Effect.void, onRight: release }),
      )
      if (Either.isRight(taken)) {
        if (seen !== undefined) yield* Progress.waiting("", 0)
        return yield* hold(series, taken.right)
      }
      const now = yield* monotonic
      if (now >= end) return yield* locked(series, taken.left.owner)
      if (taken.left.text !== seen?.text) {
        const until = (yield* Clock.currentTimeMillis) + taken.left.until - now
        yield* Progress.waiting(occupied(series, taken.left.owner, host), until)
      }
      seen = taken.left
      yield* Effect.sleep(Math.min(pause, end - now, Math.max(1, seen.until - now)))
      pause = Math.min(pause * 2, longestPause)
    }
  })

  const hold = Effect.fnUntraced(function* (series: Series.Series, lock: Handle) {
    yield* removeEarlier(series, lock.token)
    yield* lock.renew.pipe(
      Effect.delay(renewal),
      Effect.catchIf(
        (error) => error.reason !== "LockLost",
        () => Effect.void,
      ),
      Effect.forever,
      Effect.ignore,
      Effect.interruptible,
      Effect.forkScoped,
    )
    return { token: lock.token, check: lock.check }
  })

  /** Takes the lock, or tells who has it. */
  const attempt = Effect.fnUntraced(function* (series: Series.Series, seen: Sighting | undefined) {
    const tokens = yield* tokensOf(series)
    const last = tokens.at(-1) ?? 0
    const held = last === 0 ? undefined : yield* sight(fileOf(series, last), seen)
    if (held !== undefined && (yield* monotonic) < held.until) return Either.left(held)
    const lock = yield* handle(series, last + 1)
    if (yield* lock.claim) return Either.right(lock)
    return Either.left(held ?? { owner: nobody, text: "", until: 0 })
  })

  /** Who holds the lock, unless it is free; one that was not renewed since it was first seen stays as it was. */
  const sight = Effect.fnUntraced(function* (file: string, seen: Sighting | undefined) {
    const text = Option.getOrElse(yield* files.text(file), () => "")
    const owner = Option.getOrUndefined(decode(text))
    if (owner === undefined || owner.expires === 0 || isGone(owner, file)) return undefined
    const key = `${file} ${text}`
    if (seen?.text === key) return seen
    const left = Math.min(owner.expires - (yield* Clock.currentTimeMillis), lease)
    return { owner, text: key, until: (yield* monotonic) + Math.max(left, lease / 2) }
  })

  const isGone = (owner: Owner, file: string): boolean =>
    (owner.machine === undefined ? owner.host === host : owner.machine === machine) &&
    !(owner.pid === process.pid ? held.has(file) : isAlive(owner.pid))

  /** Removes the locks that this one took over, and what contenders for them left unfinished; no later one. */
  const removeEarlier = Effect.fnUntraced(function* (series: Series.Series, token: number) {
    const own = fileOf(series, token)
    const names = (yield* namesOf(series)).filter((name) => numberOf(name) <= token)
    const others = names.map((name) => files.join(files.locks, name)).filter((file) => file !== own)
    yield* Effect.forEach(others, (file) => Effect.ignore(files.remove(file)))
  })

  const handle = Effect.fnUntraced(function* (series: Series.Series, token: number) {
    const file = fileOf(series, token)
    const turn = yield* Effect.makeSemaphore(1)
    let renewals = 0
    let renewed = yield* monotonic

    const failure = (error: PlatformError) => unwritable(files.place(file), error)

    /** Names the file whole or not at all; not flushed, for nobody holds a lock across a crash. */
    const write = (expires: number, name: (part: string) => Effect.Effect<void, PlatformError>) =>
      Effect.suspend(() => {
        const part = unfinished(file, process.pid)
        return Effect.zipRight(
          fs.writeFileString(part, encode({ pid: process.pid, host, machine, expires, renewals })),
          name(part),
        ).pipe(Effect.onError(() => Effect.ignore(fs.remove(part))))
      })

    const expiry = Effect.map(Clock.currentTimeMillis, (now) => now + lease)

    /** Somebody else was quicker where the name is taken, and where the unfinished file was cleared away. */
    const named = Effect.flatMap(expiry, (expires) =>
      write(expires, (part) =>
        fs.link(part, file).pipe(
          Effect.catchIf(isMissing, () => Effect.fail(overtaken(file))),
          Effect.ensuring(Effect.ignore(fs.remove(part))),
        ),
      ),
    ).pipe(
      Effect.map(() => held.add(file).has(file)),
      Effect.catchIf(isPresent, () => Effect.succeed(false)),
      Effect.mapError(failure),
    )

    const update = (expires: number) =>
      Effect.mapError(
        write(expires, (part) => fs.rename(part, file)),
        failure,
      )

    const owned = Effect.map(tokensOf(series), (tokens) => tokens.at(-1) === token)

    const abandon = Effect.suspend(() => {
      held.delete(file)
      return Effect.ignore(fs.remove(file))
    })

    /** A name that one takes who was suspended since he looked may be free because a later owner cleared it. */
    const claim = Effect.flatMap(named, (isNamed) =>
      isNamed
        ? owned.pipe(
            Effect.onError(() => abandon),
            Effect.tap((isOwned) => (isOwned ? Effect.void : abandon)),
          )
        : Effect.succeed(false),
    )

    /** One at a time: after a suspension all that write find it due at once. */
    const renew = Effect.gen(function* () {
      if (!(yield* owned)) return yield* lost(series)
      renewals++
      const now = yield* monotonic
      yield* update(yield* expiry)
      renewed = now
    }).pipe(turn.withPermits(1))

    const check = Effect.gen(function* () {
      if ((yield* monotonic) - renewed > lease - renewal) yield* renew
      if (!(yield* owned)) return yield* lost(series)
    })

    const free = Effect.gen(function* () {
      held.delete(file)
      if (yield* owned) yield* update(0)
    }).pipe(turn.withPermits(1))

    return { token, claim, renew, check, free } satisfies Handle
  })

  const fileOf = (series: Series.Series, token: number): string =>
    files.join(files.locks, `${baseOf(series)}.${token}.lock`)

  const namesOf = (series: Series.Series) =>
    Effect.map(files.names(files.locks), (names) => names.filter((name) => belongs(series, name)))

  const tokensOf = (series: Series.Series) =>
    Effect.map(namesOf(series), (names) => names.flatMap((name) => tokenOf(name) ?? []).sort((a, b) => a - b))

  return { acquire } satisfies Locks
})

/** A failure that came of somebody else's having taken the lock over is told as that. */
export const orLost =
  (lock: Lock) =>
  <A, R>(effect: Effect.Effect<A, DataError, R>): Effect.Effect<A, DataError, R> =>
    Effect.catchAll(effect, (error) =>
      Effect.flatMap(Effect.either(lock.check), (checked) =>
        Effect.fail(Either.isLeft(checked) && checked.left.reason === "LockLost" ? checked.left : error),
      ),
    )

// -----------------------------------------------------------------------------

interface Handle extends Lock {
  readonly claim: Effect.Effect<boolean, DataError>
  readonly renew: Effect.Effect<void, DataError>
  readonly free: Effect.Effect<void, DataError>
}

/** How often a lock that somebody else holds is looked at: seldom when the wait is a long one. */
const shortestPause = 20
const longestPause = 500

const monotonic = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1000n) / 1000)

/** The locks of this process: one under its number that is not among them was left by an earlier process. */
const held = new Set<string>()

const baseOf = (series: Series.Series): string => `${series.symbol}_${folderName(series)}`

const fileName = /^(.+)\.(\d{1,15})\.lock(?:\.\d+\.tmp)?$/

const belongs = (series: Series.Series, name: string): boolean => fileName.exec(name)?.[1] === baseOf(series)

/** The number that a lock has, or is to have once it is finished. */
const numberOf = (name: string): number => Number(fileName.exec(name)?.[2])

const tokenOf = (name: string): number | undefined => (name.endsWith(temporary) ? undefined : numberOf(name))

const release = (lock: Handle) => Effect.ignore(lock.free)

const overtaken = (file: string): PlatformError =>
  new SystemError({
    module: "FileSystem",
    method: "link",
    reason: "AlreadyExists",
    pathOrDescriptor: file,
  })

const nobody: Owner = { pid: 0, host: "", expires: 0 }

const Json = Schema.parseJson(Owner)
const encode = Schema.encodeSync(Json)
const decode = Schema.decodeOption(Json)

const occupied = (series: Series.Series, { pid, host }: Owner, here: string): string =>
  pid === 0
    ? `others are writing ${Series.format(series)}`
    : `another process (pid ${pid}${host === here ? "" : ` on ${host}`}) is writing ${Series.format(series)}`

const locked = (series: Series.Series, { pid, host }: Owner): DataError =>
  new DataError({
    reason: "StoreLocked",
    place: Series.format(series),
    expected: "a series that nobody else is writing",
    found: pid === 0 ? "others who take it in turns" : `process ${pid} on ${host}, which is writing it`,
    advice: "Wait until it is done, or end it",
  })

const lost = (series: Series.Series): DataError =>
  new DataError({
    reason: "LockLost",
    place: Series.format(series),
    expected: "the lock of the series still held",
    found: "that another process took it over after this one was suspended",
    advice: "Run the same command again",
  })
