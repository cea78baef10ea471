/**
 * How to reach a remote host, and how patient to be with it.
 */
import * as Arr from "effect/Array"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { HostError } from "./HostError.js"
import { withoutSecret } from "./internal/hostSecrets.js"

/** When answers are asked for in gzip: `auto` spares it on this machine, where it only costs time. */
export const Compression = Schema.Literal("auto", "always", "never")
export type Compression = typeof Compression.Type

export interface HostConfig {
  /** The host's name in errors, metrics and spans. */
  readonly name: string
  /** Where it listens, `http` or `https`, with a path if all its routes have one, without a final slash. */
  readonly baseUrl: string
  /**
   * All places where it listens, the preferred one first: `baseUrl`, then those to go to when it fails. Each is of
   * an origin of its own, and should be a host of its own: work that was lost at one is started at the next.
   */
  readonly baseUrls: readonly [string, ...ReadonlyArray<string>]
  /** Pooled connections at most, to each of `baseUrls`. */
  readonly connections: number
  /** Open requests at most; more than `connections` could not be open. */
  readonly maxOpen: number
  /** For one attempt: connecting, waiting for headers and reading the body. */
  readonly attemptTimeout: Duration.Duration
  /** For a whole call: waiting for a free slot, attempts and pauses. */
  readonly deadline: Duration.Duration
  /** Attempts at most, the first included. */
  readonly attempts: number
  /** The pause before the second attempt; it doubles from one attempt to the next, with 20 % of jitter. */
  readonly backoff: Duration.Duration
  readonly backoffCap: Duration.Duration
  /** Failures in a row that tell of the host itself, not of a request, after which its circuit opens. */
  readonly breakerThreshold: number
  /** How long the circuit stays open at first; it doubles up to 30 s while the host stays away. */
  readonly breakerCooldown: Duration.Duration
  /** The longest body of an answer. */
  readonly maxBodyBytes: number
  /** Whether to ask for gzip: `auto` does so unless the host is on a loopback address. */
  readonly compression: Compression
  readonly healthPath: string
  /** For how long the outcome of a health check is good. */
  readonly healthTtl: Duration.Duration
  readonly healthTimeout: Duration.Duration
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>
  /** Sent as `Authorization: Bearer`. */
  readonly token: Redacted.Redacted | undefined
  /** How long an idle connection is kept; must be shorter than the host keeps it. */
  readonly keepAlive: Duration.Duration
  /** How long a stream of events may be silent; hosts send a comment every 15 seconds. */
  readonly idleTimeout: Duration.Duration
  /** Certificate authorities to trust instead of the usual ones, as PEM text. */
  readonly ca: string | undefined
}

const decoded = {
  connections: 10,
  attempts: 4,
  breakerThreshold: 5,
  compression: "auto" as Compression,
  maxBodyBytes: 32 * 1024 * 1024,
  healthPath: "/health",
  headers: {} as Readonly<Record<string, string>>,
  token: undefined as Redacted.Redacted | undefined,
  ca: undefined as string | undefined,
}

const durations = {
  attemptTimeout: Duration.seconds(30),
  deadline: Duration.seconds(150),
  backoff: Duration.seconds(1),
  backoffCap: Duration.seconds(30),
  breakerCooldown: Duration.seconds(1),
  healthTtl: Duration.seconds(5),
  healthTimeout: Duration.seconds(10),
  keepAlive: Duration.seconds(4),
  idleTimeout: Duration.seconds(40),
}

/** What holds where nothing is said; `maxOpen` is `connections` then. */
export const defaults = { ...decoded, ...durations }

/**
 * What a caller gives: the base URL, or several separated by commas, the preferred one first; and whatever
 * should differ from `defaults`.
 */
export interface Options
  extends Partial<typeof decoded>,
    Partial<Readonly<Record<keyof typeof durations, Duration.DurationInput>>> {
  readonly baseUrl: string
  readonly maxOpen?: number | undefined
}

/** The options checked and completed. Fails with `InvalidConfig`. */
export const make = (name: string, options: Options): Either.Either<HostConfig, HostError> => {
  const given = { ...defaults, ...options }
  const [baseUrl = "", ...others] = urlsOf(given.baseUrl)
  const config: HostConfig = {
    ...given,
    name,
    maxOpen: Math.min(given.maxOpen ?? given.connections, given.connections),
    baseUrl,
    baseUrls: [baseUrl, ...others],
    attemptTimeout: Duration.decode(given.attemptTimeout),
    deadline: Duration.decode(given.deadline),
    backoff: Duration.decode(given.backoff),
    backoffCap: Duration.decode(given.backoffCap),
    breakerCooldown: Duration.decode(given.breakerCooldown),
    healthTtl: Duration.decode(given.healthTtl),
    healthTimeout: Duration.decode(given.healthTimeout),
    keepAlive: Duration.decode(given.keepAlive),
    idleTimeout: Duration.decode(given.idleTimeout),
  }
  const fault = firstFault(config)
  return fault === undefined ? Either.right(config) : Either.left(fault)
}

/**
 * The options as environment variables: with the prefix `ARCHIVE`, `ARCHIVE_URL`, `ARCHIVE_CONNECTIONS`,
 * `ARCHIVE_ATTEMPT_TIMEOUT` (`30 seconds`) and so on. `known` holds what the host has by nature, such as its
 * usual address; the environment goes before it.
 */
export const config = (prefix: string, known: Partial<Options> = {}): Config.Config<Options> => {
  const given = { ...defaults, ...known }
  const url = Config.withDescription(Config.string("URL"), "Where the host listens; several URLs by commas")
  return Config.all({
    baseUrl: given.baseUrl === undefined ? url : Config.withDefault(url, given.baseUrl),
    connections: integer("CONNECTIONS", given.connections, "Pooled connections at most"),
    maxOpen: integer("MAX_OPEN", given.maxOpen ?? Number.POSITIVE_INFINITY, "Open requests at most"),
    attempts: integer("ATTEMPTS", given.attempts, "Attempts at most, the first included"),
    breakerThreshold: integer(
      "BREAKER_THRESHOLD",
      given.breakerThreshold,
      "Failures in a row after which the host is left alone for a while",
    ),
    breakerCooldown: duration(
      "BREAKER_COOLDOWN",
      given.breakerCooldown,
      "How long it is left alone at first",
    ),
    compression: Schema.Config("COMPRESSION", Compression).pipe(
      Config.withDefault(given.compression),
      Config.withDescription("Whether to ask for gzip: auto, always or never"),
    ),
    maxBodyBytes: integer("MAX_BODY_BYTES", given.maxBodyBytes, "The longest body of an answer, in bytes"),
    healthPath: Config.string("HEALTH_PATH").pipe(
      Config.withDefault(given.healthPath),
      Config.withDescription("The path that a health check asks"),
    ),
    attemptTimeout: duration("ATTEMPT_TIMEOUT", given.attemptTimeout, "Time for one attempt"),
    deadline: duration("DEADLINE", given.deadline, "Time for a whole call, retries included"),
    backoff: duration("BACKOFF", given.backoff, "Pause before the second attempt, doubling afterwards"),
    backoffCap: duration("BACKOFF_CAP", given.backoffCap, "Longest pause between two attempts"),
    healthTtl: duration("HEALTH_TTL", given.healthTtl, "How long the outcome of a health check is good"),
    healthTimeout: duration("HEALTH_TIMEOUT", given.healthTimeout, "Time for a health check"),
    keepAlive: duration("KEEP_ALIVE", given.keepAlive, "How long an idle connection is kept"),
    idleTimeout: duration("IDLE_TIMEOUT", given.idleTimeout, "How long a stream of events may be silent"),
    token: Config.redacted("TOKEN").pipe(
      Config.withDefault(given.token),
      Config.withDescription("Sent as Authorization: Bearer"),
    ),
    ca: Config.string("CA").pipe(
      Config.withDefault(given.ca),
      Config.withDescription("Certificate authorities to trust, as PEM text"),
    ),
    headers: Config.succeed(given.headers),
  }).pipe(Config.nested(prefix))
}

/** True if answers may come in gzip: under `auto` where any of the URLs leads off this machine. */
export const asksForGzip = ({ baseUrls, compression }: HostConfig): boolean =>
  compression === "always" ||
  (compression === "auto" &&
    !baseUrls.every((url) => /^(127\.[\d.]+|\[::1\]|(.+\.)?localhost)$/.test(new URL(url).hostname)))

// -----------------------------------------------------------------------------

/** Without final slashes, each once. */
const urlsOf = (text: string): ReadonlyArray<string> =>
  Arr.dedupe(
    text
      .split(",")
      .map((url) => url.trim().replace(/\/+$/, ""))
      .filter((url) => url !== ""),
  )

const firstFault = (config: HostConfig): HostError | undefined => {
  const fault = (setting: string, expected: string, found: string) =>
    new HostError({
      reason: "InvalidConfig",
      host: config.name,
      method: "",
      path: "",
      expected: `${setting} to be ${expected}`,
      found,
      advice: `Correct ${setting} of the host ${config.name}`,
      attempts: 0,
    })
  const all = config.baseUrls.join(",")
  const origins = new Set<string>()
  for (const baseUrl of config.baseUrls) {
    const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
    if (
      url === undefined ||
      !/^https?:$/.test(url.protocol) ||
      `${url.search}${url.hash}${url.username}${url.password}` !== ""
    ) {
      return fault(
        "baseUrl",
        "an http or https URL without query or credentials, such as http://127.0.0.1:5001",
        JSON.stringify((all.includes("@") ? withoutSecret(all) : baseUrl).slice(0, 100)),
      )
    }
    if (origins.has(url.origin)) {
      return fault("baseUrl", "URLs of different hosts", `two of ${url.origin}`)
    }
    origins.add(url.origin)
  }
  if (config.ca !== undefined && !/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/.test(config.ca)) {
    return fault("ca", "the PEM text of certificates", JSON.stringify(config.ca.slice(0, 40)))
  }
  for (const setting of ["connections", "maxOpen", "attempts", "breakerThreshold", "maxBodyBytes"] as const) {
    if (!Number.isInteger(config[setting]) || config[setting] < 1) {
      return fault(setting, "a whole number above 0", String(config[setting]))
    }
  }
  for (const setting of Object.keys(durations) as ReadonlyArray<keyof typeof durations>) {
    const millis = Duration.toMillis(config[setting])
    if (!(millis > 0 || setting === "healthTtl") || millis > maxMillis) {
      return fault(setting, "above 0 and at most 24 days", Duration.format(config[setting]))
    }
  }
  return undefined
}

/** Above 2^31 - 1 ms a timer of JavaScript fires at once. */
const maxMillis = 2 ** 31 - 1

const duration = (name: string, value: Duration.DurationInput, description: string) =>
  Config.duration(name).pipe(
    Config.withDefault(Duration.decode(value)),
    Config.withDescription(`${description}, such as "30 seconds"`),
  )
const integer = (name: string, value: number, description: string) =>
  Config.integer(name).pipe(Config.withDefault(value), Config.withDescription(description))
