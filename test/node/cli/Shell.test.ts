import { execFileSync } from "node:child_process"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Shell from "../../../src/node/cli/Shell.js"

describe("Shell.join", () => {
  it("leaves plain words plain and quotes the rest", () => {
    expect(Shell.join(["data", "load", "EUR/USD", "1h", "--start=2024-01-02T14:30:00Z"])).toBe(
      "data load EUR/USD 1h --start=2024-01-02T14:30:00Z",
    )
    expect(Shell.join(["a b", "it's", "", "$HOME"])).toBe("'a b' 'it'\\''s' '' '$HOME'")
  })

  it("gives a line that a shell reads back as the same words", () => {
    const word = FastCheck.string({ minLength: 0, maxLength: 12 }).filter((text) => !text.includes("\0"))
    const words = FastCheck.sample(word, 300)
    const read = execFileSync("sh", ["-c", `printf '%s\\0' ${Shell.join(words)}`], { encoding: "utf8" })
    expect(read.split("\0").slice(0, -1)).toEqual(words)
  })
})

describe("Shell.carried", () => {
  it("takes over options with their values, however they are written", () => {
    const words = ["data", "load", "--host", "http://h", "AAPL", "--pacing=strict", "1d", "--mode", "full"]
    expect(Shell.carried(words, ["--host", "--pacing"])).toEqual(["--host", "http://h", "--pacing=strict"])
    expect(Shell.carried(words, ["--calendar"])).toEqual([])
  })
})

describe("Shell.program", () => {
  it("names what the user typed", () => {
    expect(Shell.program("/usr/local/bin/ktrdr", {})).toBe("ktrdr")
    expect(Shell.program("/x/dist/bin.js", { npm_lifecycle_event: "ktrdr" })).toBe("npm run -s ktrdr --")
    expect(Shell.program("/x/ktrdr", { npm_lifecycle_event: "npx" })).toBe("npx ktrdr")
    expect(Shell.program(`${process.cwd()}/dist/bin.js`, {})).toBe("node dist/bin.js")
  })
})
