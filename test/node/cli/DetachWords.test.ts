import { expect, it } from "@effect/vitest"
import * as DetachWords from "../../../src/node/cli/DetachWords.js"

const words = (line: string) => line.split(" ")
const replaced = (line: string) => DetachWords.replaced(words(line), "--payload", "-").join(" ")
const listed = (line: string) => DetachWords.withSymbols(words(line), ["KO", "PG"]).join(" ")

it("leaves --detach out, but not where it is an argument", () => {
  expect(DetachWords.attached(words("data load --detach SPX 1d"))).toEqual(words("data load SPX 1d"))
  expect(DetachWords.attached(words("data load --detach -- --detach 1d"))).toEqual(
    words("data load -- --detach 1d"),
  )
})

it("replaces an option's value in both of its forms, and no argument", () => {
  expect(replaced("operations start job --payload a.json --json")).toBe(
    "operations start job --payload - --json",
  )
  expect(replaced("operations start job --payload=a.json")).toBe("operations start job --payload=-")
  expect(replaced("operations start -- --payload a.json")).toBe("operations start -- --payload a.json")
})

it("puts symbols in the place of their file, before all that is typed", () => {
  expect(listed("data load AAPL 1d --symbols /dev/fd/63 --json")).toBe("data load KO PG AAPL 1d --json")
  expect(listed("data load --symbols=/dev/stdin 1d")).toBe("data load KO PG 1d")
  expect(listed("data sync --symbols /dev/stdin")).toBe("data sync KO PG")
})
