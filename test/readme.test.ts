/** The README keeps its word: its program, its test and its help are those that run. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { expect, it } from "@effect/vitest"
import * as Commands from "../src/node/cli/Commands.js"
import * as Help from "../src/node/cli/Help.js"
import * as Package from "../src/node/Package.js"

const root = Path.resolve(import.meta.dirname, "..")
const readme = Fs.readFileSync(Path.join(root, "README.md"), "utf8")

it.each(["momentum.ts", "momentum.test.ts"])("holds %s as it runs", (name) => {
  expect(readme).toContain(Fs.readFileSync(Path.join(root, "test/readme", name), "utf8").trim())
})

it("holds the adapter of the guide as it runs, in under 60 lines", () => {
  const guide = Fs.readFileSync(Path.join(root, "src/hosts/README.md"), "utf8")
  const adapter = Fs.readFileSync(Path.join(root, "test/readme/backtests.ts"), "utf8").trim()
  expect(guide).toContain(adapter)
  expect(adapter.split("\n").length).toBeLessThan(60)
})

it("holds the command's help", () => {
  expect(readme).toContain(Help.group([], Commands.all, Package.version()).trim())
})

it("has at most 200 lines", () => {
  expect(readme.split("\n").length).toBeLessThanOrEqual(200)
})
