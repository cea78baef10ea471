/**
 * An operation as a person reads it.
 */
import { isTerminal, type OperationRecord, type Summary } from "../../OperationRecord.js"
import type { Step } from "../../ProgressSnapshot.js"
import { percent } from "../ProgressLines.js"
import * as LoadText from "./LoadText.js"
import * as OperationsResult from "./OperationsResult.js"
import * as OperationsTable from "./OperationsTable.js"

/** What a record does not say of itself. */
export interface Surroundings {
  readonly now: number
  /** Columns of the terminal; none where it is not shown on one. */
  readonly width: number | undefined
  /** Words as the command line that a user would type. */
  readonly command: (words: ReadonlyArray<string>) => string
  /** What can be done with one of its kind that has ended without success, the most useful first. */
  readonly ways: ReadonlyArray<"resume" | "retry">
  /** The operations that go on with it or tried it again, newest first. */
  readonly successors: ReadonlyArray<string>
  /** The operations that are parts of it. */
  readonly parts: ReadonlyArray<string>
  /** What was asked for, and what it succeeded with, where that is told in another way than a record has it. */
  readonly payload?: string | undefined
  readonly result?: string | undefined
}

/** All of it, and what can be done next. */
export const whole = (record: OperationRecord, around: Surroundings): string => {
  const { attempt, cancellation, completed, created, failure, kept, owner, started, warnings } = record
  const took = OperationsTable.took(record, around.now)
  const result = around.result ?? OperationsResult.text(record, around.command)
  const fields: ReadonlyArray<readonly [name: string, value: string | undefined]> = [
    ["status", record.status],
    ["kind", `${record.kind}${attempt === 1 ? "" : `, attempt ${attempt}`}`],
    ["created", utc(created)],
    ["started", started === null ? undefined : utc(started)],
    [
      isTerminal(record) ? "ended" : "running for",
      completed === null ? took : `${utc(completed)}${took === undefined ? "" : `, after ${took}`}`,
    ],
    ["owner", `process ${owner.pid} on ${owner.host}`],
    ["payload", around.payload ?? flat(record.payload)],
    ["settings", Object.keys(record.settings).length === 0 ? undefined : flat(record.settings)],
    ["part of", record.parent ?? undefined],
    ["parts", around.parts.length === 0 ? undefined : LoadText.shorten(around.parts)],
    ["goes on with", record.resumedFrom ?? undefined],
    ["continued by", around.successors.length === 0 ? undefined : LoadText.shorten(around.successors)],
    ["progress", progress(record)],
    ["failure", failure === null ? undefined : why(record)],
    ["cancelled", cancellation === null ? undefined : cancelled(record)],
    ["kept", kept ?? undefined],
  ]
  const next = commands(record, around)
  return [
    record.id,
    ...fields.flatMap(([name, value]) =>
      value === undefined ? [] : field(name, shortened(value), around.width),
    ),
    ...steps(record),
    ...LoadText.list(`warnings: ${warnings.length}`, warnings, (warning) => warning),
    ...(result === undefined ? [] : ["  result", ...result.split("\n").map((line) => `    ${line}`)]),
    ...(next.length === 0 ? [] : ["  next", ...next.map(([line, what]) => `    ${line}\n      ${what}`)]),
  ].join("\n")
}

/**
 * How it ended, what it came to or kept, and what can be done next; of one that goes on how far it is.
 */
export const ending = (record: OperationRecord, around: Surroundings): string => {
  const { completed, id, status } = record
  const took = completed === null ? undefined : OperationsTable.took(record, around.now)
  const reason = why(record)
  return [
    `${id}: ${status}${took === undefined ? "" : ` after ${took}`}${reason === undefined ? "" : `: ${reason}`}`,
    ...(record.kept === null ? [] : [`  ${record.kept}`]),
    ...(isTerminal(record) ? [] : [`  ${progress(record)}`]),
    ...((around.result ?? OperationsResult.text(record, around.command))?.split("\n") ?? []).map(
      (line) => `  ${line}`,
    ),
    ...(status === "failed" || status === "cancelled" ? commands(record, around).slice(0, 1) : []).map(
      ([line, what]) => `  ${what}: ${line}`,
    ),
  ].join("\n")
}

/** Why it failed or was cancelled, in one line; undefined for any other. */
export const why = ({ cancellation, failure }: Summary): string | undefined =>
  failure !== null
    ? `${failure.reason ?? failure.tag}: ${failure.message}`
    : cancellation !== null
      ? cancellation.reason
      : undefined

/** Who asked for it to be cancelled, when, and why. */
export const cancelled = ({ cancellation }: OperationRecord): string | undefined =>
  cancellation === null
    ? undefined
    : `${JSON.stringify(cancellation.reason)}, asked for by ${cancellation.by} at ${utc(cancellation.requested)}`

// ---------------------------------------------------------------------------------------------------------

const nameWidth = 12

/** Longer values are for `--json`. */
const longest = 600

/** So many steps are shown. */
const mostSteps = 24

const utc = (millis: number): string => `${OperationsTable.utc(millis)} UTC`

/** A name and its value, whose further lines stand below its first. */
const field = (name: string, value: string, width = Number.POSITIVE_INFINITY): ReadonlyArray<string> => {
  const indent = nameWidth + 3
  return folded(value, Math.max(20, width - indent - 1)).map(
    (line, index) => `  ${(index === 0 ? name : "").padEnd(nameWidth)} ${line}`,
  )
}

const shortened = (text: string): string =>
  text.length <= longest ? text : `${text.slice(0, longest)} ... (whole: --json)`

/** `symbol AAPL, mode full`; what is listed is parted by semicolons. */
const flat = (value: unknown): string =>
  Array.isArray(value)
    ? value.map(flat).join("; ")
    : typeof value === "object" && value !== null
      ? Object.entries(value)
          .map(([name, inner]) => `${name} ${flat(inner)}`)
          .join(", ")
      : String(value)

/** The text in lines of at most that many columns, broken between words. */
const folded = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === "" ? word : `${line} ${word}`
  }
  return [...lines, line]
}

const progress = ({ fraction, message }: OperationRecord): string | undefined => {
  const done = fraction === null ? [] : [percent(fraction)]
  const said = [...done, ...(message === "" ? [] : [message])]
  return said.length === 0 ? undefined : said.join("  ")
}

/** The tree of its steps, those of the innermost levels left out where they are too many. */
const steps = ({ progress }: OperationRecord): ReadonlyArray<string> => {
  if (progress === null) return []
  const byId = new Map(progress.steps.map((step) => [step.id, step]))
  const depthOf = (step: Step): number => {
    const parent = step.parent === null ? undefined : byId.get(step.parent)
    return parent === undefined ? 0 : 1 + depthOf(parent)
  }
  const inner = progress.steps
    .map((step) => ({ step, depth: depthOf(step) }))
    .filter(({ depth }) => depth > 0)
  const deepest = Math.max(0, ...inner.map(({ depth }) => depth))
  let most = deepest
  while (most > 1 && inner.filter(({ depth }) => depth <= most).length > mostSteps) most--
  const shown = inner.filter(({ depth }) => depth <= most).slice(0, mostSteps)
  const omitted = inner.length - shown.length + progress.omitted
  return shown.length === 0
    ? []
    : [
        "  steps",
        ...shown.map(({ step, depth }) => {
          const done = step.fraction === null || step.state !== "running" ? "" : ` ${percent(step.fraction)}`
          return `  ${"  ".repeat(depth)}${step.name}: ${step.state}${done}`
        }),
        ...(omitted === 0 ? [] : [`    and ${omitted} more`]),
      ]
}

/** What can be done with it, the most useful first. */
const commands = (
  { id, status }: OperationRecord,
  { command, successors, ways }: Surroundings,
): ReadonlyArray<readonly [line: string, what: string]> => {
  const words = (verb: string, of = id) => command(["operations", verb, of])
  if (status === "completed") return []
  if (status === "cancelling") return [[words("watch"), "see it end"]]
  if (status !== "failed" && status !== "cancelled") {
    return [
      [words("watch"), "see how far it is"],
      [words("cancel"), "end it; what is done is kept"],
    ]
  }
  const [successor] = successors
  if (successor !== undefined) return [[words("show", successor), "see what goes on with it"]]
  return ways.map((way) => [words(way), meaning[way]])
}

const meaning = { resume: "go on with it", retry: "do it again from its beginning" } as const
