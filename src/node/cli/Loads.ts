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
import type { OperationError } from "../../OperationError.js"
import { KeptBars } from "../KeptBars.js"
import * as Loading from "../Loading.js"
import type * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as TerminalProgress from "../TerminalProgress.js"
import { Incomplete } from "./Failure.js"
import * as Kept from "./Kept.js"
import * as LoadTable from "./LoadTable.js"
import * as LoadText from "./LoadText.js"
import * as OperationId from "./OperationId.js"
import * as Shell from "./Shell.js"

export interface Shown {
  readonly json: boolean
  readonly noProgress: boolean
}

export interface Options extends Shown {
  /** The mode in which the words that were typed load. */
  readonly mode: LoadMode
  /** As one operation that loads many series, however few there are. */
  readonly together?: boolean
}

type Failing = Incomplete | Loading.Cancelled | OperationError | Output.OutputError

type Program = Effect.Effect<void, Failing, Output.Output | Main.Loads>

/**
 * Loads the series as an operation and reports on standard output: with `json` one line a series, in their order,
 * as soon as it and all before it are loaded; otherwise at the end. A load that is interrupted, here or by
 * somebody else's cancelling it, says what it kept and the commands that go on. Fails with `Incomplete` when a
 * series failed or gave segments up.
 */
export const run = (payloads: ReadonlyArray<Payload>, options: Options): Program =>
  Effect.gen(function* () {
    const { together = false } = options
    const id = yield* OperationId.make(Loading.kindOf(payloads, together))
    const { program, words } = yield* Shell.CommandLine
    const typed = `${program} ${Shell.join(LoadText.continuation(options.mode, words))}`
    const resuming = `${program} ${Shell.join(["operations", "resume", id])}`
    yield* follow((given) => Loading.run(payloads, { ...given, id, together }), {
      ...options,
      series: payloads.length,
      continuing: [typed, resuming],
    })
  })

/** What is followed: so many series, and the commands that go on when it is cut short. */
export interface Followed extends Shown {
  readonly series: number
  readonly continuing: ReadonlyArray<string>
  /** Options for the commands that are printed: those that were typed, where left out. */
  readonly carried?: ReadonlyArray<string>
}

/** Shows a load that `start` starts, as `run` does. */
export const follow = <R>(
  start: (
    options: Loading.Options,
  ) => Effect.Effect<ReadonlyArray<Loading.Outcome>, Loading.Cancelled | OperationError, R>,
  options: Followed,
): Effect.Effect<void, Failing, Output.Output | KeptBars | R> =>
  Effect.gen(function* () {
    const { series } = options
    const began = yield* Clock.currentTimeMillis
    const { words } = yield* Shell.CommandLine
    const { carried = Shell.carried(words, ["--host", "--calendar", "--pacing"]) } = options
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
            Effect.zipRight(note(outcome, series)),
            Effect.provideService(Output.Output, output),
            Effect.catchAll((error) => Deferred.fail(broken, error)),
          )
        : Effect.void
    const outcomes = yield* TerminalProgress.make({ json: options.json, silent: options.noProgress }).pipe(
      Effect.flatMap((observer) => start({ observer })),
      Effect.provideService(LoadMany.Listener, { settled, told }),
      unless(Deferred.await(broken)),
      Effect.scoped,
      Effect.tapErrorTag("Cancelled", ({ record }) =>
        sayKept(`Cancelled, ${record.cancellation?.reason ?? "from inside"}`, loaded, options),
      ),
      Effect.onInterrupt(() => sayKept("Interrupted", loaded, options)),
    )
    const elapsed = (yield* Clock.currentTimeMillis) - began
    yield* options.json ? conclude(outcomes, carried) : tell(outcomes, { json: false, elapsed, carried })
  })

/** What the reports of loads that have ended need to know besides. */
export interface Told {
  readonly json: boolean
  /** How long all of it took, in milliseconds. */
  readonly elapsed: number
  /** Options for the commands that are printed. */
  readonly carried: ReadonlyArray<string>
}

/** Reports on loads of which all have ended. Fails with `Incomplete` when one failed or gave segments up. */
export const tell = (
  outcomes: ReadonlyArray<Loading.Outcome>,
  { carried, elapsed, json }: Told,
): Effect.Effect<void, Incomplete | Output.OutputError, Output.Output> =>
  Effect.gen(function* () {
    for (const outcome of outcomes) {
      if (json) yield* Output.line(jsonLine(outcome))
      yield* note(outcome, outcomes.length)
    }
    const text = json ? "" : LoadTable.text(outcomes, { elapsed, carried, command: yield* Shell.typed() })
    if (text !== "") yield* Output.line(text)
    yield* conclude(outcomes, carried)
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

/** Says how to load again what failed. */
const conclude = (
  outcomes: ReadonlyArray<Loading.Outcome>,
  carried: ReadonlyArray<string>,
): Effect.Effect<void, Incomplete, Output.Output> =>
  Effect.gen(function* () {
    const command = yield* Shell.typed()
    const again = outcomes.length === 1 ? [] : LoadTable.retries(outcomes, carried)
    for (const words of again) yield* Output.note(`Load what failed with: ${command(words)}`)
    if (!outcomes.every(isDone)) return yield* new Incomplete()
  })

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

const sayKept = (what: string, loaded: number, { series, continuing }: Followed) =>
  Effect.gen(function* () {
    const { count } = yield* KeptBars
    const whole = series === 1 ? "" : `; ${loaded} of ${LoadText.amount(series, "series")} loaded`
    yield* Kept.say(what, `kept: ${LoadText.amount(count, "bar")}${whole}`, continuing)
  })
