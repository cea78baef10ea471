/**
 * What the processes of one machine have in common: its time, and which of them are alive.
 */
import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

export interface Machine {
  /** Names this start of the machine. */
  readonly boot: string
  /** Where process numbers mean the same: the machine, or one container of it. */
  readonly space: string
  readonly pid: number
  readonly host: string
  /**
   * Milliseconds since the machine started, the same for all of its processes. No setting of the wall clock
   * moves it, and it goes on while a process is stopped.
   */
  readonly now: Effect.Effect<number>
  /** Whether a process of this `space` exists. One of another user does. */
  readonly isAlive: (pid: number) => boolean
}

/** This machine; another one is provided to substitute its time or its processes. */
export class LocalMachine extends Context.Reference<LocalMachine>()("ktrdr/LocalMachine", {
  defaultValue: (): Machine => {
    const host = hostname()
    return {
      boot: attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()) ?? host,
      space: attempt(() => readlinkSync("/proc/self/ns/pid")) ?? host,
      pid: process.pid,
      host,
      now: Effect.sync(() => Number(process.hrtime.bigint() / 1000n) / 1000),
      isAlive,
    }
  },
}) {}

// ---------------------------------------------------------------------------------------------------------

const attempt = <A>(read: () => A): A | undefined => {
  try {
    return read()
  } catch {
    return undefined
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH")
  }
}
