/** What a process has open: fibers, sockets, timers, files. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { LiveFibers, Runtime } from "../utils/LiveFibers.js"

export interface Left {
  readonly fibers: number
  readonly sockets: number
  /** Those that would keep the process alive. */
  readonly timers: number
  readonly files: number
}

export const names = ["fibers", "sockets", "timers", "files"] as const satisfies ReadonlyArray<keyof Left>

/**
 * Whether nothing is left of the work whose fibers these are. One fiber may be that no other one waits for: what
 * looks after the timeouts of a host's requests begins with the first of them, and belongs to the host's client.
 */
export const isOver = (live: LiveFibers): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    if (live.fibers.size === 0) return Effect.succeed(true)
    if (live.fibers.size > 1) return Effect.succeed(false)
    return Effect.map(Fiber.roots, (roots) => [...live.fibers].every((fiber) => [...roots].includes(fiber)))
  })

/** What is open now; of the folders, the files that were begun and given no name yet. */
export const count = (live: LiveFibers, folders: ReadonlyArray<string>): Effect.Effect<Left> =>
  Effect.map(Fiber.roots, (roots) => {
    const open = descriptors()
    const sockets = open.filter((name) => name.startsWith("socket:"))
    const unnamed = folders.flatMap(unfinished)
    return {
      fibers: new Set<Runtime>([...live.fibers, ...roots]).size,
      sockets: sockets.length,
      timers: process.getActiveResourcesInfo().filter((name) => name === "Timeout").length,
      files: open.length - sockets.length + unnamed.length,
    }
  })

/** Network sockets of this process, those that listen too. */
export const connections = (): number => {
  const rows = ["tcp", "tcp6"].flatMap((name) => readFileSync(`/proc/self/net/${name}`, "utf8").split("\n"))
  const known = new Set(rows.map((row) => `socket:[${row.trim().split(/\s+/)[9]}]`))
  return descriptors().filter((name) => known.has(name)).length
}

/** Waits until no more is open than there was, at most so many milliseconds; says what is open still. */
export const settle = (now: Effect.Effect<Left>, before: Left, patience: number): Effect.Effect<Left> =>
  Effect.gen(function* () {
    for (let waited = 0; ; waited += 250) {
      collect()
      const left = yield* now
      const more = moreThan(left, before)
      if (names.every((name) => more[name] === 0) || waited >= patience) return more
      yield* Effect.sleep(250)
    }
  })

export const moreThan = (left: Left, before: Left): Left =>
  combine((name) => Math.max(0, left[name] - before[name]))

export const plus = (one: Left, other: Left): Left => combine((name) => one[name] + other[name])

/** Lets go of what nothing refers to any more. */
export const collect = (): void => {
  setFlagsFromString("--expose-gc")
  const gc = runInNewContext("gc") as () => void
  gc()
}

// ---------------------------------------------------------------------------------------------------------

const combine = (of: (name: keyof Left) => number): Left => ({
  fibers: of("fibers"),
  sockets: of("sockets"),
  timers: of("timers"),
  files: of("files"),
})

/** What the descriptors of this process stand for. */
const descriptors = (): ReadonlyArray<string> =>
  readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return []
    }
  })

const unfinished = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".tmp"))
