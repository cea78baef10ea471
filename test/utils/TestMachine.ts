/** A machine whose time is that of `Clock`, and whose processes are those that a test says are alive. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LocalMachine, type Machine } from "../../src/internal/LocalMachine.js"

export const make = (given: Partial<Machine> = {}): Machine => ({
  boot: "boot",
  space: "space",
  pid: 1,
  host: "machine",
  now: Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1e6),
  isAlive: () => true,
  ...given,
})

export const layer = (given: Partial<Machine> = {}): Layer.Layer<LocalMachine> =>
  Layer.succeed(LocalMachine, make(given))
