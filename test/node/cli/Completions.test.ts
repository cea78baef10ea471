/** The scripts, read by the shells themselves; a shell that is not installed is skipped. */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Argv from "../../../src/node/cli/Argv.js"
import * as Commands from "../../../src/node/cli/Commands.js"
import * as CompletionScripts from "../../../src/node/cli/CompletionScripts.js"
import * as Completions from "../../../src/node/cli/Completions.js"
import * as TestOutput from "../../utils/TestOutput.js"

const table = Completions.table(Commands.all)
const words = (at: string) => table.entries.find((entry) => entry.at === at)?.words.map(({ word }) => word)

describe("the table", () => {
  it("has every command, and every option of each", () => {
    for (const { path, options } of Commands.all) {
      path.forEach((word, index) =>
        expect(words(`${path.slice(0, index).join(" ")}:commands`)).toContain(word),
      )
      const known = words(`${path.join(" ")}:options`)
      for (const { names, takesValue } of options) {
        for (const name of names) {
          expect(known).toContain(name)
          expect(words(`${path.join(" ")}:${name}`) !== undefined).toBe(takesValue)
        }
      }
    }
    expect(words("data load:--mode")).toEqual(["local", "tail", "backfill", "full"])
    expect(words("data show:0")).toEqual(["@symbols"])
    expect(words("data show:1")).toContain("1d")
    expect(words("data load:*")).toEqual(["@symbols", ...(words("data show:1") ?? [])])
    expect(words("completions:0")).toEqual(["bash", "zsh", "fish"])
    expect(words("operations show:0")).toEqual(["@operations"])
    expect(words("operations start:0")).toEqual(["data_load", "data_load_many", "training"])
    expect(words("operations start:--payload")).toEqual(["@files"])
    expect(words("operations list:--status")).toContain("cancelling")
  })

  it("offers nothing that the command line refuses", () => {
    for (const { path } of Commands.all) {
      for (const word of words(`${path.join(" ")}:options`) ?? []) {
        const line = words(`${path.join(" ")}:${word}`) === undefined ? [word] : [word, "value"]
        expect(Argv.read(Commands.all, [...path, ...line])._tag).not.toBe("Wrong")
      }
    }
  })

  it.effect("is printed as a script", () =>
    Effect.gen(function* () {
      for (const shell of ["bash", "zsh", "fish"] as const) {
        const { out } = yield* TestOutput.run(Completions.print(shell))
        expect(out).toBe(`${CompletionScripts.of(shell, table)}\n`)
        expect(out).toContain(`ktrdr completions ${shell}`)
      }
    }),
  )
})

const ids = ["op_data_load_20261125_111405_1a2b3c4d", "op_data_load_many_20261125_111300_5e6f7a8b"]

const odd = 'it\'s a "home" $(x) #1'
const folder = mkdtempSync(join(tmpdir(), "ktrdr-completions-"))
const home = join(folder, odd)

beforeAll(() => {
  for (const symbol of ["AAPL", "AMD", "BRK.B", "BTC-USD", "EUR.USD", "not a symbol", "$(touch owned)"]) {
    mkdirSync(join(home, "data", "candles", "XNYS", symbol, "1d"), { recursive: true })
  }
  mkdirSync(join(home, "data", "candles", ".locks", "X"), { recursive: true })
  writeFileSync(join(folder, "odd name's.csv"), "")
  const lines = ids.map((id) => `{"id":"${id}","kind":"data_load","message":"\\"id\\":\\"no\\""}`)
  mkdirSync(join(folder, "bin"))
  writeFileSync(join(folder, "bin", "ktrdr"), `#!/bin/sh\ncat << 'END'\n${lines.join("\n")}\nEND\n`, {
    mode: 0o755,
  })
  for (const shell of ["bash", "zsh", "fish"] as const) {
    writeFileSync(join(folder, `ktrdr.${shell}`), CompletionScripts.of(shell, table))
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (shell: string, args: ReadonlyArray<string>): ReadonlyArray<string> =>
  execFileSync(shell, [...args], {
    cwd: folder,
    env: {
      ...process.env,
      PATH: `${join(folder, "bin")}:${process.env["PATH"]}`,
      HOME: folder,
      KTRDR_HOME: home,
      LC_ALL: "C.UTF-8",
      TERM: "dumb",
    },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  })
    .split("\n")
    .filter((line) => line !== "")

const installed = (shell: string): boolean => {
  try {
    run(shell, ["-c", "exit 0"])
    return true
  } catch {
    return false
  }
}

/** Command lines up to the cursor, as words the way bash cuts them, and what is offered there. */
const cases: ReadonlyArray<readonly [line: ReadonlyArray<string>, offered: ReadonlyArray<string>]> = [
  [["da"], ["data"]],
  [["data", "cov"], ["coverage"]],
  [
    ["data", "show", ""],
    ["AAPL", "AMD", "BRK.B", "BTC-USD", "EUR.USD"],
  ],
  [
    ["data", "show", "A"],
    ["AAPL", "AMD"],
  ],
  [
    ["data", "show", "BRK.B", "1"],
    ["1s", "1m", "1h", "1d", "1w", "10s", "15s", "15m"],
  ],
  [
    ["data", "load", "AAPL", "AMD", "B"],
    ["BRK.B", "BTC-USD"],
  ],
  [["data", "load", "--mode", "f"], ["full"]],
  [["data", "load", "--mode", "full", "AAPL", "--no-p"], ["--no-progress"]],
  [
    ["data", "load", "--mode", "full", "AAPL", "30"],
    ["30s", "30m"],
  ],
  [["data", "show", "AAPL", "1d", "--vi"], ["--view"]],
  [["data", "show", "--limit", "5", "BT"], ["BTC-USD"]],
  [["data", "import", "o"], ["odd name's.csv"]],
  [["data", "show", "AAPL", "1d", ""], []],
  [["data", "show", "--start", ""], []],
  [["nothing", ""], []],
  [["data", "show", "--", "--vi"], []],
  [["operations", "show", ""], ids],
  [["operations", "cancel", "--reason", "x", "op_data_load_m"], ids.slice(1)],
  [["operations", "start", "data_load_"], ["data_load_many"]],
]

const sorted = (all: ReadonlyArray<string>) => [...all].sort()
const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`

const offeredByBash = (line: ReadonlyArray<string>) => {
  const cut = ["ktrdr", ...line].map(quote).join(" ")
  const script = `source ./ktrdr.bash; complete -p ktrdr > /dev/null || exit 1
    COMP_WORDS=(${cut}); COMP_CWORD=${line.length}; _ktrdr; printf '%s\\n' "\${COMPREPLY[@]}"`
  return run("bash", ["--norc", "--noprofile", "-c", script])
}

describe.skipIf(!installed("bash"))("bash", () => {
  it("completes", () => {
    for (const [line, expected] of cases)
      expect([line, sorted(offeredByBash(line))]).toEqual([line, sorted(expected)])
  })

  it("completes an option's value behind =, which bash cuts off, and symbols in lower case", () => {
    expect(offeredByBash(["data", "load", "--mode", "=", "fu"])).toEqual(["full"])
    expect(offeredByBash(["data", "load", "--mode", "="])).toEqual(["local", "tail", "backfill", "full"])
    expect(offeredByBash(["data", "show", "--start", "=", "2024-01-01T00", ":", "30", "BT"])).toEqual([
      "BTC-USD",
    ])
    expect(offeredByBash(["data", "show", "eur/"])).toEqual(["EUR.USD"])
    expect(offeredByBash(["operations", "watch", "3c4d"])).toEqual(ids.slice(0, 1))
  })
})

const offeredByFish = (line: string) =>
  run("fish", ["--no-config", "-c", `source ./ktrdr.fish; complete -C ${quote(`ktrdr ${line}`)}`]).map(
    (one) => one.split("\t")[0]!,
  )

describe.skipIf(!installed("fish"))("fish", () => {
  it("completes", () => {
    for (const [line, expected] of cases.filter(([line]) => line[1] !== "import")) {
      expect([line, sorted(offeredByFish(line.join(" ")))]).toEqual([line, sorted(expected)])
    }
    expect(offeredByFish("data load --mode=f")).toEqual(["--mode=full"])
  })
})

/** The functions of zsh's line editor print what they are given, which it would cut to what is typed. */
const offeredByZsh = (line: ReadonlyArray<string>) => {
  const script = `compdef() { }
    compset() { }
    compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -rl -- "$@" }
    _describe() { print -rl -- \${\${(P)@[-1]}%%:*} }
    _files() { print -rl -- * }
    source ./ktrdr.zsh
    words=(ktrdr ${line.map(quote).join(" ")}); CURRENT=\${#words}; _ktrdr`
  const typed = line.at(-1)?.replace(/^--.*=/, "") ?? ""
  return run("zsh", ["-f", "-c", script]).filter((word) => word.startsWith(typed))
}

describe.skipIf(!installed("zsh"))("zsh", () => {
  it("completes", () => {
    for (const [line, expected] of cases)
      expect([line, sorted(offeredByZsh(line))]).toEqual([line, sorted(expected)])
    expect(offeredByZsh(["data", "load", "AAPL", "--mode=f"])).toEqual(["full"])
  })
})
