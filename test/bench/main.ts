/**
 * Runs the benchmark that is named on the command line: `npm run bench -- NAME`.
 */
import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Runtime from "effect/Runtime"

const benches: Readonly<Record<string, () => Promise<{ readonly bench: Effect.Effect<void, unknown> }>>> = {
  progress: () => import("./progress.js"),
  overhead: () => import("./overhead.js"),
  pooling: () => import("./pooling.js"),
  faults: () => import("./faults.js"),
  soak: () => import("./soak.js"),
  load: () => import("./load.js"),
  gaps: () => import("./gaps.js"),
  quality: () => import("./quality.js"),
  pacing: () => import("./pacing.js"),
  startup: () => import("./startup.js"),
  crash: () => import("./crash.js"),
  eta: () => import("./eta.js"),
  bulk: () => import("./bulk.js"),
  cancel: () => import("./cancel.js"),
  registry: () => import("./registry.js"),
  events: () => import("./events.js"),
  features: () => import("./features.js"),
  train: () => import("./train.js"),
  "train-cancel": () => import("./trainCancel.js"),
  "train-overhead": () => import("./trainOverhead.js"),
}

/** What benchmarks run as processes of their own. */
const parts: typeof benches = {
  "cancel-cancel": async () => ({ bench: (await import("./cancelChild.js")).cancelling }),
  "cancel-host": async () => ({ bench: (await import("./cancelChild.js")).hosting }),
  "events-serve": async () => ({ bench: (await import("./eventsChild.js")).serving }),
  "events-watch": async () => ({ bench: (await import("./eventsChild.js")).watching }),
  "overhead-host": async () => ({ bench: (await import("./overhead.js")).serving }),
  "registry-load": async () => ({ bench: (await import("./registryChild.js")).loading }),
  "training-host": async () => ({ bench: (await import("./trainingHost.js")).hosting }),
  "registry-write": async () => ({ bench: (await import("./registryChild.js")).writing }),
}

const name = process.argv[2] ?? ""
const known = { ...benches, ...parts }
const chosen = Object.hasOwn(known, name) ? known[name] : undefined
if (chosen === undefined) {
  const names = Object.keys(benches).join("|")
  process.stderr.write(`No benchmark ${JSON.stringify(name)}. Run: npm run bench -- ${names}\n`)
  process.exit(2)
}
const { bench } = await chosen()
const exit = await Runtime.runPromiseExit(Runtime.defaultRuntime)(bench)
if (Exit.isFailure(exit)) process.stderr.write(`${Cause.pretty(exit.cause)}\n`)
process.exit(Exit.isSuccess(exit) ? 0 : 1)
