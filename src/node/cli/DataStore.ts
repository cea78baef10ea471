/**
 * `ktrdr data verify` and `ktrdr data compact`: the files of the store, whatever bars they hold.
 */
import * as Effect from "effect/Effect"
import { CandleStore, type Compaction, type Finding, type Verification } from "../../data/CandleStore.js"
import type { DataError } from "../../data/DataError.js"
import * as Series from "../../data/Series.js"
import * as Progress from "../../Progress.js"
import { count } from "../../ProgressRenderer.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as TerminalProgress from "../TerminalProgress.js"
import { Incomplete, type Program } from "./Failure.js"
import * as LoadText from "./LoadText.js"

export interface Options {
  /** All that are kept where none is given. */
  readonly series: Series.Series | undefined
  readonly json: boolean
  readonly noProgress: boolean
}

/** Computes every hash anew and compares; changes nothing. Fails with `Incomplete` where a file is damaged. */
export const verify = (options: Options): Program =>
  over(options, "Verifying the store", (store) => store.verify(options.series), {
    json: ({ series, ...found }) => ({ ...series, ...found }),
    text: verificationText,
    isDone: ({ faults }) => faults.length === 0,
  })

/** Brings every series to the files that its bars determine. Fails with `Incomplete` where one was left as it is. */
export const compact = (options: Options): Program =>
  over(options, "Compacting the store", (store) => store.compact(options.series), {
    json: ({ series, failure, ...done }) => ({
      ...series,
      ...done,
      ...(failure === undefined ? {} : { error: LoadText.error(failure) }),
    }),
    text: compactionText,
    isDone: ({ failure }) => failure === undefined,
  })

// ---------------------------------------------------------------------------------------------------------

interface Shown<A> {
  readonly json: (one: A) => object
  readonly text: (one: A) => string
  readonly isDone: (one: A) => boolean
}

const over = <A>(
  { series, json, noProgress }: Options,
  name: string,
  work: (store: CandleStore["Type"]) => Effect.Effect<ReadonlyArray<A>, DataError>,
  shown: Shown<A>,
): Program =>
  Effect.gen(function* () {
    const observer = yield* TerminalProgress.make({ json, silent: noProgress })
    const all = yield* Progress.observe(Effect.flatMap(CandleStore, work), { observer, name })
    if (all.length === 0) {
      return yield* Output.note(
        series === undefined ? LoadText.nothingKept : `Nothing is kept of ${Series.format(series)}`,
      )
    }
    for (const one of all) yield* Output.line(json ? JSON.stringify(shown.json(one)) : shown.text(one))
    if (!all.every(shown.isDone)) return yield* new Incomplete()
  }).pipe(Effect.scoped, Effect.provide(Main.layerStore))

const verificationText = ({
  series,
  files,
  rows,
  bytes,
  journalled,
  faults,
  remarks,
}: Verification): string =>
  [
    `${Series.format(series)}: ${faults.length === 0 ? "sound" : LoadText.amount(faults.length, "fault")}`,
    `  ${LoadText.amount(rows, "bar")} in ${LoadText.amount(files, "file")}, ${count(bytes)} bytes` +
      (journalled === 0 ? "" : `; ${LoadText.amount(journalled, "batch")} not folded in yet`),
    ...faults.map((one) => `  fault: ${findingText(one)}`),
    ...remarks.map((one) => `  note: ${findingText(one)}`),
  ].join("\n")

const findingText = ({ place, found, advice }: Finding): string => `${place}: ${found}. ${advice}.`

const compactionText = (done: Compaction): string => {
  const { series, before, after, folded, removed, rewritten, aside, failure } = done
  if (failure !== undefined) return `${Series.format(series)}: left as it is\n  ${failure.message}`
  const work = [
    ...(folded.length === 0 ? [] : [`folded ${folded.join(", ")}`]),
    ...(rewritten.length === 0 ? [] : [`wrote ${rewritten.join(", ")}`]),
    ...(removed.length === 0 ? [] : [`removed ${removed.join(", ")}`]),
  ]
  return [
    `${Series.format(series)}: ${work.length === 0 ? "nothing to do" : work.join("; ")}`,
    `  ${count(before)} bytes before, ${count(after)} after`,
    ...(aside.length === 0 ? [] : [`  damaged and set aside: ${aside.join(", ")}`]),
  ].join("\n")
}
