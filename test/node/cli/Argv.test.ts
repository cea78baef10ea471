import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Argv from "../../../src/node/cli/Argv.js"

const grammars: ReadonlyArray<Argv.Grammar> = [
  {
    path: ["data", "load"],
    options: [
      { names: ["--mode"], takesValue: true },
      { names: ["--start"], takesValue: true },
      { names: ["--json"], takesValue: false },
    ],
  },
  { path: ["data", "list"], options: [] },
  { path: ["demo"], options: [] },
]

const read = (line: string) =>
  Argv.read(
    grammars,
    line.split(" ").filter((word) => word !== ""),
  )
const wrong = (line: string) => {
  const reading = read(line)
  return reading._tag === "Wrong" ? reading.message : reading
}

describe("Argv.read", () => {
  it("takes options wherever they stand, in either form", () => {
    const options = ["--mode", "full", "--json"]
    for (const line of [
      "data load --mode full --json SPX 1d",
      "data load SPX --mode=full 1d --json",
      "data load SPX 1d --mode full --json",
    ]) {
      expect(read(line)).toEqual({ _tag: "Run", path: ["data", "load"], options, args: ["SPX", "1d"] })
    }
  })

  it("leaves what comes behind -- alone", () => {
    expect(read("data load --json -- --mode 1d")).toMatchObject({
      options: ["--json"],
      args: ["--mode", "1d"],
    })
  })

  it("finds help and version", () => {
    expect(read("")).toEqual({ _tag: "Help", path: [] })
    expect(read("--help")).toEqual({ _tag: "Help", path: [] })
    expect(read("data -h")).toEqual({ _tag: "Help", path: ["data"] })
    expect(read("data load SPX --mode --help")).toEqual({ _tag: "Help", path: ["data", "load"] })
    expect(read("demo --help")).toEqual({ _tag: "Help", path: ["demo"] })
    expect(read("--version")).toEqual({ _tag: "Version" })
  })

  it("refuses what the command does not have", () => {
    expect(wrong("data load SPX 1d --mod full")).toBe('unknown option "--mod". Did you mean --mode?')
    expect(wrong("data load SPX 1d -x")).toBe('unknown option "-x"')
    expect(wrong("data list --json")).toBe('unknown option "--json"')
    expect(wrong("data load --mode")).toBe("option --mode needs a value")
    expect(wrong("data load --mode --json")).toBe("option --mode needs a value")
    expect(wrong("data load --mode=")).toBe("option --mode needs a value")
    expect(wrong("data load --json=1")).toBe('option --json takes no value, found "1"')
    expect(wrong("data load --mode full --mode=tail")).toBe("option --mode is given twice")
    expect(wrong("dta load")).toBe('unknown command "dta": expected one of data, demo. Did you mean data?')
    expect(wrong("data")).toBe("missing command: expected one of load, list")
    expect(wrong("dta load --help")).toBe(
      'unknown command "dta": expected one of data, demo. Did you mean data?',
    )
    expect(wrong("--json data load")).toBe(
      "unknown option --json before a command: expected one of data, demo",
    )
  })

  it.prop(
    "keeps every argument, in order, whatever options stand between them",
    [
      FastCheck.array(
        FastCheck.oneof(FastCheck.stringMatching(/^[a-z0-9./]{1,5}$/), FastCheck.constant("--mode")),
      ),
    ],
    ([words]) => {
      const args = words.filter((word) => word !== "--mode")
      const at = words.indexOf("--mode")
      const line = words.flatMap((word, index) =>
        word !== "--mode" ? [word] : index === at ? ["--mode", "v"] : [],
      )
      expect(Argv.read(grammars, ["data", "load", ...line])).toEqual({
        _tag: "Run",
        path: ["data", "load"],
        options: at === -1 ? [] : ["--mode", "v"],
        args,
      })
    },
  )
})
