/**
 * One writer a series: what contenders do to each other, and suspensions and clocks that are set to the owner.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Files from "../../../src/data/CandleStore/ParquetFiles.js"
import * as Locks from "../../../src/data/CandleStore/ParquetLock.js"
import { series } from "../../contract/CandleStore.js"
import * as FaultCampaign from "../../utils/FaultCampaign.js"
import * as MemoryFiles from "../../utils/MemoryFiles.js"
import * as StoreWorks from "../../utils/StoreWorks.js"
import { VirtualTime } from "../../utils/VirtualTime.js"

const { directory, loadOf, loaded, managed, opened } = StoreWorks

const folder = `${directory}/candles/.locks`
const lock = (token: number): string => `${folder}/AAPL_1h.${token}.lock`
const lease = Duration.seconds(30)

/** A clock of which the part that no setting moves stays what it is. */
class SetTime extends VirtualTime {
  override unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.round(this.elapsed * 1_000_000))
  }
}

const locksOver = (fs: FileSystem.FileSystem) =>
  Effect.flatMap(Files.make(directory), (files) => Locks.make(files, lease)).pipe(
    Effect.provideService(FileSystem.FileSystem, fs),
    Effect.provide(Path.layer),
  )

const acquire = (fs: FileSystem.FileSystem, wait: Duration.DurationInput = 0) =>
  Effect.flatMap(locksOver(fs), (locks) => locks.acquire(series(), Duration.decode(wait)))

/** Somebody else who lives, as far as one can tell from here. */
const other = { pid: 77, host: "elsewhere", expires: Date.UTC(2025, 0, 1) + 30_000, renewals: 0 }
const leave = (files: MemoryFiles.MemoryFiles, token: number, owner: object) =>
  files.write(lock(token), Buffer.from(JSON.stringify(owner)))

/** The file system, where something happens before the first link. */
const beforeLink = (files: MemoryFiles.MemoryFiles, happen: (part: string) => void) => {
  let isFirst = true
  const link: FileSystem.FileSystem["link"] = (from, to) =>
    Effect.suspend(() => {
      if (isFirst) happen(from)
      isFirst = false
      return files.fs.link(from, to)
    })
  return { ...files.fs, link }
}

/** A load during whose second fetch the clock is set back by a day. */
const load = (time?: VirtualTime) =>
  managed(
    (manager) => manager.load(loadOf(loaded)),
    (_, answer, count) => {
      if (time !== undefined && count === 2) time.shift -= 86_400_000
      return answer
    },
  )

it("a contender whose unfinished lock an owner cleared away looks again", () => {
  const files = MemoryFiles.make()
  const fs = beforeLink(files, (part) => Effect.runSync(files.fs.remove(part)))
  const token = FaultCampaign.succeed(
    Effect.scoped(Effect.map(acquire(fs, "1 second"), ({ token }) => token)),
  )
  expect(token).toBe(1)
})

it("a contender who was suspended before he took a lock that has had later owners harms none of them", () => {
  const files = MemoryFiles.make()
  const fs = beforeLink(files, () => leave(files, 3, other))
  const refusal = FaultCampaign.succeed(Effect.flip(Effect.scoped(acquire(fs))))
  expect(refusal.reason).toBe("StoreLocked")
  expect(files.list(folder)).toEqual(["AAPL_1h.3.lock"])
})

it("an owner who was suspended while he took his lock and lost it leaves the next one his", () => {
  for (const suspendedAt of [2, 3]) {
    const files = MemoryFiles.make()
    let looks = 0
    const readDirectory: FileSystem.FileSystem["readDirectory"] = (path) =>
      Effect.suspend(() => {
        if (++looks === suspendedAt) leave(files, 2, other)
        return files.fs.readDirectory(path)
      })
    const fs = { ...files.fs, readDirectory }
    const program = Effect.scoped(Effect.flatMap(acquire(fs), ({ check }) => check))
    const { reason } = FaultCampaign.succeed(Effect.flip(program))
    expect(reason).toBe(suspendedAt === 2 ? "StoreLocked" : "LockLost")
    expect(files.list(folder)).toContain("AAPL_1h.2.lock")
  }
})

it("an owner who wakes from a suspension within his lease renews it once, whoever asks at once", () => {
  const time = new SetTime()
  const files = MemoryFiles.make()
  const slow: FileSystem.FileSystem = {
    ...files.fs,
    writeFileString: (path, text) =>
      Effect.zipLeft(files.fs.writeFileString(path, text), Effect.sleep("1 millis")),
  }
  const program = Effect.gen(function* () {
    const { check } = yield* acquire(slow)
    time.elapsed += 25_000
    yield* Effect.all(
      Array.from({ length: 5 }, () => check),
      { concurrency: "unbounded" },
    )
  }).pipe(Effect.scoped)
  expect(time.run(program)).toEqual(Exit.void)
})

it("a clock that is set does not let two write, and lets nobody wait for longer than a lease", () => {
  for (const set of [-86_400_000, 86_400_000]) {
    const time = new SetTime()
    time.shift = Date.UTC(2025, 0, 1)
    const files = MemoryFiles.make()
    const program = Effect.gen(function* () {
      yield* files.fs.makeDirectory(folder, { recursive: true })
      leave(files, 1, other)
      const waiting = yield* Effect.fork(Effect.scoped(Effect.zipRight(acquire(files.fs, "1 hour"), elapsed)))
      yield* Effect.sleep("10 seconds")
      time.shift += set
      leave(files, 1, { ...other, renewals: 1 })
      return yield* Fiber.join(waiting)
    })
    const elapsed = Effect.sync(() => time.elapsed)
    const waited = Effect.runSync(time.run(program))
    expect(waited).toBeGreaterThanOrEqual(10_000 + 15_000)
    expect(waited).toBeLessThanOrEqual(10_000 + 30_000 + 500)
  }
})

it("a load during which the clock is set back brings the same files", () => {
  const plain = MemoryFiles.make()
  FaultCampaign.succeed(load().pipe(opened(plain)))
  const time = new SetTime()
  time.shift = Date.UTC(2025, 0, 1)
  const files = MemoryFiles.make()
  const report = Effect.runSync(time.run(load(time).pipe(opened(files))))
  expect(report.duration_seconds).toBeGreaterThanOrEqual(0)
  expect(files.hashes(directory)).toEqual(plain.hashes(directory))
})
