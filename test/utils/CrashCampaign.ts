/**
 * Loads into a real store from a real host, killed with SIGKILL at chosen moments and completed by another
 * process, and what is left of them: a sound store at once, and in the end the bytes of a load that nobody
 * killed, for which nothing was asked again.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type { TimeRange } from "../../src/data/TimeRange.js"
import * as CrashedStore from "./CrashedStore.js"
import * as Protocol from "./CrashProtocol.js"
import { hashes } from "./files.js"

/** What became of one kill. */
export interface Kill {
  readonly phase: Protocol.Phase
  /** How it was done: standing still before the call or with a part of its bytes written, or going on. */
  readonly moment: Protocol.Moment
  /** False when the call was over by the time of the kill. */
  readonly inside: boolean
  /** The files in the end are those of an uninterrupted load. */
  readonly identical: boolean
  /** What a reader found wrong with the store right after the kill. */
  readonly faults: ReadonlyArray<string>
  /** Requests for bars that the next process made, and those of them that asked for something durable. */
  readonly requests: number
  readonly again: number
}

export interface Campaign {
  /** The calls of each phase in a load that nobody kills. */
  readonly counts: Protocol.Counts
  /**
   * Kills a load at the first stop, the process that resumes it at the second, and so on, then lets one
   * complete it. Where a process ends before it reaches its stop, all begins anew with earlier calls.
   */
  readonly trial: (stops: ReadonlyArray<Protocol.Stop>) => Effect.Effect<ReadonlyArray<Kill>>
  /**
   * Suspends a load at the stop for longer than its lease, lets another process take the series over and
   * complete it, and lets the first go on.
   */
  readonly suspension: (stop: Protocol.Stop) => Effect.Effect<Suspension>
}

/** What became of two loads at once, one of which was suspended. */
export interface Suspension {
  /** Both say of the bars what a load says that nobody suspended. */
  readonly agreed: boolean
  /** The files in the end are those of an uninterrupted load. */
  readonly identical: boolean
  /** The process that had lost its lock changed no file when it went on. */
  readonly untouched: boolean
  /** What the other one asked for again that was durable when the first was suspended. */
  readonly again: number
}

/** Bundles the programs, starts a host, and loads once without a kill, for the rest to be compared with. */
export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const programs = yield* bundled
  const host = yield* startHost(programs)
  const directory = fs.makeTempDirectoryScoped({ prefix: "ktrdr-crash-" })
  let loaders = 0

  const start = (
    directory: string,
    stop: Protocol.Stop | null,
    atStop: AtStop = killed(stop),
    { suspend, lease } = { suspend: false, lease: 30_000 },
  ) =>
    Effect.suspend(() => {
      const loader = `loader-${++loaders}`
      const orders = { directory, url: host.url, loader, stop, suspend, lease }
      return Effect.zipWith(
        run(join(programs, "crashChild.js"), Schema.encodeSync(Protocol.Orders)(orders), atStop),
        Effect.suspend(() => host.requests(loader)),
        (ended, requests) => ({ ...ended, requests }),
      )
    })

  const reference = yield* directory
  const { done } = yield* start(reference, null)
  if (done === undefined) return yield* Effect.dieMessage("the load without a kill was killed")
  const truth = { files: yield* hashes(reference), ...(yield* CrashedStore.read(reference)) }

  const trial = (stops: ReadonlyArray<Protocol.Stop>): Effect.Effect<ReadonlyArray<Kill>, never> =>
    Effect.gen(function* () {
      const target = yield* directory
      const kills: Array<Omit<Kill, "identical" | "requests" | "again">> = []
      const asked: Array<Pick<Kill, "requests" | "again">> = []
      const durable: Array<TimeRange> = []
      let seen = CrashedStore.nothing
      const tally = (requests: ReadonlyArray<TimeRange>) =>
        asked.push({
          requests: requests.length,
          again: requests.filter((range) => CrashedStore.has(seen, durable, range)).length,
        })
      for (const [index, stop] of stops.entries()) {
        const ended = yield* start(target, stop)
        if (ended.done !== undefined) return undefined
        if (index > 0) tally(ended.requests)
        durable.push(...ended.durable)
        const found = yield* look(target, stop.call % 2 === 0, durable)
        seen = found.seen
        kills.push({ phase: stop.phase, moment: stop.moment, inside: ended.inside, faults: found.faults })
      }
      const last = yield* start(target, null)
      tally(last.requests)
      const identical =
        isSame(yield* hashes(target), truth.files) && isSame(outcome(last.done), outcome(done))
      return kills.map((kill, index) => ({ ...kill, ...asked[index]!, identical }))
    }).pipe(
      Effect.scoped,
      Effect.flatMap((kills) => (kills === undefined ? trial(stops.map(earlier)) : Effect.succeed(kills))),
      Effect.provideService(FileSystem.FileSystem, fs),
      Effect.orDie,
    )

  const suspension = (stop: Protocol.Stop): Effect.Effect<Suspension> =>
    Effect.gen(function* () {
      const target = yield* directory
      const stopped = yield* Deferred.make<Stopped>()
      const first = yield* Effect.fork(
        start(target, stop, (here) => Deferred.succeed(stopped, here), { suspend: true, lease }),
      )
      const { child, durable } = yield* Deferred.await(stopped)
      const other = yield* start(target, null, undefined, { suspend: false, lease })
      const before = yield* hashes(target)
      child.kill("SIGCONT")
      const ended = yield* Fiber.join(first)
      const after = yield* hashes(target)
      return {
        agreed: [ended, other].every((one) => isSame(outcome(one.done), outcome(done))),
        identical: isSame(after, truth.files),
        untouched: isSame(after, before),
        again: other.requests.filter((range) => CrashedStore.has(CrashedStore.nothing, durable, range))
          .length,
      }
    }).pipe(Effect.scoped, Effect.provideService(FileSystem.FileSystem, fs), Effect.orDie)

  /** What a reader sees that comes after the kill: of the store itself, or of a copy, so as to change nothing. */
  const look = (target: string, inPlace: boolean, durable: ReadonlyArray<TimeRange>) =>
    Effect.gen(function* () {
      const place = inPlace ? target : yield* directory
      if (!inPlace) yield* fs.copy(target, place, { overwrite: true })
      return yield* CrashedStore.inspect(place, truth, durable)
    }).pipe(Effect.scoped)

  return { counts: done.counts, trial, suspension } satisfies Campaign
}).pipe(Effect.provide(NodeContext.layer))

// -----------------------------------------------------------------------------

/** Two folders up from here, and from where the benchmarks are bundled to. */
const root = fileURLToPath(new URL("../..", import.meta.url))

/** The programs as bundles, which start quickly, beside the packages that they load when they run. */
const bundled = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "ktrdr-crash-" })
  yield* fs.symlink(join(root, "node_modules"), join(folder, "node_modules"))
  const sources = ["crashChild.ts", "ibHost.ts"].map((name) => join("test", "bench", name))
  const tsup = join(root, "node_modules", "tsup", "dist", "cli-default.js")
  yield* Effect.promise(() =>
    promisify(execFile)(process.execPath, [tsup, ...sources, "--out-dir", folder, "--silent"], { cwd: root }),
  )
  return folder
})

const startHost = (programs: string) =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [join(programs, "ibHost.js"), "--journal"], {
          stdio: ["pipe", "pipe", "inherit"],
        }),
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL")),
    )
    const started = yield* Deferred.make<number>()
    const journal = new Map<string, Array<TimeRange>>()
    const waiting = new Map<string, Deferred.Deferred<void>>()
    createInterface({ input: child.stdout }).on("line", (line) => {
      const said = Schema.decodeSync(Protocol.HostMessage)(line)
      if ("port" in said) Deferred.unsafeDone(started, Effect.succeed(said.port))
      else if ("flushed" in said) {
        Deferred.unsafeDone(waiting.get(said.flushed)!, Effect.void)
      } else journal.set(said.loader, [...(journal.get(said.loader) ?? []), said])
    })
    /** The requests of a loader that has ended; the host prints what it is sent behind what it has said. */
    const requests = (loader: string) =>
      Effect.gen(function* () {
        const flushed = yield* Deferred.make<void>()
        waiting.set(loader, flushed)
        child.stdin.write(`${JSON.stringify({ flushed: loader })}\n`)
        yield* Deferred.await(flushed)
        return journal.get(loader) ?? []
      })
    return { url: `http://127.0.0.1:${yield* Deferred.await(started)}`, requests }
  })

interface Ended {
  readonly durable: ReadonlyArray<TimeRange>
  readonly inside: boolean
  /** None when the process was killed. */
  readonly done: Done | undefined
}

type Done = Extract<Protocol.Message, { readonly _tag: "Done" }>

/** A process that has reached its stop, and what was durable by then. */
interface Stopped {
  readonly child: ChildProcess
  readonly durable: ReadonlyArray<TimeRange>
}

type AtStop = (stopped: Stopped) => Effect.Effect<unknown>

const killed =
  (stop: Protocol.Stop | null): AtStop =>
  ({ child }) =>
    Effect.delay(
      Effect.sync(() => kill(child)),
      stop?.moment === "during" ? stop.millis : 0,
    )

/** How long a suspended process keeps the series, in milliseconds. */
const lease = 400

/** Runs a load until it ends; where it reaches its stop, something is done to it. */
const run = (program: string, orders: string, atStop: AtStop): Effect.Effect<Ended> =>
  Effect.async<Ended>((resume) => {
    const child = spawn(process.execPath, [program, orders], { stdio: ["ignore", "pipe", "pipe"] })
    const durable: Array<TimeRange> = []
    let isHere = false
    let isOver = false
    let done: Done | undefined
    let errors = ""
    child.stderr.on("data", (piece) => (errors += piece))
    createInterface({ input: child.stdout }).on("line", (line) => {
      const said = Schema.decodeSync(Protocol.Message)(line)
      if (said._tag === "Durable") durable.push(said.range)
      if (said._tag === "Over") isOver = true
      if (said._tag === "Done") done = said
      if (said._tag === "Here") {
        isHere = true
        Effect.runFork(atStop({ child, durable: [...durable] }))
      }
    })
    child.on("close", (code, signal) => {
      const isKilled = signal === "SIGKILL" && isHere
      resume(
        isKilled || (code === 0 && done !== undefined)
          ? Effect.succeed({ durable, inside: isKilled && !isOver, done: isKilled ? undefined : done })
          : Effect.dieMessage(`a load ended with ${code ?? signal}: ${errors}`),
      )
    })
    return Effect.sync(() => kill(child))
  })

const kill = (child: ChildProcess): void => {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    process.kill(child.pid, "SIGKILL")
  }
}

const earlier = (stop: Protocol.Stop): Protocol.Stop => ({ ...stop, call: Math.ceil(stop.call / 2) })

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** What a report says of the bars, whoever fetched them. */
const outcome = (done: Done | undefined): object => {
  const { expected, present, no_data, missing, given_up } = done?.report ?? {}
  return { expected, present, no_data, missing, given_up }
}
