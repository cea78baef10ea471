import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import * as Symbol from "../../../src/data/Symbol.js"
import * as SymbolsFile from "../../../src/node/cli/SymbolsFile.js"
import * as TestOutput from "../../utils/TestOutput.js"

const folder = mkdtempSync(join(tmpdir(), "ktrdr-symbols-"))
afterAll(() => rmSync(folder, { recursive: true }))

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const parse = (text: string) => SymbolsFile.parse("list.txt", text)
const symbols = (text: string) => Either.getOrThrow(parse(text)).map(({ symbol }) => symbol)
const fault = (text: string) => Either.getOrThrow(Either.flip(parse(text)))
const typed = (...names: ReadonlyArray<string>) => names.map((name) => Symbol.Symbol.make(name))

describe("a symbols file", () => {
  it("has one symbol a line or several with commas, blanks and comments between them", () => {
    expect(symbols("# mine\r\n\r\n  aapl \nMSFT, eur/usd,,brk.b # banks\n\t\n#KO\nSPX")).toEqual([
      "AAPL",
      "MSFT",
      "EUR.USD",
      "BRK.B",
      "SPX",
    ])
    expect(symbols("AAPL\rMSFT")).toEqual(["AAPL", "MSFT"])
  })

  it("is refused with the line of what is no symbol", () => {
    for (const [text, line, found] of [
      ["AAPL\n\n../etc/passwd", 3, '"../etc/passwd"'],
      ["AAPL\r\nMSFT KO\r\nIBM", 2, '"MSFT KO"'],
      ["AAPL, ABCDEFGHIJKLMNOPQRSTU", 1, '"ABCDEFGHIJKLMNOPQRSTU"'],
    ] as const) {
      expect(fault(text)).toMatchObject({
        reason: "InvalidInput",
        place: `list.txt line ${line}`,
        found,
        advice: "Give a symbol such as AAPL, BRK.B or EUR/USD",
      })
    }
  })

  it("that names none is refused", () => {
    for (const text of ["", "\n\n", "# AAPL\n", " , ,"]) {
      expect(fault(text)).toMatchObject({ place: "list.txt", expected: "at least one symbol", found: "none" })
    }
  })

  it("gives back what was written, whatever stands between", () => {
    const symbol = fc.stringMatching(/^[A-Z][A-Z0-9]{0,5}$/)
    const gap = fc.constantFrom("\n", "\r\n", ",", ", ", "\n\n# x, y\n", " # z\n\t")
    fc.assert(
      fc.property(fc.array(fc.tuple(symbol, gap), { minLength: 1 }), (words) => {
        expect(symbols(words.flat().join(""))).toEqual(words.map(([name]) => name))
      }),
    )
  })

  it("never shows its escape sequences", () => {
    expect(fault("AAPL\n\u001b[31m\u009b2JX").message).not.toMatch(/\p{Cc}/u)
  })
})

describe("SymbolsFile.read", () => {
  it.effect("reads text of UTF-8, with its mark or without", () =>
    Effect.gen(function* () {
      const listed = yield* SymbolsFile.read(file("mark.txt", "\uFEFFAAPL\nKO\n"))
      expect(listed).toEqual([
        { symbol: "AAPL", place: `${join(folder, "mark.txt")} line 1` },
        { symbol: "KO", place: `${join(folder, "mark.txt")} line 2` },
      ])
    }),
  )

  it.effect("refuses what cannot be read, is no text or is endless", () =>
    Effect.gen(function* () {
      mkdirSync(join(folder, "inner"))
      const cases = [
        [join(folder, "none.txt"), "a file of symbols to read", "NotFound"],
        [join(folder, "inner"), "a file of symbols to read", ""],
        [file("utf16.txt", Buffer.from("AAPL\n", "utf16le")), "text in UTF-8", "a binary file"],
        [file("latin1.txt", Uint8Array.of(65, 0xe4, 10)), "text in UTF-8", "a binary file"],
        [file("long.txt", "AAPL\n".repeat(300_000)), "at most 1 MiB", "more"],
        ["/dev/zero", "at most 1 MiB", "more"],
      ] as const
      for (const [path, expected, found] of cases) {
        const error = yield* Effect.flip(SymbolsFile.read(path))
        expect(error).toMatchObject({ reason: "InvalidInput", place: path })
        expect(error.expected).toContain(expected)
        expect(error.found).toContain(found)
      }
    }),
  )
})

describe("SymbolsFile.join", () => {
  it.effect("has each symbol once, those that were typed first, and says which came again", () =>
    Effect.gen(function* () {
      const path = file("list.txt", "MSFT\n\nko\nAAPL\nKO\n")
      const { result, out, err } = yield* TestOutput.run(SymbolsFile.join(typed("AAPL", "IBM", "IBM"), path))
      expect(result).toEqual(["AAPL", "IBM", "MSFT", "KO"])
      expect(out).toBe("")
      expect(err).toBe(
        `note: given more than once, loaded once: IBM, AAPL (${path} line 4), KO (${path} line 5)\n`,
      )
    }),
  )

  it.effect("needs no file, and says nothing where nothing is given twice", () =>
    Effect.gen(function* () {
      expect(yield* TestOutput.run(SymbolsFile.join(typed("AAPL", "KO"), undefined))).toEqual({
        result: ["AAPL", "KO"],
        out: "",
        err: "",
      })
    }),
  )
})
