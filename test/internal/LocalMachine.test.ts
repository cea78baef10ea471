import { spawnSync } from "node:child_process"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { LocalMachine } from "../../src/internal/LocalMachine.js"

const ended = spawnSync(process.execPath, [
  "-e",
  "console.log(process.pid, process.hrtime.bigint().toString())",
])
const [pid = "", nanos = ""] = ended.stdout.toString().split(/\s/)

it.effect("processes that are there are alive, others are not", () =>
  Effect.gen(function* () {
    const machine = yield* LocalMachine
    expect(machine.pid).toBe(process.pid)
    expect(machine.isAlive(process.pid)).toBe(true)
    expect(machine.isAlive(process.ppid)).toBe(true)
    expect(machine.isAlive(Number(pid))).toBe(false)
    expect([machine.boot, machine.space, machine.host].every((name) => name.length > 0)).toBe(true)
  }),
)

it.effect("time is that of every process of the machine, and moves on", () =>
  Effect.gen(function* () {
    const { now } = yield* LocalMachine
    const first = yield* now
    expect(first).toBeGreaterThan(Number(nanos) / 1e6)
    expect(first - Number(nanos) / 1e6).toBeLessThan(60_000)
    expect(yield* now).toBeGreaterThanOrEqual(first)
  }),
)
