/** Files of strategies as the command line reads them. */
import * as Fs from "node:fs"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as CommandLine from "../../utils/CommandLine.js"
import * as Examples from "../../utils/Strategies.js"

/** A home with files of strategies of its own. */
const setUp = Effect.gen(function* () {
  const command = yield* CommandLine.make
  Fs.mkdirSync(`${command.path}/strategies`)
  return command
})

const named = (text: string) =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line).name)

it.scopedLive("a broken file among them is named, and makes strategies list fail", () =>
  Effect.gen(function* () {
    const { file, run } = yield* setUp
    yield* file("strategies/mine.yaml", Examples.change([["name: mean_reversion", "name: mine"]]))
    const all = ["mean_reversion", "mine", "trend_following"]
    const whole = yield* run("strategies", "list", "--json")
    expect([whole.result, named(whole.out), whole.err]).toEqual([0, all, ""])
    yield* file("strategies/broken.yaml", "name: [")
    const part = yield* run("strategies", "list", "--json")
    expect([part.result, named(part.out)]).toEqual([1, all])
    expect(part.err).toMatch(/^ktrdr: broken\.yaml line 1/)
  }),
)

it.scopedLive("one is read alike by its name and by its path", () =>
  Effect.gen(function* () {
    const { path, run } = yield* setUp
    for (const [name, bytes] of [
      ["long", Buffer.from(`# ${"x".repeat(300_000)}`)],
      ["bytes", Buffer.from([0x6e, 0x3a, 0x20, 0xff, 0xfe])],
      ["broken", Buffer.from("name: [")],
    ] as const) {
      const file = `${path}/strategies/${name}.yaml`
      Fs.writeFileSync(file, bytes)
      const byName = yield* run("strategies", "check", name)
      const byPath = yield* run("strategies", "check", file)
      expect(byName.err).toMatch(new RegExp(`^ktrdr: ${name}\\.yaml.*: expected `))
      expect([byName.result, byName.err]).toEqual([1, byPath.err])
    }
  }),
)
