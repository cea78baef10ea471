/**
 * A training as the session of a host: how it is started there, followed to its model, and stopped.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { HostClient } from "../../HostClient.js"
import type { HostError } from "../../HostError.js"
import * as HostFollow from "../../HostFollow.js"
import * as HostJob from "../../HostJob.js"
import { breathe } from "../../internal/breathe.js"
import { sha256 } from "../../internal/sha256.js"
import * as Handed from "../../training/Dataset/Handed.js"
import * as Weights from "../../training/Network/Weights.js"
import * as Network from "../../training/Network.js"
import { show } from "../../training/Receipt/Sha256.js"
import * as Trainer from "../../training/Trainer.js"
import type { TrainingError } from "../../training/TrainingError.js"
import * as TrainingRun from "../../training/TrainingRun.js"
import { handOver } from "./HandOver.js"
import * as SessionStatus from "./SessionStatus.js"
import * as StartOrder from "./StartOrder.js"
import * as TrainingFailure from "./TrainingFailure.js"
import * as TrainingHostApi from "./TrainingHostApi.js"

/** What a session came to: a model, or why there is none. */
export type Outcome = Either.Either<Trainer.Trained, TrainingError>

export interface RemoteSession extends HostJob.Job<Trainer.Event, TrainingError, never> {
  /** There once the session is over and was followed to its end. */
  readonly outcome: () => Outcome | undefined
  /** The host that it was started at last, if there is one. */
  readonly url: () => string | undefined
  /** A host where it may have been started that has not said that it has ended, if there is one. */
  readonly mayRunAt: () => string | undefined
  /** Whether all is kept that the host has that it was started at last, where that hands out anything. */
  readonly isKept: () => boolean
  /** True of an error after which the next host may go on. */
  readonly isLost: (error: HostError | TrainingError) => boolean
}

export interface Options {
  /** Of the trainer, which may be several. */
  readonly url: string
  /** Where hosts of KTRDR have their strategy files. */
  readonly strategies: string
}

/** The session of a job that can be trained; its name is that of the operation. */
export const make = (
  job: Trainer.Job,
  { architecture, history, position }: TrainingRun.Outlook,
  { strategies, url }: Options,
): RemoteSession => {
  const { operation: id, strategy } = job
  const rows = Trainer.rowsOf(job)
  const settings = { model: strategy.model, training: strategy.training }
  const batchSize = strategy.training.batch_size
  const sites = new Map<string, Site>()
  let newest: Trainer.Snapshot | undefined =
    job.from === undefined || position === undefined ? undefined : { state: job.from.state, position }
  /** The epochs of what was kept of this run, which those who listen may not have been told of yet. */
  let reached = history
  let told: SessionStatus.Told = { ...SessionStatus.nothing, epoch: history.at(-1)?.epoch ?? 0 }
  let last: string | undefined
  let outcome: Outcome | undefined
  let sentAway: TrainingError | undefined

  const handedOver = Effect.fnUntraced(function* (host: HostClient) {
    const dataset = yield* Effect.flatMap(Handed.encode(job.dataset), (bytes) => handOver(host, bytes))
    if (newest === undefined) return { dataset, state: null }
    const { state, position } = newest
    return { dataset, state: { sha256: yield* handOver(host, state), position: positionOf(position) } }
  })

  const start = Effect.fnUntraced(function* (
    host: HostClient,
    starting: HostJob.Starting,
  ): Effect.fn.Return<void, HostError | TrainingError> {
    last = host.url
    const { service, capabilities } = yield* host.get(TrainingHostApi.paths.root, {
      response: TrainingHostApi.Root,
    })
    if (!/train/i.test(service)) return yield* TrainingFailure.otherService(service, host.url)
    const can = new Set(capabilities)
    const isOwn = can.has("datasets") && can.has("result")
    const site: Site = { isOwn, can, serial: -1, hasEnded: false, isKept: !isOwn }
    const body = site.isOwn
      ? StartOrder.own(job, yield* handedOver(host))
      : StartOrder.deployed(job, strategies)
    if (!site.isOwn) {
      yield* Effect.logWarning(
        `${host.url} hands out no model: it trains session ${id} from bars of its own, and keeps what comes of it`,
      )
    }
    sites.set(host.url, site)
    yield* host
      .post(TrainingHostApi.paths.start, {
        response: TrainingHostApi.StartAnswer,
        body,
        bodySchema: TrainingHostApi.StartRequest,
        idempotencyKey: id,
        idempotent: true,
        ...starting,
      })
      .pipe(
        Effect.catchIf(
          (error) => !site.isOwn && TrainingFailure.meaning(error)._tag === "Taken",
          () => Effect.void,
        ),
        Effect.tapError((error) =>
          Effect.sync(() => {
            site.hasEnded = HostJob.isRefusal(error)
          }),
        ),
      )
  })

  /** Keeps the newest checkpoint that the host has, if it has one. */
  const keepNewest = Effect.fnUntraced(function* (host: HostClient) {
    const place = TrainingFailure.place(host.url, id)
    const path = TrainingHostApi.path(TrainingHostApi.paths.checkpoint, id)
    const state = yield* host.bytes("GET", path)
    const outlook = breathe(() =>
      TrainingRun.outlook(rows, settings, { state, place: `checkpoint of ${place}` }),
    )
    const { history, position } = yield* Effect.flatten(outlook)
    if (position === undefined) return
    reached = history
    const snapshot = { state, position: positionOf(position) }
    newest = snapshot
    yield* Effect.uninterruptible(job.keep(snapshot))
  })

  let hasWarned = false
  const notKept = (error: HostError | TrainingError): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (hasWarned || (error._tag === "HostError" && error.status === 404)) return Effect.void
      hasWarned = true
      return Effect.logWarning(`A checkpoint of the training host was not kept: ${error.message}`)
    })

  /**
   * A host that cannot be reached is found out; one that has none to give, or is slow to, costs a warning, for a
   * later status has another.
   */
  const keepIfNew = (
    host: HostClient,
    site: Site,
    { ktrdr }: SessionStatus.SessionStatus,
  ): Effect.Effect<void, HostError> =>
    Effect.suspend(() => {
      const serial = ktrdr?.checkpoint?.serial ?? -1
      if (serial <= site.serial) return Effect.void
      site.serial = serial
      return Effect.catchAll(keepNewest(host), (error) =>
        error._tag === "HostError" && error.status === undefined && !isOfThisOne.has(error.reason)
          ? Effect.fail(error)
          : notKept(error),
      )
    })

  /** What a session that has ended leaves is kept, if it leaves something. */
  const keepLast = (host: HostClient, site: Site): Effect.Effect<void> =>
    Effect.catchAll(keepNewest(host), (error) =>
      error._tag === "HostError" && error.status === 404
        ? Effect.void
        : Effect.zipRight(notKept(error), Effect.fail("not kept")),
    ).pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          site.isKept = true
        }),
      ),
      Effect.ignore,
    )

  const trained = Effect.fnUntraced(function* (host: HostClient): Effect.fn.Return<Outcome, HostError> {
    const place = `result of ${TrainingFailure.place(host.url, id)}`
    const { trained } = yield* host.get(TrainingHostApi.path(TrainingHostApi.paths.result, id), {
      response: TrainingHostApi.ResultAnswer,
    })
    const bytes = yield* host.bytes("GET", TrainingHostApi.path(TrainingHostApi.paths.weights, id))
    const hash = yield* sha256(bytes)
    return Either.gen(function* () {
      if (hash !== trained.weights.sha256) {
        const found = `${bytes.length} bytes of ${show(hash)}`
        const expected = `${trained.weights.bytes} bytes of ${show(trained.weights.sha256)}`
        return yield* Either.left(TrainingFailure.wrongModel(place, expected, found))
      }
      const weights = yield* Weights.decode(bytes, place)
      if (!isSame(weights.architecture, architecture)) {
        const [found, expected] = [weights.architecture, architecture].map((one) => JSON.stringify(one))
        return yield* Either.left(TrainingFailure.wrongModel(place, expected!, found!))
      }
      const { reason, epochs, best_epoch: bestEpoch, history, metrics } = trained
      const where = host.url === url ? {} : { where: { kind: "host", url: host.url } as const }
      return { reason, epochs, bestEpoch, weights, history, metrics, ...where }
    })
  })

  /** What comes of a session that is over. */
  const outcomeOf = (
    host: HostClient,
    { isOwn }: Site,
    { error, ktrdr, status }: SessionStatus.SessionStatus,
  ): Effect.Effect<Outcome, HostError> => {
    const where = TrainingFailure.place(host.url, id)
    switch (SessionStatus.phase(status)) {
      case "failed":
        return Effect.succeed(
          Either.left(TrainingFailure.failed(ktrdr?.error ?? undefined, error ?? undefined, where)),
        )
      case "stopped":
        return Effect.succeed(Either.left(TrainingFailure.stopped(where, error ?? undefined)))
      default:
        return isOwn ? trained(host) : Effect.succeed(Either.left(TrainingFailure.withoutModel(where)))
    }
  }

  /** What a status says that is to be fetched. */
  const takeIn = Effect.fnUntraced(function* (
    host: HostClient,
    site: Site,
    status: SessionStatus.SessionStatus,
  ): Effect.fn.Return<void, HostError | TrainingError> {
    if (status.ktrdr?.stopped_by === "host" && SessionStatus.phase(status.status) === "stopped") {
      yield* keepLast(host, site)
      sentAway = TrainingFailure.stopped(TrainingFailure.place(host.url, id), status.error ?? undefined)
      return yield* sentAway
    }
    yield* keepIfNew(host, site, status)
    if (isOver(status)) outcome = yield* outcomeOf(host, site, status)
  })

  const follow = (host: HostClient): Stream.Stream<Trainer.Event, HostError | TrainingError> => {
    const site = sites.get(host.url)
    if (site === undefined) return Stream.empty
    const [next, before] = SessionStatus.tellEpochs(told, reached)
    told = next
    const statuses = HostFollow.follow(host, {
      status: TrainingHostApi.path(TrainingHostApi.paths.status, id),
      events: site.can.has("events") ? TrainingHostApi.path(TrainingHostApi.paths.events, id) : undefined,
      response: SessionStatus.SessionStatus,
      isOver,
      query: (last) => (site.isOwn ? { epochs_from: last?.ktrdr?.epochs_total ?? 0 } : undefined),
    }).pipe(
      Stream.flatMap((status) => {
        const [next, events] = SessionStatus.tell(told, status, { batchSize })
        told = next
        site.hasEnded = isOver(status)
        return Stream.concat(Stream.fromIterable(events), Stream.execute(takeIn(host, site, status)))
      }),
    )
    return Stream.concat(Stream.fromIterable(before), statuses)
  }

  const stop = Effect.fnUntraced(function* (host: HostClient): Effect.fn.Return<void, HostError> {
    const site = sites.get(host.url)
    if (site === undefined) return
    if (!site.hasEnded) {
      site.hasEnded = yield* host
        .post(TrainingHostApi.paths.stop, {
          response: TrainingHostApi.StopAnswer,
          body: { session_id: id, save_checkpoint: true },
          bodySchema: TrainingHostApi.StopRequest,
          idempotent: true,
          urgent: true,
        })
        .pipe(
          Effect.as(true),
          Effect.catchIf(saysEnded, (error) => Effect.succeed(site.isOwn || !isUnknown(error))),
        )
    }
    if (!site.isKept && host.url === last) yield* keepLast(host, site)
  })

  return {
    id,
    start,
    follow,
    stop,
    outcome: () => outcome,
    url: () => last,
    mayRunAt: () => [...sites].find(([, { hasEnded }]) => !hasEnded)?.[0],
    isKept: () => last === undefined || (sites.get(last)?.isKept ?? true),
    isLost: (error) => error === sentAway || HostJob.tellsOfNoAnswer(error) || TrainingFailure.isBusy(error),
  }
}

// ---------------------------------------------------------------------------------------------------------

/** A host that the session may have been started at. */
interface Site {
  /** Whether it is of ktrdr: takes rows, and hands out checkpoints and the model. */
  readonly isOwn: boolean
  /** What it says that it can. */
  readonly can: ReadonlySet<string>
  /** Of the newest checkpoint that was seen. */
  serial: number
  hasEnded: boolean
  /** What it had when it ended is kept, or there is nothing to keep. */
  isKept: boolean
}

/** Of a checkpoint, and not of the host. */
const isOfThisOne: ReadonlySet<HostError["reason"]> = new Set([
  "TooLarge",
  "AttemptTimeout",
  "DeadlineExceeded",
] as const)

const isSame = Schema.equivalence(Network.Architecture)

const isOver = ({ status }: SessionStatus.SessionStatus): boolean => SessionStatus.phase(status) !== "running"

const isUnknown = (error: HostError): boolean => TrainingFailure.meaning(error)._tag === "UnknownSession"

/** A refusal to stop what does not run any more, or is not known. */
const saysEnded = (error: HostError): boolean => {
  const meaning = TrainingFailure.meaning(error)
  return meaning._tag === "NotRunning" ? SessionStatus.phase(meaning.status) !== "running" : isUnknown(error)
}

const positionOf = ({
  epoch,
  phase,
  cursor,
}: Trainer.Snapshot["position"]): Trainer.Snapshot["position"] => ({
  epoch,
  phase,
  cursor,
})
