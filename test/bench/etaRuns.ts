/**
 * Runs to estimate: what a load did when, resampled by seed from loads that were measured (test/fixtures/record.ts),
 * in the shapes that loads have.
 */
import recorded from "../fixtures/segment-timings.json" with { type: "json" }

export const shapes = ["steady", "bursty", "slowing", "resumed", "paced", "mixed"] as const
export type Shape = (typeof shapes)[number]

/** One segment: the time since the one before, and the waits in that time. */
interface Segment {
  readonly millis: number
  readonly waits: ReadonlyArray<{ readonly after: number; readonly millis: number }>
}

/** A run before it is run: times in milliseconds. */
export interface Run {
  /** Found already done, of `total`. */
  readonly skipped: number
  readonly total: number
  /** Before the first segment is asked for, and after the last one. */
  readonly before: number
  readonly after: number
  readonly segments: ReadonlyArray<Segment>
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export const random = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * The run of a shape and seed. A measured load under the shape's condition is drawn, then its segments in
 * stretches of 1 to 15 neighbours until there are enough; a factor for the whole run stands for the host of
 * that day.
 *
 * - `steady`: answers that are late by up to a second
 * - `bursty`: connections that break and a service that is away, with the pauses of the retries
 * - `slowing`: steady, and up to four times slower towards the end
 * - `resumed`: steady or bursty, with 20 to 80 in a hundred found already done
 * - `paced`: a host that answers "too many requests" and asks for a pause
 * - `mixed`: any of those
 */
export const make = (shape: Shape, seed: number): Run => {
  const next = random(seed * 7919 + shapes.indexOf(shape) * 104_729 + 1)
  next()
  const between = (from: number, to: number): number => from + (to - from) * next()
  const one = <A>(of: ReadonlyArray<A>): A => of[Math.floor(next() * of.length)]!
  const kind = shape === "mixed" ? one(shapes.slice(0, 5)) : shape
  const condition = kind === "resumed" ? one(["sound", "bursty"]) : (conditionOf[kind] ?? "sound")
  const trace = one(traces.filter(({ name }) => name === condition))
  const total = Math.round(between(40, 400))
  const skipped = kind === "resumed" ? Math.round(total * between(0.2, 0.8)) : 0
  const day = Math.exp(0.25 * (next() + next() + next() + next() - 2) * Math.sqrt(3)) * slowness
  const slowing = kind === "slowing" ? between(0.5, 3) : 0
  const segments: Array<Segment> = []
  const count = total - skipped
  while (segments.length < count) {
    const from = Math.floor(next() * trace.segments.length)
    const length = 1 + Math.floor(next() * 15)
    for (const segment of trace.segments.slice(from, from + length)) {
      if (segments.length === count) break
      const factor = day * (1 + (slowing * segments.length) / count)
      segments.push(scaled(segment, factor))
    }
  }
  return { skipped, total, before: trace.before, after: trace.after, segments }
}

/** What happens in a run, in order of time. */
export type Event =
  | { readonly at: number; readonly kind: "fetch" | "segment" | "check" | "end" }
  | { readonly at: number; readonly kind: "wait"; readonly until: number }

export const events = (run: Run): ReadonlyArray<Event> => {
  const all: Array<Event> = []
  let at = run.before
  all.push({ at, kind: "fetch" })
  for (const { millis, waits } of run.segments) {
    for (const wait of waits) {
      all.push({ at: at + wait.after, kind: "wait", until: at + wait.after + wait.millis })
    }
    at += millis
    all.push({ at, kind: "segment" })
  }
  all.push({ at, kind: "check" }, { at: at + run.after, kind: "end" })
  return all
}

// ---------------------------------------------------------------------------------------------------------

/** The measured host is on this machine; one that is not takes longer. */
const slowness = 3

const conditionOf: { readonly [K in Shape]?: string } = { bursty: "bursty", paced: "paced" }

const scaled = ({ millis, waits }: Segment, factor: number): Segment => ({
  millis: millis * factor,
  waits: waits.map((wait) => ({ after: wait.after * factor, millis: wait.millis * factor })),
})

const measured = recorded.map(({ name, fetching, doneAt, waits, millis }) => ({
  name,
  before: fetching,
  after: Math.max(0, millis - (doneAt.at(-1) ?? 0)),
  segments: doneAt.map((at, index): Segment => {
    const begun = doneAt[index - 1] ?? fetching
    const during = waits.filter(([from]) => from! >= begun && from! < at)
    return {
      millis: at - begun,
      waits: during.map(([from, until]) => ({ after: from! - begun, millis: until! - from! })),
    }
  }),
}))

const mean = ({ segments }: { readonly segments: ReadonlyArray<Segment> }): number =>
  segments.reduce((sum, { millis }) => sum + millis, 0) / segments.length

/** Loads under one condition differ in how many requests were open at once: their segments are brought to one mean. */
const traces = measured.map((trace) => {
  const alike = measured.filter(({ name }) => name === trace.name).map(mean)
  const factor = alike.reduce((a, b) => a + b, 0) / alike.length / mean(trace)
  return { ...trace, segments: trace.segments.map((segment) => scaled(segment, factor)) }
})
