/**
 * Work that a host does for a client: started, followed to its end, and stopped by whoever leaves before.
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Options as CallOptions, HostClient } from "./HostClient.js"
import { HostError } from "./HostError.js"
import * as HostFailure from "./internal/hostFailure.js"

/** How the work was left: the host says that nothing of it runs any more, or nobody knows. */
export type Release = Data.TaggedEnum<{
  Confirmed: {}
  Unconfirmed: {
    /** The host, and what the work is called there. */
    readonly url: string
    readonly id: string
    /** Why it is not known; `undefined` where no answer came in time. */
    readonly error: HostError | undefined
  }
}>
export const Release = Data.taggedEnum<Release>()

/** Of the call that starts: it is sent once where another host could take the work. */
export type Starting = Pick<CallOptions, "attempts">

export interface Job<A, E, R> {
  /** Chosen by the client, so that it can stop what it never got an answer about. */
  readonly id: string
  /**
   * May be repeated: the host takes the same `id` for the same work. Its last call is the one that starts, and says
   * what `starting` does.
   */
  readonly start: (host: HostClient, starting: Starting) => Effect.Effect<void, HostError | E, R>
  /** Ends when the work is over. */
  readonly follow: (host: HostClient) => Stream.Stream<A, HostError | E, R>
  /** Succeeds once the host says that the work has ended, or that it knows none. */
  readonly stop: (host: HostClient) => Effect.Effect<unknown, HostError | E, R>
}

export interface Options<E> {
  /** The longest that a release takes, default 4 seconds. */
  readonly stopWithin?: Duration.DurationInput | undefined
  /**
   * Told once how work was left that had not come to its end, before an interruption is over: `Confirmed` only if
   * every host has confirmed where it may have been started.
   */
  readonly released?: ((release: Release) => Effect.Effect<void>) | undefined
  /** True of an error that says that the host is lost; by default of a `HostError` that tells of no answer. */
  readonly isLost?: ((error: HostError | E) => boolean) | undefined
}

/** True of an error that says that the host is lost: there was no answer, or none was asked for. */
export const tellsOfNoAnswer = (error: unknown): boolean =>
  error instanceof HostError &&
  (error.reason === "DeadlineExceeded" ||
    HostFailure.isUntried(error) ||
    HostFailure.verdict(error) === "failed")

/** True of an error of a start that left nothing: the host has said no to the first attempt, or was never asked. */
export const isRefusal = ({ attempts, status = 0 }: HostError): boolean =>
  attempts === 0 || (attempts === 1 && status >= 400 && status < 500)

/**
 * What comes of the work, from its start to its end. Whoever leaves before the end, by interruption, by a failure
 * or because it has had enough, leaves nothing that runs: the host is asked to stop from the moment on that a start
 * may have been sent, and `released` says whether it has.
 *
 * Where the host is lost and has further targets, the work is started and followed at the next one, and the lost
 * one is asked to stop meanwhile. Each target is taken once: one that has ended the work would not begin it anew
 * under its `id`, so that the URLs of a host must be those of different hosts. Fails as the job does, and with the
 * last error where no target is left. Whoever may still run when the work is over elsewhere is asked to stop again.
 */
export const run = <A, E, R>(
  client: HostClient,
  job: Job<A, E, R>,
  options: Options<E> = {},
): Stream.Stream<A, HostError | E, R> => {
  const stopWithin = Duration.decode(options.stopWithin ?? "4 seconds")
  const { isLost = tellsOfNoAnswer, released = () => Effect.void } = options
  return Stream.unwrapScoped(
    Effect.gen(function* () {
      const context = yield* Effect.context<R>()
      const sites: Array<Site<E>> = []
      let isOver = false

      const letGo = (site: Site<E>): Effect.Effect<Release> =>
        settled(site).pipe(
          Effect.flatMap((isKnown) => {
            const stop = job.stop(site.host)
            return isKnown ? stop : Effect.zipRight(stop, Effect.delay(stop, overtaking))
          }),
          Effect.provide(context),
          Effect.match({
            onSuccess: () => Release.Confirmed(),
            onFailure: (error) => unconfirmed(site, job.id, error instanceof HostError ? error : undefined),
          }),
          Effect.catchAllDefect((defect) =>
            Effect.as(
              Effect.logError(`${job.id} could not be stopped`, defect),
              unconfirmed(site, job.id, undefined),
            ),
          ),
          Effect.interruptible,
          Effect.timeoutTo({
            duration: stopWithin,
            onSuccess: (release) => release,
            onTimeout: () => unconfirmed(site, job.id, undefined),
          }),
        )

      /** Asks anew, for what was asked when the site was lost may hang, and takes whichever is confirmed. */
      const letGoAtLast = (site: Site<E>): Effect.Effect<Release> => {
        const { stopping } = site
        if (stopping === undefined) return letGo(site)
        return Effect.race(
          Effect.interruptible(Effect.flatMap(letGo(site), confirmedOnly)),
          Effect.interruptible(Effect.flatMap(Fiber.join(stopping), confirmedOnly)),
        ).pipe(Effect.catchAll(Effect.succeed), Effect.ensuring(Fiber.interrupt(stopping)))
      }

      const release = Effect.suspend(() => {
        const left = sites.filter((site) => site.mayRun).toReversed()
        if (left.length === 0) return Effect.void
        return Effect.flatMap(Effect.forEach(left, letGoAtLast, { concurrency: "unbounded" }), (releases) => {
          const doubtful = releases.filter(Release.$is("Unconfirmed"))
          return isOver
            ? Effect.forEach(doubtful, ({ url }) => warn(url, job.id), { discard: true })
            : released(doubtful[0] ?? Release.Confirmed())
        })
      })

      const turn = (site: Site<E>): Stream.Stream<A, HostError | E, R> =>
        Stream.execute(started(site, job, sites.length < client.targets.length ? { attempts: 1 } : {})).pipe(
          Stream.concat(Stream.suspend(() => job.follow(site.host))),
          Stream.concat(
            Stream.execute(
              Effect.sync(() => {
                site.mayRun = false
                isOver = true
              }),
            ),
          ),
          Stream.catchAll((error) =>
            isLost(error) ? Stream.unwrap(elsewhere(site, error)) : Stream.fail(error),
          ),
        )

      const elsewhere = (lost: Site<E>, error: HostError | E) =>
        Effect.gen(function* () {
          const host = yield* choose(client, sites)
          if (host === undefined) return Stream.fail(error)
          yield* Effect.logWarning(
            `${lost.host.url} is lost, ${job.id} goes on at ${host.url}: ${String(error)}`,
          )
          if (lost.mayRun) {
            lost.stopping = yield* Effect.forkDaemon(
              Effect.tap(letGo(lost), (release) => {
                lost.mayRun = Release.$is("Unconfirmed")(release)
              }),
            )
          }
          return turn(enter(sites, host))
        })

      yield* Effect.addFinalizer(() => release)
      const host = yield* choose(client, sites)
      return turn(enter(sites, host ?? client))
    }),
  )
}

// -----------------------------------------------------------------------------

/** A host where the work was started. */
interface Site<E> {
  readonly host: HostClient
  /** From the moment on that a start may have been sent, until the host says that it has ended. */
  mayRun: boolean
  starting: Fiber.RuntimeFiber<void, HostError | E> | undefined
  /** Asks it to stop since it was lost. */
  stopping: Fiber.RuntimeFiber<Release> | undefined
}

const enter = <E>(sites: Array<Site<E>>, host: HostClient): Site<E> => {
  const site = { host, mayRun: false, starting: undefined, stopping: undefined }
  sites.push(site)
  return site
}

/** The next target, one whose circuit is closed before others. */
const choose = <E>(
  client: HostClient,
  sites: ReadonlyArray<Site<E>>,
): Effect.Effect<HostClient | undefined> => {
  const left = client.targets.filter((host) => sites.every((site) => site.host !== host))
  return Effect.map(
    Effect.forEach(left, ({ stats }) => stats),
    (stats) => left.find((_, index) => stats[index]?.state === "closed") ?? left[0],
  )
}

/** The start goes on in a fiber of its own, which `settled` ends: cut off, nobody would know what came of it. */
const started = <A, E, R>(
  site: Site<E>,
  job: Job<A, E, R>,
  starting: Starting,
): Effect.Effect<void, HostError | E, R> =>
  Effect.uninterruptibleMask((restore) => {
    site.mayRun = true
    return Effect.flatMap(Effect.forkDaemon(restore(job.start(site.host, starting))), (fiber) => {
      site.starting = fiber
      return restore(Fiber.join(fiber))
    })
  }).pipe(
    Effect.tapError((error) =>
      Effect.sync(() => {
        if (error instanceof HostError && isRefusal(error)) site.mayRun = false
      }),
    ),
  )

/** Waits a little for a start that is under way, then cuts it off; whether it is known what came of it. */
const settled = <E>({ starting }: Site<E>): Effect.Effect<boolean> =>
  starting === undefined
    ? Effect.succeed(true)
    : Effect.flatMap(Effect.timeoutOption(Fiber.await(starting), patience), (exit) =>
        exit._tag === "Some" ? Effect.succeed(true) : Effect.as(Fiber.interrupt(starting), false),
      )

const patience = Duration.millis(500)

/** A start that was cut off may reach its host after the first stop, but not so long after it. */
const overtaking = Duration.millis(250)

const unconfirmed = <E>({ host }: Site<E>, id: string, error: HostError | undefined): Release =>
  Release.Unconfirmed({ url: host.url, id, error })

const confirmedOnly = (release: Release): Effect.Effect<Release, Release> =>
  Release.$is("Confirmed")(release) ? Effect.succeed(release) : Effect.fail(release)

const warn = (url: string, id: string): Effect.Effect<void> =>
  Effect.logWarning(`${id} came to its end elsewhere, but may still run at ${url}, which was lost`)
