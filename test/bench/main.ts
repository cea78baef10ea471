/**
 * Runs the benchmark that is named on the command line: `npm run bench -- NAME`.
 */
import { readdirSync, readFileSync } from "node:fs"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

const names = readdirSync(import.meta.dirname)
  .filter((file) => readFileSync(`${import.meta.dirname}/${file}`, "utf8").includes("\nexport const bench"))
  .map((file) => file.replace(/\.ts$/, ""))

const name = process.argv[2] ?? ""
if (names.includes(name)) {
  const { bench } = (await import(`./${name}.js`)) as { readonly bench: Effect.Effect<void, unknown> }
  const exit = await Effect.runPromiseExit(bench)
  if (Exit.isFailure(exit)) process.stderr.write(`${Cause.pretty(exit.cause)}\n`)
  process.exit(Exit.isSuccess(exit) ? 0 : 1)
}
process.stderr.write(`No benchmark ${JSON.stringify(name)}. Run: npm run bench -- ${names.join("|")}\n`)
process.exit(2)
