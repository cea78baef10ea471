/**
 * A whole system for minutes on end, over hosts that fail now and then: loads and trainings, eight at once, some of them
 * cancelled, some watched. Everybody agrees on how each ended, memory and descriptors stay where they were once it was
 * warm, and no socket is left when it has ended. `--minutes 10` says how long, warming up not counted. The sockets of
 * the proxies are not the system's: where half a request stalled they stay until the host gives it up.
 */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { LiveFibers } from "../utils/LiveFibers.js"
import * as SoakCampaign from "../utils/SoakCampaign.js"
import * as Left from "./cancelLeft.js"
import { table } from "./measure.js"
import * as Part from "./part.js"
import * as TrainingHost from "./trainingHost.js"

const seed = 20_240_301
const atOnce = 8
const warmUp = 60_000

const minutes = (() => {
  const at = process.argv.indexOf("--minutes")
  return at < 0 ? 10 : Number(process.argv[at + 1])
})()

/** What came of the operations so far; none of them is kept. */
const tallies = () => ({ operations: 0, watched: 0, faults: 0, ended: {} as Record<string, number> })

/** Operations, one after another in each of eight places, for so many milliseconds; returns when all have ended. */
const goOn = (
  { one, proxies }: SoakCampaign.Campaign,
  tally: ReturnType<typeof tallies>,
  wrong: Array<string>,
  millis: number,
) =>
  Effect.gen(function* () {
    const until = (yield* Clock.currentTimeMillis) + millis
    let next = tally.operations
    const place = Effect.gen(function* () {
      const { faults, kind, reason, status, watched } = yield* one(seed + next++)
      tally.operations++
      if (watched) tally.watched++
      const name = `${kind} ${reason ?? status}`
      tally.ended[name] = (tally.ended[name] ?? 0) + 1
      wrong.push(...faults)
      for (const { journal } of proxies) tally.faults += journal.splice(0).length
      return yield* Clock.currentTimeMillis
    })
    yield* Effect.replicateEffect(Effect.repeat(place, { until: (now) => now >= until }), atOnce, {
      concurrency: "unbounded",
      discard: true,
    })
  })

const open = Left.count(new LiveFibers(), [])

/** Megabytes of this process once nothing is under way and nothing is left that can be let go of. */
const memory = Effect.gen(function* () {
  for (let round = 0; round < 3; round++) {
    yield* Effect.sleep("1 second")
    Left.collect()
  }
  const { heapUsed, rss } = process.memoryUsage()
  return { rss: rss / 2 ** 20, heap: heapUsed / 2 ** 20 }
})

export const bench = Effect.gen(function* () {
  const ib = yield* Part.ibHost()
  const training = yield* TrainingHost.start({ home: yield* Part.folder("soak-host"), tls: false })
  const home = yield* Part.folder("soak")
  const before = yield* open
  const wrong: Array<string> = []
  const found = yield* Effect.gen(function* () {
    const campaign = yield* SoakCampaign.make({
      home,
      ib: ib.port,
      training: training.port,
      seed,
      exchanges: 500_000,
    })
    const own = Effect.map(open, (left) => ({
      ...left,
      sockets: campaign.proxies.reduce((sum, { counts }) => sum - counts.sockets, left.sockets),
    }))
    const tally = tallies()
    yield* goOn(campaign, tally, wrong, warmUp)
    const [warm, opened] = [yield* memory, yield* own]
    yield* Console.error(`warm after ${tally.operations} operations: ${warm.rss.toFixed(0)} MB`)
    yield* goOn(campaign, tally, wrong, minutes * 60_000)
    const [end, more] = [yield* memory, yield* Left.settle(own, opened, 15_000)]
    return { tally, warm, end, more }
  }).pipe(Effect.scoped)
  yield* Left.settle(open, before, 5000)
  const { end, more, tally, warm } = found
  yield* Console.log(
    table([
      ["", "when warm", "at the end"],
      ["memory, MB", warm.rss.toFixed(0), end.rss.toFixed(0)],
      ["of it JavaScript's heap, MB", warm.heap.toFixed(0), end.heap.toFixed(0)],
    ]),
  )
  yield* Console.log(
    `${tally.operations} operations, ${tally.watched} watched, through ${tally.faults} faults`,
  )
  yield* Console.log(
    `ends: ${Object.entries(tally.ended)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ")}`,
  )
  for (const one of wrong.slice(0, 20)) yield* Console.error(one)
  yield* Console.log(
    JSON.stringify({
      bench: "soak",
      minutes,
      operations: tally.operations,
      wrong_states: wrong.length,
      rss_growth_mb: Math.round(end.rss - warm.rss),
      heap_growth_mb: Math.round(end.heap - warm.heap),
      sockets_at_end: Left.connections(),
      fd_growth: more.files + more.sockets,
    }),
  )
  if (wrong.length > 0) yield* Effect.fail(new Error(`${wrong.length} ends were not told alike`))
}).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None))
