/**
 * A progress snapshot as lines of a terminal: the whole with its bar, its message, and the steps at work.
 */
import type pico from "picocolors"
import { count, duration, items, takenAt, waiting } from "../ProgressRenderer.js"
import type { Items, ProgressSnapshot, Step } from "../ProgressSnapshot.js"

type Colors = ReturnType<typeof pico.createColors>

export interface Frame {
  /** Columns of the terminal; no line is wider. */
  readonly width: number
  /** Lines at most; the last one then says how many are left out. */
  readonly height: number
  /** What turns. */
  readonly spinner: string
  readonly colors: Colors
}

export const lines = (snapshot: ProgressSnapshot, frame: Frame): ReadonlyArray<string> => {
  const { colors, height, width } = frame
  const now = takenAt(snapshot)
  const whole = fit(width, [
    [frame.spinner, colors.cyan],
    ...(snapshot.fraction === null
      ? []
      : bar(snapshot.fraction, Math.min(40, Math.max(5, width - 24)), colors)),
    [` ${duration(snapshot.elapsed)}`, colors.dim],
  ])
  const message = fit(width, [["  "], [snapshot.message]])
  const live = branches(snapshot.steps)
  const room = Math.max(0, height - 2)
  const wanted = asDeepAsFits(live, room)
  const fitting = wanted.length <= room ? wanted : wanted.slice(0, Math.max(0, room - 1))
  const shown = fitting.map((branch) => fit(width, branchParts(branch, now, width, colors)))
  const omitted = wanted.length - fitting.length
  const rest =
    omitted === 0 || room === 0 ? [] : [fit(width, [[`    and ${count(omitted)} more`, colors.dim]])]
  return [whole, message, ...shown, ...rest].slice(0, Math.max(1, height))
}

/** A line for terminals that show ASCII alone. */
export const plain = (line: string): string => line.replace(/[━─·…]/g, (glyph) => ascii[glyph] ?? glyph)

/** `45%`; 100 only when it is done. */
export const percent = (fraction: number): string => `${Math.floor(fraction * 100 + 1e-9)}%`

// ---------------------------------------------------------------------------------------------------------

const ascii: Readonly<Record<string, string>> = { "━": "=", "─": "-", "·": "|", "…": "~" }

type Part = readonly [text: string, color?: (text: string) => string]

/** Steps at work, one inside the other, that are shown as one: the outermost first. */
interface Branch {
  readonly depth: number
  readonly steps: readonly [Step, ...ReadonlyArray<Step>]
}

/** Steps that count nothing, shown side by side below one parent. */
const widestFan = 3

/**
 * The running steps below the root; where one step at a time is at work, the nested ones share a line, and
 * of many that count nothing only the first few have one.
 */
const branches = (steps: ReadonlyArray<Step>): ReadonlyArray<Branch> => {
  const running = steps.filter((step) => step.state === "running")
  const below = (parent: number | null) => running.filter((step) => step.parent === parent)
  const from = (parent: Step, depth: number): ReadonlyArray<Branch> => {
    let plain = 0
    return below(parent.id).flatMap((first) => {
      const chain: [Step, ...Array<Step>] = [first]
      let inner = below(first.id)
      while (inner.length === 1) {
        chain.push(inner[0]!)
        inner = below(inner[0]!.id)
      }
      if (inner.length === 0 && chain.every(isPlain) && ++plain > widestFan) return []
      return [{ depth, steps: chain }, ...from(chain.at(-1)!, depth + 1)]
    })
  }
  return below(null).flatMap((root) => from(root, 0))
}

/** Without the innermost branches, level by level, until the rest fits; the outermost stay. */
const asDeepAsFits = (all: ReadonlyArray<Branch>, room: number): ReadonlyArray<Branch> => {
  const deepest = all.reduce((most, { depth }) => Math.max(most, depth), 0)
  return all.length <= room || deepest === 0
    ? all
    : asDeepAsFits(
        all.filter(({ depth }) => depth < deepest),
        room,
      )
}

const isPlain = (step: Step): boolean => step.items === null && step.detail === null && step.waiting === null

const branchParts = (
  { depth, steps }: Branch,
  now: number,
  width: number,
  colors: Colors,
): ReadonlyArray<Part> => {
  const outer = steps[0]
  const inner = steps.at(-1) ?? outer
  const counted = steps.findLast((step) => step.items !== null)?.items ?? null
  const held = waiting(steps.findLast((step) => step.waiting !== null)?.waiting ?? null, now)
  const detail = steps.findLast((step) => step.detail !== null)?.detail
  const name = inner === outer ? outer.name : `${outer.name} · ${inner.name}`
  const facts = [items(counted) ?? "", rate(counted), detail ?? ""].filter((fact) => fact !== "")
  return [
    [`    ${"  ".repeat(depth)}`],
    [name.padEnd(24)],
    ...(outer.fraction === null || width < 60 ? [] : bar(outer.fraction, 16, colors)),
    ...(facts.length === 0 ? [] : [[`  ${facts.join(" · ")}`, colors.dim] as const]),
    ...(held === undefined ? [] : [[`  ${held}`, colors.yellow] as const]),
  ]
}

const rate = (of: Items | null): string => {
  if (of === null || of.rate === null) return ""
  return `${of.rate >= 10 ? count(Math.round(of.rate)) : of.rate.toFixed(1)}/s`
}

const bar = (fraction: number, width: number, colors: Colors): ReadonlyArray<Part> => {
  const filled = Math.floor(fraction * width + 1e-9)
  return [
    [" "],
    ["━".repeat(filled), fraction === 1 ? colors.green : colors.cyan],
    ["─".repeat(width - filled), colors.dim],
    [` ${percent(fraction).padStart(4)}`],
  ]
}

/** The parts on one line, cut at `width` columns; control characters become blanks. */
const fit = (width: number, parts: ReadonlyArray<Part>): string => {
  let left = width
  let line = ""
  for (const [text, color] of parts) {
    const clean = text.replace(/\p{C}/gu, " ")
    const kept = cut(clean, left)
    line += kept === "" || color === undefined ? kept : color(kept)
    left -= columns(kept)
    if (kept !== clean) break
  }
  return line.trimEnd()
}

/** The text in at most `room` columns; where that cuts it, it ends in an ellipsis. */
export const cut = (text: string, room: number): string => {
  if (columns(text) <= room) return text
  let kept = ""
  let used = 0
  for (const character of text) {
    used += columns(character)
    if (used > room - 1) break
    kept += character
  }
  return room > 0 ? `${kept}…` : ""
}

/** East Asian wide characters and emoji take two columns, combining marks none. */
const columns = (text: string): number => {
  let sum = 0
  for (const character of text) sum += wide.test(character) ? 2 : /\p{M}/u.test(character) ? 0 : 1
  return sum
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u
