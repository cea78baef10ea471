/**
 * What `ktrdr doctor` found, and how it is told.
 */
import type pico from "picocolors"
import * as LoadText from "./LoadText.js"

/** `warning` costs something some day, `problem` stands in the way now. */
export type Status = "ok" | "warning" | "problem"

export interface Check {
  readonly about: string
  readonly status: Status
  readonly found: string
  /** What to do, an imperative sentence without a final stop. */
  readonly advice: string | null
  /** The same as values, for programs. */
  readonly facts?: Readonly<Record<string, unknown>>
}

export const ok = (about: string, found: string, facts?: Check["facts"]): Check => ({
  about,
  status: "ok",
  found,
  advice: null,
  ...(facts === undefined ? {} : { facts }),
})

export const not = (
  status: "warning" | "problem",
  about: string,
  found: string,
  advice: string,
  facts?: Check["facts"],
): Check => ({ about, status, found, advice, ...(facts === undefined ? {} : { facts }) })

/** The worst of them. */
export const worst = (checks: ReadonlyArray<Check>): Status =>
  checks.some(({ status }) => status === "problem")
    ? "problem"
    : checks.some(({ status }) => status === "warning")
      ? "warning"
      : "ok"

/** A line each, what to do below it, and the sum. */
export const lines = (
  checks: ReadonlyArray<Check>,
  colors: ReturnType<typeof pico.createColors>,
): ReadonlyArray<string> => {
  const paint = { ok: colors.green, warning: colors.yellow, problem: colors.red }
  const width = Math.max(...checks.map(({ about }) => about.length))
  const told = checks.flatMap(({ about, status, found, advice }) => [
    `${paint[status](status.padEnd(7))}  ${about.padEnd(width)}  ${clean(found)}`,
    ...(advice === null ? [] : [`${" ".repeat(width + 11)}${clean(advice)}`]),
  ])
  const count = (status: Status) => checks.filter((check) => check.status === status).length
  return [
    ...told,
    "",
    `${count("ok")} ok, ${LoadText.amount(count("warning"), "warning")}, ${LoadText.amount(count("problem"), "problem")}`,
  ]
}

/** One line for programs. */
export const json = (checks: ReadonlyArray<Check>): string =>
  JSON.stringify({
    status: worst(checks),
    checks: checks.map(({ facts, ...check }) => ({ ...check, ...facts })),
  })

// ---------------------------------------------------------------------------------------------------------

/** What came from outside stays on its line. */
const clean = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]+/gu, " ")
