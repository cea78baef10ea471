/**
 * The client of a host: its targets, and what is asked of whichever of them is best at the time.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Body, Health, HostClient, Method, Options } from "../HostClient.js"
import type { HostConfig } from "../HostConfig.js"
import { about, type Details, type HostError } from "../HostError.js"
import { Hosts } from "../Hosts.js"
import { Connections } from "./connections.js"
import * as Expiry from "./expiry.js"
import * as HostCall from "./hostCall.js"
import * as HostCodec from "./hostCodec.js"
import * as HostEvents from "./hostEvents.js"
import { Attempts, Gate } from "./hostGate.js"
import * as HostTargets from "./hostTargets.js"
import * as SharedProbe from "./sharedProbe.js"

/** The client of one host; where it has several base URLs, over one client for each of them. */
export const make = (
  config: HostConfig,
): Effect.Effect<HostClient, never, HttpClient.HttpClient | Scope.Scope> =>
  Effect.gen(function* () {
    const http = yield* HttpClient.HttpClient
    const expiry = yield* Expiry.make
    const connections = yield* Connections
    const target = (baseUrl: string) =>
      HostTargets.make({ ...config, baseUrl, baseUrls: [baseUrl] }, http, expiry, connections)
    const [first, ...others] = config.baseUrls
    const targets = [target(first), ...others.map(target)] as const
    yield* Effect.addFinalizer(() => Effect.sync(() => targets.forEach(({ breaker }) => breaker.answered())))
    const clients = yield* Effect.forEach(targets, (target) => oneTarget(target))
    const hosts = yield* Effect.serviceOption(Hosts)
    if (Option.isSome(hosts)) {
      yield* Effect.forEach(targets, (target) => hosts.value.register(HostTargets.view(target)))
    }
    const [client] = clients
    if (client !== undefined && clients.length === 1) return client
    const choice = new HostTargets.Targets(targets)
    const healths = Effect.sync(() =>
      choice.inOrder.map((target) => clients[targets.indexOf(target)]!.health),
    )
    return {
      ...overTargets(config, choice).calls,
      url: config.baseUrls.join(","),
      targets: clients,
      health: Effect.flatMap(healths, Effect.firstSuccessOf),
    }
  })

// -----------------------------------------------------------------------------

const oneTarget = (target: HostTargets.Target): Effect.Effect<HostClient, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { config } = target
    const { call, calls } = overTargets(config, new HostTargets.Targets([target]))
    /** With time to spare, so that a host that hangs is told from a queue. */
    const once = {
      attempts: 1,
      timeout: config.healthTimeout,
      deadline: Duration.sum(config.healthTimeout, Duration.seconds(1)),
      urgent: true,
    }
    const check: Effect.Effect<Health, HostError> = call("GET", config.healthPath, once, textOf, ({ body }) =>
      Effect.map(Clock.currentTimeMillis, (checkedAtMillis) => ({
        body: Either.getOrElse(HostCodec.parseJson(body), () => body),
        checkedAtMillis,
      })),
    )
    const health = yield* SharedProbe.make(
      Effect.onExit(check, (exit) => HostTargets.checked(target, exit)),
      Duration.toMillis(config.healthTtl),
    )
    const client = { ...calls, url: config.baseUrl, targets: [] as Array<HostClient>, health }
    client.targets.push(client)
    return client
  })

/** All that goes to whichever of the targets is best at the time. */
const overTargets = (config: HostConfig, targets: HostTargets.Targets) => {
  const send = HostCall.make(config, targets)

  const call = <A, R, B, J, S, T>(
    method: Method,
    path: string,
    options: Options & Body<B, J, S> & Partial<Pick<HostCall.Caller<T>, "keep">>,
    read: HostCall.Caller<T>["read"],
    take: (answer: HostCall.Answer<T>, fail: Fail) => Effect.Effect<A, HostError, R>,
  ): Effect.Effect<A, HostError, R | S> => {
    const route = path.startsWith("/") ? path : `/${path}`
    const place = { host: config.name, method, path: route.replace(/[?#].*$/s, "") }
    const fail = about(place)
    return Effect.useSpan(
      `HostClient.${method}`,
      { kind: "client", captureStackTrace: false, attributes: place },
      (span) =>
        Effect.flatMap(HostCodec.encode(options.body, options.bodySchema, fail), (body) =>
          Effect.flatMap(Effect.zip(Attempts, Gate), ([attempts, gate]) => {
            const { keep } = options
            const caller = { method, path: route, body, read, keep, fail, attempts, gate, span }
            return Effect.flatMap(send(caller, options), (answer) => take(answer, fail))
          }),
        ),
    )
  }

  const request: HostClient["request"] = (method, path, options) =>
    call(method, path, options, textOf, HostCodec.decode(options.response))

  const events: HostClient["events"] = (path, { lastEventId, response, idleTimeout, ...options }) => {
    const headers = { ...options.headers, accept: "text/event-stream", "accept-encoding": "identity" }
    if (lastEventId !== undefined) Object.assign(headers, { "last-event-id": lastEventId })
    return Stream.unwrapScoped(
      Effect.flatMap(Effect.scope, (keep) =>
        call("GET", path, { ...options, headers, keep }, Effect.succeed, (answer, fail) =>
          HostEvents.read(answer, fail, { response, idleTimeout: idleTimeout ?? config.idleTimeout }),
        ),
      ),
    )
  }

  const calls: Omit<HostClient, "url" | "targets" | "health"> = {
    config,
    request,
    get: (path, options) => request("GET", path, options),
    post: (path, options) => request("POST", path, options),
    answer: (method, path, options) => {
      const decode = HostCodec.decode(options.response)
      return call(method, path, options, textOf, (answer, fail) =>
        Effect.map(decode(answer, fail), (value) => ({ value, text: answer.body })),
      )
    },
    text: (method, path, options = {}) => call(method, path, options, textOf, bodyOf),
    bytes: (method, path, options = {}) => call(method, path, options, bytesOf, bodyOf),
    events,
    stats: HostTargets.stats(targets),
  }
  return { call, calls }
}

type Fail = (details: Details) => HostError

const textOf = (response: HttpClientResponse) => response.text
const bytesOf = (response: HttpClientResponse) =>
  Effect.map(response.arrayBuffer, (buffer) => new Uint8Array(buffer))
const bodyOf = <A>({ body }: HostCall.Answer<A>) => Effect.succeed(body)
