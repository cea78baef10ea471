/**
 * Snapshot in, one line out. A domain writes its own `ProgressRenderer` on these pieces; `standard` knows
 * no domain: `Copying files [2/7] 340/1,000 files · ETA 45s`.
 */
import type { Eta, Items, Unrendered, Waiting } from "./ProgressSnapshot.js"

/** Renders a snapshot whose `context` holds what the operation annotated so far. */
export type ProgressRenderer<Context = Readonly<Record<string, unknown>>> = (
  snapshot: Unrendered,
  context: Partial<Context>,
) => string

/** `1,234,567`, grouped by comma whatever the locale. */
export const count = (value: number): string => {
  const [whole = "0", decimals] = String(value).split(".")
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",")
  return decimals === undefined ? grouped : `${grouped}.${decimals}`
}

/** `30s`, `1m 30s`, `2m`, `1h`, `1h 2m`, `2h`: seconds are dropped from an hour up. */
export const duration = (millis: number): string => {
  const seconds = Math.max(0, Math.round(millis / 1000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return join(Math.floor(seconds / 60), "m", seconds % 60, "s")
  const minutes = Math.round(seconds / 60)
  return join(Math.floor(minutes / 60), "h", minutes % 60, "m")
}

/** `segment`, `segments`, `batches`, `series`, `MB`: English plurals of the units in use. */
export const plural = (unit: string, amount: number): string =>
  amount === 1 || /[sA-Z]$/.test(unit) ? unit : `${unit}${unit.endsWith("ch") ? "es" : "s"}`

/** `[4/5]`, or nothing where no steps were planned. */
export const stepOf = (snapshot: Unrendered): string | undefined =>
  snapshot.stepIndex === null || snapshot.stepCount === null
    ? undefined
    : `[${snapshot.stepIndex}/${snapshot.stepCount}]`

/** `340/1,000 files`, `340 files` where no total is known. */
export const items = (of: Items | null): string | undefined =>
  of === null
    ? undefined
    : of.total === null
      ? `${count(of.done)} ${plural(of.unit, of.done)}`
      : `${count(of.done)}/${count(of.total)} ${plural(of.unit, of.total)}`

/** `ETA 2m`, from five seconds up. */
export const eta = (of: Eta | null): string | undefined =>
  of === null || of.p50 < 5000 ? undefined : `ETA ${duration(of.p50)}`

/** `waiting 42s: 60 requests in 10 minutes`; a wait that is over within a second is not worth the words. */
export const waiting = (of: Waiting | null, now: number): string | undefined =>
  of === null || of.until - now < 1000 ? undefined : `waiting ${duration(of.until - now)}: ${of.reason}`

/** `first second · third · fourth`: the head is joined by blanks, the facts behind it by middle dots. */
export const line = (
  head: ReadonlyArray<string | undefined>,
  facts: ReadonlyArray<string | undefined>,
): string => {
  return [head.filter(present).join(" "), ...facts.filter(present)].filter(present).join(" · ")
}

/** The instant at which the snapshot was taken (epoch ms). */
export const takenAt = (snapshot: Unrendered): number => snapshot.started + snapshot.elapsed

/** The renderer that knows no domain. */
export const standard: ProgressRenderer = (snapshot) =>
  line(
    [snapshot.path.at(1) ?? snapshot.path[0], stepOf(snapshot), items(snapshot.items)],
    [snapshot.detail ?? undefined, waiting(snapshot.waiting, takenAt(snapshot)), eta(snapshot.eta)],
  )

const present = (part: string | undefined): part is string => part !== undefined && part !== ""

const join = (major: number, majorUnit: string, minor: number, minorUnit: string): string =>
  minor === 0 ? `${major}${majorUnit}` : `${major}${majorUnit} ${minor}${minorUnit}`
