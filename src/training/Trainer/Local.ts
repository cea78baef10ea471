/**
 * Trains in a thread of this process, one for each training, so that the process goes on answering meanwhile.
 *
 * The thread is Node's own, not a worker of @effect/platform: that one drops what a worker says once its reader was
 * interrupted, where the last state comes, waits for ever for one that dies before it is ready, and gives one that
 * does not end five seconds.
 */
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"
import { Worker } from "node:worker_threads"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Stretches from "../Stretches.js"
import * as Trainer from "../Trainer.js"
import { TrainingError } from "../TrainingError.js"
import { type Message, type Orders, Signal } from "./WorkerMessage.js"

export interface Options {
  /** How long a thread may take to end by itself once it was asked to; 2 seconds by default. */
  readonly stopWithin?: Duration.DurationInput
  /** The least time between two `Batch` events; 100 milliseconds by default. */
  readonly reportEvery?: Duration.DurationInput
  /** The least time between snapshots that are taken where an epoch ends, a second by default, and inside of one, 5. */
  readonly keepEpochsEvery?: Duration.DurationInput
  readonly keepBatchesEvery?: Duration.DurationInput
  /** The program of the thread; the one of this package by default. */
  readonly program?: URL
}

export const layer = (options: Options = {}): Layer.Layer<Trainer.Trainer> =>
  Layer.succeed(Trainer.Trainer, make(options))

export const make = (options: Options = {}): Trainer.Service => {
  const stopWithin = Duration.toMillis(options.stopWithin ?? "2 seconds")
  const pace = {
    reports: Duration.toMillis(options.reportEvery ?? "100 millis"),
    epochSnapshots: Duration.toMillis(options.keepEpochsEvery ?? "1 second"),
    batchSnapshots: Duration.toMillis(options.keepBatchesEvery ?? "5 seconds"),
  }

  const train = Effect.fnUntraced(function* (job: Trainer.Job) {
    const rows = Trainer.rowsOf(job)
    const turns = Stretches.turns()
    const orders: Orders = {
      settings: { model: job.strategy.model, training: job.strategy.training },
      rows: { ...rows, x: yield* shared(turns, rows.x), y: yield* shared(turns, rows.y) },
      parts: job.dataset.parts,
      overlap: job.strategy.labels.lookahead,
      from: job.from,
      pace,
      signal: new Int32Array(new SharedArrayBuffer(4)),
    }
    const snapshots = yield* Mailbox.make<Trainer.Snapshot>({ capacity: 1, strategy: "sliding" })
    const keeper = yield* Effect.forkScoped(Stream.runForEach(Mailbox.toStream(snapshots), job.keep))
    const thread = yield* Effect.acquireRelease(
      start(orders, options.program, snapshots),
      Effect.fnUntraced(function* (thread, exit) {
        const isOver = yield* Deferred.isDone(thread.outcome)
        const release = isOver
          ? releaseOf(yield* Effect.exit(Deferred.await(thread.outcome)))
          : yield* stop(thread, orders.signal, stopWithin)
        yield* Fiber.await(keeper)
        if (!isOver || Exit.isInterrupted(exit)) yield* job.released(release)
      }),
    )
    const result = Effect.zipRight(Fiber.join(keeper), Deferred.await(thread.outcome))
    return Stream.concat(
      Stream.mapConcat(Mailbox.toStream(thread.reports), eventsOf),
      Stream.fromEffect(Effect.map(result, (trained) => Trainer.Event.Finished({ trained }))),
    )
  })

  return { where: { kind: "local" }, train: (job) => Stream.unwrapScoped(train(job)) }
}

// ---------------------------------------------------------------------------------------------------------

type Report = Extract<Message, { readonly _tag: "Report" }>

interface Thread {
  readonly worker: Worker
  /** Ends with the thread. */
  readonly reports: Mailbox.ReadonlyMailbox<Report>
  /** There once the thread has ended; interrupted where it ended because it was told to. */
  readonly outcome: Deferred.Deferred<Trainer.Trained, TrainingError>
}

/** Starts a thread, whose snapshots go into the mailbox until it ends. */
const start = Effect.fnUntraced(function* (
  workerData: Orders,
  program: URL | undefined,
  snapshots: Mailbox.Mailbox<Trainer.Snapshot>,
): Effect.fn.Return<Thread, TrainingError> {
  const reports = yield* Mailbox.make<Report>()
  const outcome = yield* Deferred.make<Trainer.Trained, TrainingError>()
  const worker = yield* Effect.try({
    try: () => launch(program ?? beside, workerData),
    catch: (cause) => died("before its first batch", cause),
  })
  let place = "before its first batch"
  let said: Exit.Exit<Trainer.Trained, TrainingError> | undefined
  worker.on("message", (message: Message) => {
    switch (message._tag) {
      case "Report": {
        if (message.batch !== null) place = `epoch ${message.batch.epoch} batch ${message.batch.batch}`
        reports.unsafeOffer(message)
        break
      }
      case "Kept":
        snapshots.unsafeOffer(message.snapshot)
        break
      case "Finished":
        said = Exit.succeed(message.trained)
        break
      case "Failed":
        said = Exit.fail(decodeError(message.error))
        break
    }
  })
  const fail = (cause: unknown): void => {
    said ??= Exit.fail(died(place, cause))
  }
  worker.on("error", fail)
  worker.on("messageerror", fail)
  worker.on("exit", (code) => {
    const isStopped = code === 0 && Atomics.load(workerData.signal, 0) === Signal.stopping
    if (!isStopped) fail(`it ended with code ${code}`)
    Deferred.unsafeDone(outcome, Exit.isExit(said) ? said : Exit.interrupt(FiberId.none))
    snapshots.unsafeDone(Exit.void)
    reports.unsafeDone(Exit.void)
  })
  return { worker, reports, outcome }
})

/** Sees to it that a thread ends: by itself if it does so in time. A thread that has not begun never does. */
const stop = Effect.fnUntraced(function* ({ worker, outcome }: Thread, signal: Int32Array, within: number) {
  const asked = yield* Clock.currentTimeMillis
  const terminate = Effect.promise(() => worker.terminate())
  if (Atomics.exchange(signal, 0, Signal.stopping) === Signal.starting) {
    yield* terminate
    return Trainer.Release.Stopped()
  }
  const ended = yield* Effect.timeoutOption(
    Effect.exit(Effect.interruptible(Deferred.await(outcome))),
    within,
  )
  yield* terminate
  return Option.isSome(ended)
    ? releaseOf(ended.value)
    : Trainer.Release.Terminated({ afterMillis: (yield* Clock.currentTimeMillis) - asked })
})

/** Of a thread that has ended: one that broke has not said what it had come to. */
const releaseOf = (ended: Exit.Exit<unknown, TrainingError>): Trainer.Release => {
  const hasKept =
    Exit.isSuccess(ended) ||
    Exit.isInterrupted(ended) ||
    Option.exists(Cause.failureOption(ended.cause), ({ reason }) => reason === "NotFinite")
  return hasKept ? Trainer.Release.Stopped() : Trainer.Release.NotKept()
}

const eventsOf = ({ epochs, batch }: Report): ReadonlyArray<Trainer.Event> => [
  ...epochs.map((report) => Trainer.Event.Epoch({ report })),
  ...(batch === null ? [] : [Trainer.Event.Batch(batch)]),
]

/** The numbers where a thread can read them; the array stays as it is. */
const shared = <Numbers extends Float32Array | Uint8Array>(
  turns: Stretches.Turns,
  numbers: Numbers,
): Effect.Effect<Numbers> => {
  const memory = new SharedArrayBuffer(numbers.byteLength)
  const copy = (
    numbers instanceof Float32Array ? new Float32Array(memory) : new Uint8Array(memory)
  ) as Numbers
  return Effect.as(
    Stretches.run(turns, {
      rows: numbers.length,
      stretch: copied,
      fill: (from, to) => copy.set(numbers.subarray(from, to), from),
    }),
    copy,
  )
}

/** How many numbers are copied in a millisecond or two. */
const copied = 1_000_000

const own = import.meta.url
const beside = new URL(own.endsWith(".ts") ? "./Worker.ts" : "./Worker.js", own)

/**
 * With none of the arguments that this process was started with: some of them, `--input-type` say, no thread takes.
 * Node does not run TypeScript: where the sources are, what does is set up in the thread before its program.
 */
const launch = (program: URL, workerData: Orders): Worker => {
  if (!program.pathname.endsWith(".ts")) return new Worker(program, { workerData, execArgv: [] })
  const tsx = pathToFileURL(
    createRequire(own)
      .resolve("tsx/esm/api")
      .replace(/\.cjs$/, ".mjs"),
  )
  const loaded = `import(${JSON.stringify(tsx.href)}).then(({ register }) => {
    register()
    return import(${JSON.stringify(program.href)})
  })`
  return new Worker(loaded, { workerData, execArgv: [], eval: true })
}

const decodeError = Schema.decodeSync(TrainingError)

const died = (place: string, cause: unknown): TrainingError => {
  const isOutOfMemory = cause instanceof Error && "code" in cause && cause.code === "ERR_WORKER_OUT_OF_MEMORY"
  return new TrainingError({
    reason: "TrainerFailed",
    place: `training thread, ${place}`,
    expected: "a thread that trains to the end",
    found: isOutOfMemory ? "too little memory" : cause instanceof Error ? cause.message : String(cause),
    advice: isOutOfMemory
      ? "Give Node more memory (NODE_OPTIONS=--max-old-space-size=8192), or train a smaller model"
      : "Resume the training; what was kept is not lost",
    cause,
  })
}
