/**
 * The exporters of `Telemetry`: those of @effect/opentelemetry, over a client that never lets work or its end wait.
 */
import * as OtlpLogger from "@effect/opentelemetry/OtlpLogger"
import * as OtlpMetrics from "@effect/opentelemetry/OtlpMetrics"
import * as OtlpSerialization from "@effect/opentelemetry/OtlpSerialization"
import * as OtlpTracer from "@effect/opentelemetry/OtlpTracer"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Package from "./Package.js"
import type { Settings, Target } from "./Telemetry.js"

/**
 * Exports what happens while it is provided; what is left then is sent within half a second, or lost. A collector
 * that does not answer is told of once, as a warning.
 */
export const layer = (settings: Settings): Layer.Layer<never> =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const posts = yield* makePosts
      const exporters = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.parallel)
      yield* Effect.addFinalizer(() => posts.close)
      const { logs, metrics, traces } = settings.targets
      const common = {
        resource: {
          serviceName: settings.serviceName,
          serviceVersion: Package.version(),
          attributes: settings.attributes,
        },
        shutdownTimeout: flushMillis,
      }
      const exporter = <A>(
        target: Target,
        made: Effect.Effect<
          A,
          never,
          HttpClient.HttpClient | OtlpSerialization.OtlpSerialization | Scope.Scope
        >,
      ): Effect.Effect<A> =>
        made.pipe(
          Effect.provideService(HttpClient.HttpClient, posts.client(target)),
          Effect.provide(
            target.protocol === "http/json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf,
          ),
          Scope.extend(exporters),
        )
      if (metrics !== undefined) {
        const exportInterval = settings.metricInterval
        yield* exporter(metrics, OtlpMetrics.make({ ...common, url: metrics.url, exportInterval }))
      }
      return Layer.merge(
        traces === undefined
          ? Layer.empty
          : Layer.setTracer(yield* exporter(traces, OtlpTracer.make({ ...common, url: traces.url }))),
        logs === undefined
          ? Layer.empty
          : Logger.add(yield* exporter(logs, OtlpLogger.make({ ...common, url: logs.url }))),
      )
    }).pipe(
      // The exporters would read the resource's attributes once more, and differently.
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map())),
      Effect.provide(FetchHttpClient.layer),
    ),
  )

// ---------------------------------------------------------------------------------------------------------

/** For what is left at the end, and then for what is still under way. */
const flushMillis = 400
const drainMillis = 100

/** Requests under way at most; what comes on top is lost. */
const maxOpen = 4

interface Posts {
  /** A client that sends to this target alone. A request goes on when whoever made it is interrupted. */
  readonly client: (target: Target) => HttpClient.HttpClient
  /** From now on nothing is tried twice. */
  readonly close: Effect.Effect<void>
}

const makePosts: Effect.Effect<Posts, never, HttpClient.HttpClient | Scope.Scope> = Effect.gen(function* () {
  const http = yield* HttpClient.HttpClient
  const open = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  let isClosing = false
  let hasWarned = false

  const warn = (target: Target, found: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (hasWarned) return Effect.void
      hasWarned = true
      return Effect.logWarning(
        `${target.url}: expected an OpenTelemetry collector that takes what is sent, found ${found}. ` +
          "Work goes on without it. Start the collector, or correct OTEL_EXPORTER_OTLP_ENDPOINT.",
      )
    })

  const failed = (request: HttpClientRequest.HttpClientRequest, cause: unknown) =>
    new HttpClientError.RequestError({ request, reason: isClosing ? "Encode" : "Transport", cause })

  const send = (target: Target, request: HttpClientRequest.HttpClientRequest) =>
    http.execute(HttpClientRequest.setHeaders(request, Redacted.value(target.headers))).pipe(
      Effect.tap((response) => response.text),
      Effect.timeoutFail({
        duration: target.timeout,
        onTimeout: () => new Error(`no answer within ${target.timeout} ms`),
      }),
      Effect.tap(({ status }) => (status < 400 ? Effect.void : warn(target, `status ${status}`))),
      Effect.filterOrFail(
        ({ status }) => !isClosing || status < 400,
        ({ status }) => new Error(`status ${status}`),
      ),
      Effect.tapError((error) => warn(target, reasonOf(error))),
      Effect.mapError((error) => failed(request, new Error(reasonOf(error)))),
      Effect.onInterrupt(() => warn(target, `no answer within ${flushMillis + drainMillis} ms at the end`)),
    )

  yield* Effect.addFinalizer(() => {
    const left = [...open]
    return Fiber.awaitAll(left).pipe(
      Effect.interruptible,
      Effect.timeoutOption(drainMillis),
      Effect.zipRight(Fiber.interruptAll(left)),
    )
  })

  return {
    client: (target) =>
      HttpClient.make((request) =>
        Effect.suspend(() => {
          if (open.size >= maxOpen) {
            const found = `${maxOpen} requests without an answer`
            return Effect.zipRight(warn(target, found), failed(request, new Error(found)))
          }
          return Effect.uninterruptibleMask((restore) =>
            Effect.gen(function* () {
              const fiber = yield* Effect.forkDaemon(Effect.interruptible(send(target, request)))
              open.add(fiber)
              fiber.addObserver(() => open.delete(fiber))
              return yield* restore(Fiber.join(fiber))
            }),
          )
        }),
      ),
    close: Effect.sync(() => {
      isClosing = true
    }),
  }
})

/** What is at the bottom of an error: of a failed `fetch` the system's word. */
const reasonOf = (error: unknown): string => {
  let deepest = error
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause
  if (!(deepest instanceof Error)) return String(deepest)
  return deepest.message || ("code" in deepest ? String(deepest.code) : deepest.name)
}
