/**
 * Trains at a training host service over HTTP: ktrdr's own host, which comes to the same bytes as this process would,
 * or KTRDR's as it is deployed, which trains and hands out no model.
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as HostClient from "../../HostClient.js"
import * as HostConfig from "../../HostConfig.js"
import type { HostError } from "../../HostError.js"
import * as HostJob from "../../HostJob.js"
import { breathe } from "../../internal/breathe.js"
import * as Trainer from "../../training/Trainer.js"
import type { TrainingError } from "../../training/TrainingError.js"
import * as TrainingRun from "../../training/TrainingRun.js"
import * as RemoteSession from "./RemoteSession.js"
import * as TrainingFailure from "./TrainingFailure.js"

/** The client of the training host. */
export class TrainingHost extends HostClient.Tag("training")<TrainingHost>() {}

/** Where the host listens unless told otherwise. */
export const defaultUrl = "http://127.0.0.1:5002"

export interface Options {
  /** Where hosts of KTRDR have their strategy files; `strategies` by default. */
  readonly strategies?: string | undefined
}

/**
 * The trainer over a client. A training is a session of the host under the name of its operation, so that it can be
 * found, and started or stopped again, whatever becomes of this process. What cannot be trained is refused before
 * anything is sent. Where the host is lost, busy or ends itself and there are others, the next one goes on.
 * Interrupted, the session is stopped and its newest checkpoint kept; where a host does not say within 4 seconds that
 * it has stopped, the release is `Unconfirmed`, and `NotKept` where it has and its checkpoint did not come. A session
 * that ends without a model fails with the host's own error, or with `TrainerFailed` or `DamagedModel`; what was kept
 * until then is not lost.
 */
export const make = ({
  strategies = "strategies",
}: Options = {}): Effect.Effect<Trainer.Service, never, TrainingHost> =>
  Effect.map(TrainingHost, (client) => {
    const train = Effect.fnUntraced(function* (job: Trainer.Job) {
      const { model, training } = job.strategy
      const outlook = yield* Effect.flatten(
        breathe(() => TrainingRun.outlook(Trainer.rowsOf(job), { model, training }, job.from)),
      )
      const session = RemoteSession.make(job, outlook, { url: client.url, strategies })

      let isReleased = false
      const released = (release: Trainer.Release): Effect.Effect<void> =>
        Effect.suspend(() => {
          isReleased = true
          return job.released(release)
        })
      yield* Effect.addFinalizer((exit) =>
        !isReleased && Exit.isInterrupted(exit) ? released(Trainer.Release.Stopped()) : Effect.void,
      )

      const told = HostJob.run(client, session, {
        isLost: session.isLost,
        released: (release) => {
          const url = HostJob.Release.$is("Confirmed")(release) ? undefined : session.mayRunAt()
          if (url !== undefined) {
            return released(Trainer.Release.Unconfirmed({ place: TrainingFailure.place(url, session.id) }))
          }
          return released(session.isKept() ? Trainer.Release.Stopped() : Trainer.Release.NotKept())
        },
      })
      return told.pipe(
        Stream.mapError((error) =>
          error._tag === "HostError"
            ? TrainingFailure.fromHost(error, session.url() ?? client.url, job.operation)
            : error,
        ),
        Stream.concat(Stream.suspend(() => endingOf(session.outcome()))),
        Stream.buffer({ capacity: "unbounded" }),
      )
    })

    return { where: { kind: "host", url: client.url }, train: (job) => Stream.unwrapScoped(train(job)) }
  })

/** The trainer over the client of the environment. */
export const layer = (options?: Options): Layer.Layer<Trainer.Trainer, never, TrainingHost> =>
  Layer.effect(Trainer.Trainer, make(options))

/** The trainer at the host of `baseUrl`, over a pool of its own. */
export const layerHost = (
  given: HostConfig.Options,
  options?: Options,
): Layer.Layer<Trainer.Trainer, HostError> =>
  Layer.provide(layer(options), TrainingHost.layer({ ...known, ...given }))

/**
 * The same as `TRAINING_HOST_SERVICE_ATTEMPTS` and its like say; at `url` where there is one, else where
 * `TRAINING_HOST_SERVICE_URL` says, by default at the host of this machine.
 */
export const layerConfig = (url?: string): Layer.Layer<Trainer.Trainer, HostError | ConfigError> =>
  Layer.unwrapEffect(
    Effect.map(strategiesFolder, (strategies) =>
      Layer.provide(layer({ strategies }), TrainingHost.layerConfig(configOf(url))),
    ),
  )

// ---------------------------------------------------------------------------------------------------------

const endingOf = (outcome: RemoteSession.Outcome | undefined): Stream.Stream<Trainer.Event, TrainingError> =>
  outcome === undefined
    ? Stream.empty
    : Stream.fromEffect(Effect.map(outcome, (trained) => Trainer.Event.Finished({ trained })))

/** What a training host has by nature: answers that are states and weights. */
const known = { connections: 5, maxBodyBytes: 256 * 1024 * 1024 } as const

const configOf = (url: string | undefined): Config.Config<HostConfig.Options> =>
  Config.map(HostConfig.config("TRAINING_HOST_SERVICE", { ...known, baseUrl: url ?? defaultUrl }), (given) =>
    url === undefined ? given : { ...given, baseUrl: url },
  )

const strategiesFolder = Config.string("TRAINING_HOST_SERVICE_STRATEGIES").pipe(
  Config.withDefault("strategies"),
  Config.withDescription("Where a host of KTRDR has its strategy files"),
)
