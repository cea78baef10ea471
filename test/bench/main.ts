/**
 * Runs the benchmark that is named on the command line: `npm run bench -- NAME`.
 */
import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Runtime from "effect/Runtime"

const benches: Readonly<Record<string, () => Promise<{ readonly bench: Effect.Effect<void, unknown> }>>> = {
  progress: () => import("./progress.js"),
  http: () => import("./http.js"),
  load: () => import("./load.js"),
  gaps: () => import("./gaps.js"),
  quality: () => import("./quality.js"),
  pacing: () => import("./pacing.js"),
  startup: () => import("./startup.js"),
  crash: () => import("./crash.js"),
  eta: () => import("./eta.js"),
  bulk: () => import("./bulk.js"),
}

const name = process.argv[2] ?? ""
const chosen = Object.hasOwn(benches, name) ? benches[name] : undefined
if (chosen === undefined) {
  const names = Object.keys(benches).join("|")
  process.stderr.write(`No benchmark ${JSON.stringify(name)}. Run: npm run bench -- ${names}\n`)
  process.exit(2)
}
const { bench } = await chosen()
const exit = await Runtime.runPromiseExit(Runtime.defaultRuntime)(bench)
if (Exit.isFailure(exit)) process.stderr.write(`${Cause.pretty(exit.cause)}\n`)
process.exit(Exit.isSuccess(exit) ? 0 : 1)
