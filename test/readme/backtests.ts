import { Context, Data, Effect, Layer, Option, Schema, Stream } from "effect"
import { HostClient, HostConfig, type HostError, HostFollow, HostJob, Progress } from "ktrdr"

/** The service's client: its pool, retries, circuit, health and counts go by this name. */
export class BacktestHost extends HostClient.Tag("backtests")<BacktestHost>() {}

const Status = Schema.Struct({
  isOver: Schema.Boolean,
  days: Schema.Int,
  of: Schema.Int,
  profit: Schema.NullOr(Schema.Number),
})

export class BacktestFailed extends Data.TaggedError("BacktestFailed")<{ readonly id: string }> {}

export interface Service {
  readonly strategies: Effect.Effect<ReadonlyArray<string>, HostError.HostError>
  /** What the strategy would have earned. Interrupted, it ends at the host as well. */
  readonly run: (id: string, strategy: string) => Effect.Effect<number, HostError.HostError | BacktestFailed>
}

export class Backtests extends Context.Tag("Backtests")<Backtests, Service>() {}

const job = (id: string, strategy: string): HostJob.Job<typeof Status.Type, never, never> => {
  const status = `/backtests/${encodeURIComponent(id)}`
  const body = { id, strategy }
  return {
    id,
    start: (host, starting) =>
      host.post("/backtests", { ...starting, body, idempotencyKey: id, response: Schema.Unknown }),
    follow: (host) => HostFollow.follow(host, { status, response: Status, isOver: ({ isOver }) => isOver }),
    stop: (host) => host.request("DELETE", status, { response: Schema.Unknown }),
  }
}

const released = (release: HostJob.Release) =>
  release._tag === "Confirmed" ? Effect.void : Effect.logWarning(`See ${release.url} for ${release.id}`)

const make = Effect.map(
  BacktestHost,
  (host): Service => ({
    strategies: host.get("/strategies", { response: Schema.Array(Schema.String) }),
    run: (id, strategy) =>
      HostJob.run(host, job(id, strategy), { released }).pipe(
        Stream.mapAccum(0, (before, status) => [status.days, { ...status, more: status.days - before }]),
        Stream.tap(({ more, of }) => Effect.zipRight(Progress.setTotal(of, "day"), Progress.advance(more))),
        Stream.runLast,
        Effect.flatMap(Option.flatMapNullable(({ profit }) => profit)),
        Effect.catchTag("NoSuchElementException", () => new BacktestFailed({ id })),
        Progress.step(`backtest ${strategy}`),
      ),
  }),
)

export const layer = Layer.effect(Backtests, make)

/** The service where `BACKTESTS_URL` says, as patiently as `BACKTESTS_ATTEMPTS` and its like say. */
export const layerConfig = Layer.provide(layer, BacktestHost.layerConfig(HostConfig.config("BACKTESTS")))
