/**
 * What this machine has to do, as a training host tells it.
 */
import * as Os from "node:os"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { HostMachine } from "../hosts/training/HostMachine.js"

export const layer: Layer.Layer<HostMachine> = Layer.effect(
  HostMachine,
  Effect.gen(function* () {
    let before = times()
    let last = 0
    return {
      memory: yield* Effect.cachedWithTTL(memory, "1 second"),
      cpuPercent: Effect.sync(() => {
        const now = times()
        const passed = now.all - before.all
        if (passed > 0) {
          last = round(Math.max(0, 100 * (1 - (now.idle - before.idle) / passed)))
          before = now
        }
        return last
      }),
    }
  }),
)

// ---------------------------------------------------------------------------------------------------------

const mib = 1024 * 1024

/** The system reads its files for that, so not with every status that somebody asks for. */
const memory = Effect.sync(() => {
  const total = Os.totalmem()
  return {
    processMb: round(process.memoryUsage.rss() / mib),
    systemTotalMb: round(total / mib),
    systemPercent: round((100 * (total - Os.freemem())) / total),
  }
})

const round = (value: number): number => Math.round(value * 10) / 10

/** Milliseconds of all processors since the machine began. */
const times = () => {
  const all = Os.cpus().map((one) => one.times)
  const sum = (of: (one: Os.CpuInfo["times"]) => number) => all.reduce((total, one) => total + of(one), 0)
  return {
    idle: sum(({ idle }) => idle),
    all: sum(({ idle, irq, nice, sys, user }) => idle + irq + nice + sys + user),
  }
}
