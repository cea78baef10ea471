/**
 * What `ktrdr doctor` finds at the hosts that would be asked: a check for each URL.
 */
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as HostClient from "../../HostClient.js"
import * as HostConfig from "../../HostConfig.js"
import type { HostError } from "../../HostError.js"
import * as IbApi from "../../hosts/ib/IbApi.js"
import { IbHost } from "../../hosts/ib/IbCandleSource.js"
import { TrainingHost } from "../../hosts/training/RemoteTrainer.js"
import { withoutSecret } from "../../internal/hostSecrets.js"
import { iso, isoOrNull } from "../Instants.js"
import { type Check, not, ok } from "./DoctorReport.js"
import * as LoadSource from "./LoadSource.js"
import * as TrainHost from "./TrainHost.js"

/** The host that would be loaded from: whether it answers within three seconds, and has its gateway. */
export const ib = (given: string | undefined): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.gen(function* () {
    const environment = yield* Effect.either(LoadSource.environment)
    if (Either.isLeft(environment)) return [misset(ibHost, environment.left, "USE_IB_HOST_SERVICE")]
    const { used, url } = environment.right
    const chosen = given ?? (used ? Option.getOrUndefined(url) : undefined)
    if (chosen !== undefined) return yield* ask(ibHost, chosen)
    const unused = Option.isSome(url)
      ? "USE_IB_HOST_SERVICE leaves IB_HOST_SERVICE_URL unused"
      : "none is configured"
    const found = `${unused}: loads start an embedded one, of sample and simulated bars`
    return [ok(ibHost.about, found, { url: null })]
  })

/** The host that would train: whether it answers within three seconds. */
export const training: Effect.Effect<ReadonlyArray<Check>> = Effect.gen(function* () {
  const chosen = yield* Effect.either(TrainHost.choose(undefined))
  if (Either.isLeft(chosen)) return [misset(trainingHost, chosen.left, "USE_TRAINING_HOST_SERVICE")]
  if (chosen.right !== TrainHost.local) return yield* ask(trainingHost, chosen.right)
  return [ok(trainingHost.about, "none is configured: this machine trains", { url: null })]
})

// ---------------------------------------------------------------------------------------------------------

interface Kind<Host> {
  readonly about: string
  /** What it calls itself in the answer to a health check. */
  readonly service: string
  readonly prefix: string
  readonly host: Effect.Effect<HostClient.HostClient, never, Host>
  readonly layer: (config: Config.Config<HostConfig.Options>) => Layer.Layer<Host, HostError | ConfigError>
  /** What it says of whatever stands behind it, if there is something. */
  readonly behind: (host: HostClient.HostClient) => Effect.Effect<Behind>
}

interface Behind {
  readonly facts: Readonly<Record<string, unknown>>
  readonly warning?: { readonly found: string; readonly advice: string }
}

const patience = 3000

const ibHost: Kind<IbHost> = {
  about: "ib host",
  service: "ib-connector",
  prefix: "IB_HOST_SERVICE",
  host: IbHost,
  layer: IbHost.layerConfig,
  behind: (host) =>
    host
      .get(IbApi.paths.healthDetailed, {
        response: IbApi.HealthDetailed,
        attempts: 1,
        timeout: patience,
        deadline: patience,
      })
      .pipe(
        Effect.option,
        Effect.map((detailed): Behind => {
          const gateway = Option.map(detailed, (_) => _.ib_gateway_connected)
          const facts = { gateway_connected: Option.getOrNull(gateway) }
          if (!Option.contains(gateway, false)) return { facts }
          const found = "answers, but is not connected to its IB gateway"
          return { facts, warning: { found, advice: "Start the gateway, or log in to it" } }
        }),
      ),
}

const trainingHost: Kind<TrainingHost> = {
  about: "training host",
  service: "training-host",
  prefix: "TRAINING_HOST_SERVICE",
  host: TrainingHost,
  layer: TrainingHost.layerConfig,
  behind: () => Effect.succeed({ facts: {} }),
}

/** Where one of several URLs is down, the others do: that is no more than a warning. */
const ask = <Host>(kind: Kind<Host>, url: string): Effect.Effect<ReadonlyArray<Check>> =>
  kind.host.pipe(
    Effect.flatMap(({ targets }) =>
      Effect.forEach(targets, (target) => look(kind, target), { concurrency: "unbounded" }),
    ),
    Effect.map((checks) =>
      checks.some(({ status }) => status !== "problem")
        ? checks.map((check) =>
            check.status === "problem" ? { ...check, status: "warning" as const } : check,
          )
        : checks,
    ),
    Effect.provide(
      kind.layer(
        Config.map(HostConfig.config(kind.prefix, { baseUrl: url }), (options) => ({
          ...options,
          baseUrl: url,
          healthTimeout: patience,
        })),
      ),
    ),
    Effect.catchAll((error) => Effect.succeed([failed(kind, url, error)])),
  )

const look = <Host>(kind: Kind<Host>, host: HostClient.HostClient): Effect.Effect<Check> =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const health = yield* Effect.either(host.health)
    const millis = (yield* Clock.currentTimeMillis) - began
    if (Either.isLeft(health)) return failed(kind, host.url, health.left, yield* factsOf(host))
    const shown = withoutSecret(host.url)
    const { body } = health.right
    const service = Predicate.hasProperty(body, "service") ? String(body.service) : kind.service
    if (service !== kind.service) {
      const found = `${shown} answers, but as ${service}, not as ${kind.service}`
      return not("problem", kind.about, found, `Correct ${kind.prefix}_URL`, { url: shown })
    }
    const { facts: more, warning } = yield* kind.behind(host)
    const facts = { ...(yield* factsOf(host)), millis, ...more }
    return warning === undefined
      ? ok(kind.about, `${shown} answers, in ${millis} ms`, facts)
      : not("warning", kind.about, `${shown} ${warning.found}`, warning.advice, facts)
  })

const factsOf = (host: HostClient.HostClient) =>
  Effect.map(host.stats, ({ connectionsOpen, connectionsOpened, lastError, nextTryMillis, state }) => ({
    url: withoutSecret(host.url),
    state,
    next_try: isoOrNull(nextTryMillis),
    connections_open: connectionsOpen,
    connections_opened: connectionsOpened,
    last_error: lastError === null ? null : { ...lastError, at: iso(lastError.at) },
  }))

const failed = <Host>(
  { about }: Kind<Host>,
  url: string,
  error: HostError | ConfigError,
  facts: Check["facts"] = { url: withoutSecret(url) },
): Check => {
  const [found, advice] =
    error._tag === "HostError"
      ? [
          `expected ${error.expected}, found ${error.found}`,
          isOther(error) ? `See whether ${article(about)} has this URL` : error.advice,
        ]
      : [String(error), "Correct the environment"]
  return not("problem", about, `${withoutSecret(url)}: ${found}`, advice, facts)
}

/** True where something answers that is perhaps another service. */
const isOther = ({ reason }: HostError): boolean => reason === "Status" || reason === "Malformed"

const article = (about: string): string => (about === ibHost.about ? "an IB host" : `a ${about}`)

const misset = <Host>({ about }: Kind<Host>, error: ConfigError, setting: string): Check =>
  not("problem", about, String(error), `Correct the environment: ${setting} is true or false`)
