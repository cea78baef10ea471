/**
 * The port through which a host knows the machine that it runs on.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** Sizes in MiB, shares in percent. */
export interface Memory {
  readonly processMb: number
  readonly systemTotalMb: number
  readonly systemPercent: number
}

export interface Service {
  /** At most a second old. */
  readonly memory: Effect.Effect<Memory>
  /** Of all processors together, since it was asked before. */
  readonly cpuPercent: Effect.Effect<number>
}

export class HostMachine extends Context.Tag("ktrdr/hosts/training/HostMachine")<HostMachine, Service>() {}
