/**
 * What reporting costs on a nested step with an observer attached: the synchronous advance, the advance as an
 * effect against `Effect.sync`, opening and closing a step, and cli-progress' own update beside them.
 */

import { Writable } from "node:stream"
import * as CliProgress from "cli-progress"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Progress from "../../src/Progress.js"
import { median, table } from "./measure.js"

const rounds = 15

/** Nanoseconds of one run of `work`, which repeats something `times` times. */
const timed = (times: number, work: () => void): number => {
  const start = process.hrtime.bigint()
  work()
  return Number(process.hrtime.bigint() - start) / times
}

/** A program of `times` equal effects one after another, built beforehand, so that only running it is timed. */
const chain = (effect: Effect.Effect<void>, times: number): Effect.Effect<void> => {
  let program = effect
  for (let index = 1; index < times; index++) program = Effect.zipRight(effect, program)
  return program
}

const sink = new Writable({ write: (_chunk, _encoding, done) => done() })

const cliProgress = (): number => {
  const bar = new CliProgress.SingleBar({ stream: sink as NodeJS.WriteStream, fps: 10, noTTYOutput: true })
  const times = 200_000
  bar.start(times, 0)
  const nanos = timed(times, () => {
    for (let index = 0; index < times; index++) bar.increment()
  })
  bar.stop()
  return nanos
}

/** Nanoseconds of one of the thousand effects of `program`, run `repeat` times. */
const run = (program: Effect.Effect<void>, repeat: number) =>
  Effect.gen(function* () {
    const start = process.hrtime.bigint()
    for (let index = 0; index < repeat; index++) yield* program
    return Number(process.hrtime.bigint() - start) / (repeat * 1000)
  })

const measure = Effect.gen(function* () {
  const step = yield* Progress.current
  const counter = { value: 0 }
  const sync = chain(
    Effect.sync(() => {
      counter.value++
    }),
    1000,
  )
  const advance = chain(Progress.advance(), 1000)
  const opened = chain(Effect.void.pipe(Progress.step("inner")), 1000)
  const samples = {
    plain: [] as Array<number>,
    ratio: [] as Array<number>,
    step: [] as Array<number>,
    cli: [] as Array<number>,
  }
  for (let round = 0; round < rounds; round++) {
    const times = 5_000_000
    samples.plain.push(
      timed(times, () => {
        for (let index = 0; index < times; index++) step.advance()
      }),
    )
    const base = yield* run(sync, 100)
    samples.ratio.push((yield* run(advance, 100)) / base)
    samples.step.push((yield* run(opened, 10)) / 1000)
    samples.cli.push(cliProgress())
    yield* Effect.sleep(0)
  }
  return {
    ns_per_advance: Number(median(samples.plain).toFixed(2)),
    effect_vs_sync: Number(median(samples.ratio).toFixed(2)),
    step_us: Number(median(samples.step).toFixed(2)),
    cli_progress_ns: Number(median(samples.cli).toFixed(0)),
  }
})

export const bench = Effect.gen(function* () {
  const result = yield* Progress.observe(measure.pipe(Progress.step("deep"), Progress.step("outer")), {
    observer: () => Effect.void,
  })
  yield* Console.log(
    table([
      ["what", "measured", "to reach"],
      ["synchronous advance, ns", String(result.ns_per_advance), "<= 25"],
      ["advance as an effect / Effect.sync", String(result.effect_vs_sync), "<= 1.5"],
      ["a step opened and closed, us", String(result.step_us), "<= 8"],
      ["cli-progress increment, ns", String(result.cli_progress_ns), ""],
    ]),
  )
  yield* Console.log(JSON.stringify({ bench: "progress", ...result }))
})
