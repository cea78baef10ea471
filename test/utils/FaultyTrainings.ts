/** Trainings at training hosts, through faults, and what is wrong with what they come to. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as HostConfig from "../../src/HostConfig.js"
import * as RemoteTrainer from "../../src/hosts/training/RemoteTrainer.js"
import { TrainingSession } from "../../src/hosts/training/TrainingSession.js"
import * as Http from "../../src/node/Http.js"
import * as Main from "../../src/node/Main.js"
import * as TrainingHost from "../../src/node/TrainingHost.js"
import * as OperationStore from "../../src/OperationStore.js"
import * as Weights from "../../src/training/Network/Weights.js"
import type * as LocalTrainer from "../../src/training/Trainer/Local.js"
import { type Event, type Job, type Trained, Trainer } from "../../src/training/Trainer.js"
import * as FaultCases from "./FaultCases.js"
import * as TrainerJobs from "./TrainerJobs.js"

/** The longest that a training may take through faults: eight calls one after another, its work, and its release. */
const within = 8 * FaultCases.deadline + 8000

/** A few that are short, with other rows for every one of fifty and other weights for each. */
const jobOf = ({ random, seed }: FaultCases.Case): TrainerJobs.Recorded =>
  TrainerJobs.make(
    random.number() < 0.3
      ? { rows: 3000 + (seed % 50), training: { epochs: 2, seed } }
      : { rows: 500 + (seed % 50), training: { epochs: 4 + (seed % 20), seed } },
  )

/**
 * Trains cases at one of two hosts or at both, each compared with the same steps in this process; `program` is that of the
 * hosts' threads.
 */
export const make = (program: URL) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const homes = yield* Effect.replicateEffect(fs.makeTempDirectoryScoped({ prefix: "ktrdr-faults-" }), 2)
    const trainer = { keepEpochsEvery: 0, reportEvery: 0, program }
    const urls = yield* Effect.forEach(homes, (directory) => serve(directory, trainer))
    const hosts = urls.map((url): FaultCases.Host => ({ port: Number(new URL(url).port) }))

    const one = (seed: number): Effect.Effect<FaultCases.Verdict, unknown> =>
      Effect.gen(function* () {
        const it = yield* FaultCases.make(seed, hosts, { longest: 800 })
        const recorded = jobOf(it)
        const truth = TrainerJobs.expected(recorded.job)
        const events: Array<Event> = []
        const began = performance.now()
        const ended = yield* FaultCases.run(it, within, train(it.client, recorded.job, events))
        const millis = performance.now() - began
        const judged = FaultCases.judge(it, ended)
        const befell = FaultCases.befell(it)
        if (Option.isNone(ended)) return { kind: "training", seed, ...judged, befell, millis } as const
        const flaws = [...judged.flaws]
        const epochs = events.flatMap((event) => (event._tag === "Epoch" ? [event.report.epoch] : []))
        if (epochs.some((epoch, index) => index > 0 && epoch <= epochs[index - 1]!)) {
          flaws.push({ flaw: "doubled", found: `epochs ${epochs.join(" ")}` })
        }
        if (Exit.isSuccess(ended.value)) {
          if (!isSame(events, truth)) flaws.push({ flaw: "lost", found: "it came to other weights" })
        } else {
          const told = recorded.released.map(({ _tag }) => _tag).join(" ")
          const isBegun = it.proxies.some(({ counts }) => counts.opened > 0)
          if (judged.ended === "cancelled" && isBegun && !/^(Stopped|Unconfirmed)$/.test(told)) {
            flaws.push({ flaw: "lost", found: `it was let go as ${JSON.stringify(told)}` })
          }
          const rest: Array<Event> = []
          const again = TrainerJobs.again(recorded)
          yield* train({ baseUrl: urls.join(",") }, again.job, rest)
          if (!isSame(rest, truth)) {
            flaws.push({ flaw: "lost", found: "it came to other weights when it went on without faults" })
          }
        }
        return { kind: "training", seed, ...judged, befell, flaws, millis } as const
      }).pipe(Effect.scoped)

    /** The seeds of trainings that a host ran more often than they were started; each is started once more at most. */
    const doubleStarts: Effect.Effect<ReadonlyArray<string>> = Effect.map(
      Effect.forEach(homes, sessionsOf),
      (all) =>
        all.flatMap((sessions) => sessions.filter((session, index) => sessions.indexOf(session) !== index)),
    )
    return { one, doubleStarts }
  })

// ---------------------------------------------------------------------------------------------------------

const serve = (directory: string, trainer: LocalTrainer.Options) =>
  TrainingHost.layer({ directory, strategies: [], maxSessions: 1000, trainer }).pipe(
    Layer.provideMerge(Http.layer({ host: "127.0.0.1", port: 0 })),
    Layer.build,
    Effect.flatMap((served) => Effect.provide(Http.url, served)),
  )

const train = (client: HostConfig.Options, job: Job, events: Array<Event>) =>
  Effect.flatMap(Layer.build(RemoteTrainer.layerHost(client)), (context) =>
    Stream.runForEach(Context.get(context, Trainer).train(job), (event) =>
      Effect.sync(() => void events.push(event)),
    ),
  ).pipe(Effect.scoped)

const isSame = (events: ReadonlyArray<Event>, truth: Trained): boolean => {
  const last = events.at(-1)
  if (last?._tag !== "Finished") return false
  const { history, weights } = last.trained
  return (
    Buffer.compare(Weights.encode(weights), Weights.encode(truth.weights)) === 0 &&
    JSON.stringify(history) === JSON.stringify(truth.history)
  )
}

/** The sessions of all operations that a host has recorded. */
const sessionsOf = (home: string) =>
  Effect.gen(function* () {
    const records = yield* OperationStore.OperationStore
    const sessions: Array<string> = []
    for (let offset = 0; ; offset += OperationStore.maxLimit) {
      const page = yield* records.list({
        kind: TrainingSession.kind,
        limit: OperationStore.maxLimit,
        offset,
      })
      for (const { id } of page.operations) {
        const record = Option.getOrThrow(yield* records.get(id))
        sessions.push((record.payload as { readonly session: string }).session)
      }
      if (page.operations.length < OperationStore.maxLimit) return sessions
    }
  }).pipe(Effect.orDie, Effect.provide(Main.layerRecordsOf(Main.layerDatabaseAt(home))))
