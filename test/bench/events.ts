/**
 * Two hundred watchers of one load of a million bars, over HTTP: the server of the API, the clients and the IB host
 * are processes of their own. The same load without watchers in between tells what they cost.
 *
 * A tick of the load is seen with the first snapshot after it, so its delay is longer than that of the snapshot. Ticks
 * count from when all of them watch: to take on two hundred connections at once is not what is measured.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { Seen, Served, ServeOrders, Started, Watched, WatchOrders } from "./eventsChild.js"
import { median, quantile, ratioOf, table } from "./measure.js"
import * as MinuteLoads from "./minuteLoads.js"
import * as Part from "./part.js"

const watchers = 200
const pairs = 7
const bars = 1_000_000

const home = Part.folder("events")

interface Run {
  readonly served: Served
  readonly watched: Watched | undefined
}

/** A server of its own loads, after some bars of another symbol, and is watched or not. */
const run = (url: string, end: number, isWatched: boolean): Effect.Effect<Run> =>
  Effect.gen(function* () {
    const orders: ServeOrders = { home: yield* home, url }
    const server = yield* Part.start("events-serve", orders)
    const at = yield* server.next<{ readonly url: string }>()
    yield* server.say(MinuteLoads.before(end))
    yield* Effect.zipRight(server.next<Started>(), server.next<Served>())
    yield* server.say(MinuteLoads.until(end))
    const { id } = yield* server.next<Started>()
    const watch: WatchOrders = { url: at.url, id, watchers }
    const clients = isWatched ? yield* Part.start("events-watch", watch) : undefined
    const served = yield* server.next<Served>()
    if (!served.isComplete) yield* Effect.dieMessage("a load was not complete")
    return { served, watched: clients === undefined ? undefined : yield* clients.next<Watched>() }
  }).pipe(Effect.scoped)

/** Of each tick, until a client had the first snapshot that was taken after it. */
const tickDelays = (ticks: ReadonlyArray<number>, seen: ReadonlyArray<Seen>): ReadonlyArray<number> => {
  let next = 0
  return ticks.flatMap((tick) => {
    while (next < seen.length && seen[next]![0] < tick) next++
    const first = seen[next]
    return first === undefined ? [] : [first[1] - tick]
  })
}

const ms = (value: number): string => value.toFixed(1)

export const bench = Effect.gen(function* () {
  const { url } = yield* Part.ibHost()
  const end = MinuteLoads.endOf(bars)
  const found: Array<readonly [Run, Run]> = []
  for (let index = 0; index < pairs; index++) {
    const isWatchedFirst = index % 2 === 1
    const first = yield* run(url, end, isWatchedFirst)
    const second = yield* run(url, end, !isWatchedFirst)
    const pair = isWatchedFirst ? ([second, first] as const) : ([first, second] as const)
    yield* Console.error(
      `pair ${index + 1} of ${pairs}: ${(pair[1].served.cpuMillis / pair[0].served.cpuMillis).toFixed(3)}`,
    )
    found.push(pair)
  }
  const watched = found.flatMap(([, { served, watched }]) =>
    watched === undefined ? [] : [{ ...watched, served }],
  )
  const ticks = watched.flatMap(({ seen, served, since }) => {
    const counted = served.ticks.filter((tick) => tick >= since)
    return seen.flatMap((own) => tickDelays(counted, own))
  })
  if (ticks.length === 0) yield* Effect.dieMessage("no tick was counted")
  const snapshots = watched.flatMap(({ seen, since }) =>
    seen.flat().flatMap(([taken, had]) => (taken >= since ? [had - taken] : [])),
  )
  const events = watched.reduce((sum, { seen }) => sum + seen.flat().length, 0)
  const lost = watched.reduce((sum, one) => sum + one.lost, 0)
  const sum = (of: (served: Served) => number) => found.reduce((all, [, { served }]) => all + of(served), 0)
  const cpu = (which: 0 | 1) => (median(found.map((pair) => pair[which].served.cpuMillis)) / 1000).toFixed(2)
  const wall = (which: 0 | 1) => (median(found.map((pair) => pair[which].served.millis)) / 1000).toFixed(2)
  const loop = (which: 0 | 1) => ms(median(found.map((pair) => pair[which].served.loopP99)))
  const ratio = ratioOf(found.map(([alone, watched]) => watched.served.cpuMillis / alone.served.cpuMillis))
  yield* Console.log(
    table([
      [`${watchers} watchers, ${pairs} loads of ${bars} bars`, "measured", "to reach"],
      [
        "from a tick to a client, once all watch: p50, p99, p99.9, ms",
        `${ms(median(ticks))}, ${ms(quantile(ticks, 0.99))}, ${ms(quantile(ticks, 0.999))}`,
        "p99 <= 400",
      ],
      [
        "from a snapshot to a client: p50, p99, p99.9, ms",
        `${ms(median(snapshots))}, ${ms(quantile(snapshots, 0.99))}, ${ms(quantile(snapshots, 0.999))}`,
        "",
      ],
      ["events that clients got", String(events), ""],
      ["clients without the last snapshot", String(lost), "0"],
      [
        "snapshots told, made JSON, made an event",
        `${sum((_) => _.told)}, ${sum((_) => _.encoded)}, ${sum((_) => _.framed)}`,
        "once each",
      ],
      ["without watchers: CPU, wall, s; event-loop delay p99, ms", `${cpu(0)}, ${wall(0)}; ${loop(0)}`, ""],
      ["with watchers, all that is sent included", `${cpu(1)}, ${wall(1)}; ${loop(1)}`, ""],
      [
        "CPU with / without: geometric mean [95 % by t over logarithms]",
        `${ratio.mean.toFixed(3)} [${ratio.low.toFixed(3)}, ${ratio.high.toFixed(3)}]`,
        "<= 1.1",
      ],
    ]),
  )
  yield* Console.log(
    JSON.stringify({
      bench: "events",
      watchers,
      p99_delay_ms: Number(quantile(ticks, 0.99).toFixed(1)),
      lost_terminal: lost,
      p99_snapshot_ms: Number(quantile(snapshots, 0.99).toFixed(1)),
      cpu_vs_unwatched: Number(ratio.mean.toFixed(3)),
    }),
  )
}).pipe(Effect.scoped)
