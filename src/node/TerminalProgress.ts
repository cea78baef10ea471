/**
 * Shows progress on standard error: a live tree on a terminal, plain lines elsewhere, or JSON lines.
 */
import cliSpinners from "cli-spinners"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { createLogUpdate } from "log-update"
import pico from "picocolors"
import { takenAt } from "../ProgressRenderer.js"
import { isTerminal, ProgressSnapshot } from "../ProgressSnapshot.js"
import * as Output from "./Output.js"
import * as ProgressLines from "./ProgressLines.js"

/** Told of every snapshot, by `Progress.observe`. */
export type Observer = (snapshot: ProgressSnapshot) => Effect.Effect<void>

export interface Options {
  /** Snapshots as JSON lines: at most four a second, and the last one. */
  readonly json: boolean
  readonly silent: boolean
}

/** An observer for this output; when the scope closes the terminal is as it was. */
export const make = (options: Options): Effect.Effect<Observer, never, Output.Output | Scope.Scope> =>
  Effect.flatMap(Output.Output, (output) =>
    options.silent
      ? Effect.succeed(() => Effect.void)
      : options.json
        ? Effect.sync(() => jsonLines(output))
        : output.isTerminal
          ? live(output)
          : Effect.sync(() => plainLines(output)),
  )

// ---------------------------------------------------------------------------------------------------------

const frameMillis = 100
/** What is over sooner is not shown at all. */
const lasting = { live: 400, plain: 2000 }
const plainMillis = 5000
const jsonMillis = 250

const live = (output: Output.Service): Effect.Effect<Observer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { stream } = output
    const update = createLogUpdate(stream, { showCursor: true })
    const colors = pico.createColors(output.hasColor)
    const { frames } = output.hasUnicode ? cliSpinners.dots : cliSpinners.line
    let latest: ProgressSnapshot | undefined
    let turn = 0
    let shown = false

    const show = (): void => {
      if (latest === undefined) return
      const spinner = frames[turn % frames.length] ?? "*"
      const size = { width: (stream.columns || 80) - 1, height: (stream.rows || 24) - 1 }
      const lines = ProgressLines.lines(latest, { ...size, spinner, colors })
      update((output.hasUnicode ? lines : lines.map(ProgressLines.plain)).join("\n"))
    }
    const hide = (): void => update.clear()
    const draw = Effect.map(Clock.currentTimeMillis, (now) => {
      if (latest === undefined || isTerminal(latest) || now - latest.started < lasting.live) return
      if (!shown) {
        stream.write(Output.hideCursor)
        output.pin({ hide, show })
        shown = true
      }
      turn++
      show()
    })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (!shown) return
        output.pin(undefined)
        hide()
        stream.write(Output.showCursor)
      }),
    )
    yield* Effect.forkScoped(Effect.repeat(draw, Schedule.spaced(frameMillis)))
    return (snapshot) =>
      Effect.sync(() => {
        latest = snapshot
      })
  })

/** What failed or was cancelled has no last line: the message that follows says so. */
const plainLines = (output: Output.Service): Observer => {
  let last = Number.NEGATIVE_INFINITY
  return (snapshot) =>
    Effect.suspend(() => {
      const now = takenAt(snapshot)
      const isDue = isTerminal(snapshot) ? snapshot.status === "completed" : now - last >= plainMillis
      const due = snapshot.elapsed >= lasting.plain && isDue
      if (!due) return Effect.void
      last = now
      const done = snapshot.fraction === null ? "" : `${ProgressLines.percent(snapshot.fraction)} `
      return output.err(`${done}${snapshot.message}\n`)
    })
}

const jsonLines = (output: Output.Service): Observer => {
  let last = Number.NEGATIVE_INFINITY
  return (snapshot) =>
    Effect.suspend(() => {
      const now = takenAt(snapshot)
      if (!isTerminal(snapshot) && now - last < jsonMillis) return Effect.void
      last = now
      return output.err(`${JSON.stringify(encode(snapshot))}\n`)
    })
}

const encode = Schema.encodeSync(ProgressSnapshot)
