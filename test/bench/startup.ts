/**
 * How long `ktrdr --help` takes from the bundle, next to Node that does nothing: the two take turns.
 */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { median, table } from "./measure.js"

const rounds = 15
const bundle = fileURLToPath(new URL("../../dist/bin.js", import.meta.url))

/** Milliseconds from start to exit of Node with these arguments. */
const timed = (args: ReadonlyArray<string>): number => {
  const start = performance.now()
  const { status } = spawnSync(process.execPath, args, { stdio: "ignore" })
  if (status !== 0) throw new Error(`node ${args.join(" ")} exited with ${status}`)
  return performance.now() - start
}

const row = (name: string, millis: ReadonlyArray<number>): ReadonlyArray<string> => [
  name,
  ...[median(millis), Math.min(...millis), Math.max(...millis)].map((value) => value.toFixed(0)),
]

const rounded = (millis: ReadonlyArray<number>): number => Math.round(median(millis) * 10) / 10

export const bench: Effect.Effect<void> = Effect.gen(function* () {
  const help: Array<number> = []
  const node: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    node.push(timed(["-e", "0"]))
    help.push(timed([bundle, "--help"]))
  }
  yield* Console.log(
    table([["milliseconds", "median", "least", "most"], row("node -e 0", node), row("ktrdr --help", help)]),
  )
  yield* Console.log(JSON.stringify({ bench: "startup", help_ms: rounded(help), node_ms: rounded(node) }))
})
