/**
 * What the commands that load have in common: progress, reports, what an interrupted one leaves.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type { Payload } from "../../data/LoadData.js"
import * as LoadMany from "../../data/LoadMany.js"
import type { LoadMode } from "../../data/LoadMode.js"
import * as LoadReport from "../../data/LoadReport.js"
import * as Series from "../../data/Series.js"
import { KeptBars } from "../KeptBars.js"
import * as Loading from "../Loading.js"
import type * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as TerminalProgress from "../TerminalProgress.js"
import { Incomplete } from "./Failure.js"
import * as LoadTable from "./LoadTable.js"
import * as LoadText from "./LoadText.js"
import * as Shell from "./Shell.js"

export interface Options {
  readonly json: boolean
  readonly noProgress: boolean
  /** The mode in which the words that were typed load. */
  readonly mode: LoadMode
}

type Program = Effect.Effect<void, Incomplete | Output.OutputError, Output.Output | Main.Loads>

/**
 * Loads the series and reports on standard output: with `json` one line a series, in their order, as soon as
 * it and all before it are loaded; otherwise at the end. A load that is interrupted says what it kept and the
 * command that goes on. Fails with `Incomplete` when a series failed or gave segments up.
 */
export const run = (payloads: ReadonlyArray<Payload>, options: Options): Program =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const command = yield* Shell.CommandLine
    const typed = (words: ReadonlyArray<string>) => `${command.program} ${Shell.join(words)}`
    const carried = Shell.carried(command.words, ["--host", "--calendar", "--pacing"])
    const output = yield* Output.Output
    const broken = yield* Deferred.make<never, Output.OutputError>()
    let loaded = 0
    const settled = ({ result }: Loading.Outcome): Effect.Effect<void> =>
      Effect.sync(() => {
        if (Either.isRight(result)) loaded++
      })
    const told = (outcome: Loading.Outcome): Effect.Effect<void> =>
      options.json
        ? output.out(`${jsonLine(outcome)}\n`).pipe(
            Effect.zipRight(note(outcome, payloads.length)),
            Effect.provideService(Output.Output, output),
            Effect.catchAll((error) => Deferred.fail(broken, error)),
          )
        : Effect.void
    const outcomes = yield* TerminalProgress.make({ json: options.json, silent: options.noProgress }).pipe(
      Effect.flatMap((observer) => Loading.run(payloads, observer)),
      Effect.provideService(LoadMany.Listener, { settled, told }),
      unless(Deferred.await(broken)),
      Effect.scoped,
      Effect.onInterrupt(() => sayKept(options.mode, command, loaded, payloads.length)),
    )
    if (!options.json) {
      yield* Effect.forEach(outcomes, (outcome) => note(outcome, payloads.length), { discard: true })
      const elapsed = (yield* Clock.currentTimeMillis) - began
      const text = LoadTable.text(outcomes, { elapsed, carried, command: typed })
      yield* text === "" ? Effect.void : Output.line(text)
    }
    const again = payloads.length === 1 ? [] : LoadTable.retries(outcomes, carried)
    for (const words of again) yield* Output.note(`Load what failed with: ${typed(words)}`)
    if (!outcomes.every(isDone)) return yield* new Incomplete()
  })

// ---------------------------------------------------------------------------------------------------------

/** Ends as whichever of the two ends first, and interrupted, once the effect has ended in either case. */
const unless =
  <E2>(failure: Effect.Effect<never, E2>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | E2, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Effect.fork(restore(effect)), (fiber) =>
        restore(Effect.raceFirst(Fiber.join(fiber), failure)).pipe(Effect.ensuring(Fiber.interrupt(fiber))),
      ),
    )

const isDone = ({ result }: Loading.Outcome): boolean =>
  Either.isRight(result) && LoadReport.isComplete(result.right)

const encode = Schema.encodeSync(LoadReport.LoadReport)

const jsonLine = ({ payload, result }: Loading.Outcome): string =>
  Either.match(result, {
    onLeft: (error) => LoadText.failure(payload, error),
    onRight: (report) => JSON.stringify(encode(report)),
  })

/** Warnings and the reason of a failure; among several series a warning names its own. */
const note = (
  { payload, result }: Loading.Outcome,
  series: number,
): Effect.Effect<void, never, Output.Output> => {
  if (Either.isLeft(result)) return Output.note(`ktrdr: ${result.left.message}`)
  const place = series === 1 ? "" : `${Series.format(payload)}: `
  return Effect.forEach(result.right.warnings, (warning) => Output.note(`warning: ${place}${warning}`), {
    discard: true,
  })
}

const sayKept = (
  mode: LoadMode,
  { program, words }: Shell.CommandLine["Type"],
  loaded: number,
  series: number,
) =>
  Effect.gen(function* () {
    const { count } = yield* KeptBars
    const whole = series === 1 ? "" : `; ${loaded} of ${LoadText.amount(series, "series")} loaded`
    yield* Output.note(
      `Interrupted; kept: ${LoadText.amount(count, "bar")}${whole}\n` +
        `Continue with: ${program} ${Shell.join(LoadText.continuation(mode, words))}`,
    )
  })
