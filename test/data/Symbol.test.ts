import { expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as Symbol from "../../src/data/Symbol.js"

it("reads a symbol however it is typed", () => {
  const cases = {
    AAPL: "AAPL",
    " aapl ": "AAPL",
    "brk.b": "BRK.B",
    "EUR/USD": "EUR.USD",
    "7203": "7203",
    ES_F: "ES_F",
    "BTC-USD": "BTC-USD",
    ABCDEFGHIJKLMNOPQRST: "ABCDEFGHIJKLMNOPQRST",
  }
  for (const [typed, symbol] of Object.entries(cases))
    expect(Symbol.parse(typed)).toEqual(Either.right(symbol))
})

it("refuses what could leave a folder, and says what would do", () => {
  const hostile = [
    "",
    " ",
    "..",
    "A..B",
    "A//B",
    "../etc",
    "/AAPL",
    ".A",
    "-A",
    "_A",
    "A B",
    "A\\B",
    "A\0",
    "Ä",
    "A%2e",
  ]
  for (const typed of [...hostile, "ABCDEFGHIJKLMNOPQRSTU", "A:B", "~"]) {
    const error = Either.getOrThrow(Either.flip(Symbol.parse(typed)))
    expect(error).toMatchObject({ reason: "InvalidInput", place: "symbol" })
    expect(error.message).toContain("Give a symbol such as AAPL")
  }
})

it("whatever text comes in, what comes out is a symbol and a safe part of a file name", () => {
  const letters = fc.stringMatching(/^[A-Za-z0-9._\-/ ]{0,22}$/)
  fc.assert(
    fc.property(fc.oneof(fc.string(), letters), (text) => {
      const parsed = Symbol.parse(text)
      if (Either.isLeft(parsed)) return
      expect(parsed.right).toMatch(/^[A-Z0-9][A-Z0-9._-]{0,19}$/)
      expect(parsed.right).not.toContain("..")
      expect(Symbol.parse(parsed.right)).toEqual(parsed)
      expect(Schema.is(Symbol.Symbol)(parsed.right)).toBe(true)
    }),
    { numRuns: 1_000 },
  )
})

it("a symbol reads as itself", () => {
  fc.assert(
    fc.property(Arbitrary.make(Symbol.Symbol), (symbol) => {
      expect(Symbol.parse(symbol)).toEqual(Either.right(symbol))
      expect(Symbol.parse(symbol.toLowerCase())).toEqual(Either.right(symbol))
    }),
  )
})
