/**
 * What the registry costs: an operation that does nothing, from its start to its recorded end; a list of ten
 * thousand; two processes that write at once; and a load of a million bars, beside the same as a plain program.
 * Each of those loads is a process of its own, whose CPU time counts; the host is another one. Every record is
 * kept in the SQLite file of a home.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Operations } from "../../src/Operations.js"
import { median, quantile, ratioOf, table } from "./measure.js"
import * as MinuteLoads from "./minuteLoads.js"
import * as Part from "./part.js"
import type { LoadAnswer, LoadOrders, WriteAnswer, WriteOrders } from "./registryChild.js"
import { layerNothing, nothing } from "./registryChild.js"
import { atWork, ended, home, lists, times } from "./registryLists.js"

const bars = 1_000_000
const pairs = 15
const written = 1000

const empties = Effect.gen(function* () {
  const directory = yield* home
  return yield* Effect.gen(function* () {
    const operations = yield* Operations
    yield* times(500, (index) => nothing(operations, index))
    const millis = yield* times(5000, (index) =>
      Effect.filterOrDieMessage(nothing(operations, index), Exit.isSuccess, "an operation did not succeed"),
    )
    const { active, total } = yield* operations.list({ statuses: ["completed"] })
    if (active !== 0 || total !== 5500) yield* Effect.dieMessage(`${total} operations were recorded`)
    return millis.map((_) => _ * 1000)
  }).pipe(Effect.provide(layerNothing(directory)))
}).pipe(Effect.scoped)

const writers = Effect.gen(function* () {
  const orders: WriteOrders = { home: yield* home, count: written }
  const both = yield* Effect.all([Part.start("registry-write", orders), Part.start("registry-write", orders)])
  yield* Effect.forEach(both, ({ next }) => next())
  yield* Effect.forEach(both, ({ say }) => say({}))
  return yield* Effect.forEach(both, ({ next }) => next<WriteAnswer>())
}).pipe(Effect.scoped)

const load = (way: LoadOrders["way"], url: string, end: number) =>
  Effect.gen(function* () {
    const orders: LoadOrders = {
      home: yield* home,
      url,
      way,
      first: MinuteLoads.before(end),
      load: MinuteLoads.until(end),
    }
    const part = yield* Part.start("registry-load", orders)
    const answer = yield* part.next<LoadAnswer>()
    if (answer.bars !== bars) yield* Effect.dieMessage(`a load ended with ${answer.bars} bars`)
    return answer
  }).pipe(Effect.scoped)

interface Pair {
  readonly plain: LoadAnswer
  readonly registry: LoadAnswer
}

/** Every other pair begins with the other way. */
const compared = Effect.gen(function* () {
  const { url } = yield* Part.ibHost()
  const end = MinuteLoads.endOf(bars)
  const found: Array<Pair> = []
  for (let index = 0; index < pairs; index++) {
    const early = yield* load(index % 2 === 0 ? "plain" : "registry", url, end)
    const late = yield* load(index % 2 === 0 ? "registry" : "plain", url, end)
    const pair = index % 2 === 0 ? { plain: early, registry: late } : { plain: late, registry: early }
    yield* Console.error(
      `pair ${index + 1} of ${pairs}: ${(pair.registry.cpuMillis / pair.plain.cpuMillis).toFixed(3)}`,
    )
    found.push(pair)
  }
  return found
}).pipe(Effect.scoped)

const ms = (value: number): string => value.toFixed(1)

const rowOf = (name: string, millis: ReadonlyArray<number>) => [
  `a page among ${ended} ended, ${name}: median, p99, ms`,
  `${ms(median(millis))}, ${ms(quantile(millis, 0.99))}`,
  "<= 20",
]

export const bench = Effect.gen(function* () {
  const micros = yield* empties
  const listed = yield* lists
  const wrote = yield* writers
  const found = yield* compared
  const ratio = ratioOf(found.map(({ plain, registry }) => registry.cpuMillis / plain.cpuMillis))
  const slowest = Math.max(...Object.values(listed).map(median))
  const errors = wrote.flatMap((one) => one.errors)
  const middle = (of: (pair: Pair) => number) => median(found.map(of))
  yield* Console.log(
    table([
      ["what", "measured", "to reach"],
      ["an empty operation, start to recorded end: median, us", median(micros).toFixed(0), "<= 2000"],
      ["the same: p99, us", quantile(micros, 0.99).toFixed(0), ""],
      rowOf("the newest", listed.newest),
      rowOf("in the middle", listed.middle),
      rowOf("the oldest", listed.oldest),
      rowOf("the cancelled ones", listed.cancelled),
      rowOf("a kind and two states", listed.kind),
      rowOf(`the ${atWork} active ones`, listed.active),
      [`two processes, ${written} operations each at once: errors`, String(errors.length), "0"],
      [
        "their event-loop delay: p99, largest, ms",
        wrote.map(({ max, p99 }) => `${ms(p99)}, ${ms(max)}`).join("; "),
        "p99 <= 50",
      ],
      ["their time, s", wrote.map(({ millis }) => (millis / 1000).toFixed(2)).join("; "), ""],
      [
        `${bars} bars as a plain program: CPU, wall, s`,
        `${(middle((_) => _.plain.cpuMillis) / 1000).toFixed(2)}, ${(middle((_) => _.plain.millis) / 1000).toFixed(2)}`,
        "",
      ],
      [
        "through the registry: CPU, wall, s",
        `${(middle((_) => _.registry.cpuMillis) / 1000).toFixed(2)}, ${(middle((_) => _.registry.millis) / 1000).toFixed(2)}`,
        "",
      ],
      [
        `CPU / plain, ${pairs} interleaved pairs: geometric mean [95 % by t over logarithms]`,
        `${ratio.mean.toFixed(3)} [${ratio.low.toFixed(3)}, ${ratio.high.toFixed(3)}]`,
        "lower end <= 1.03",
      ],
    ]),
  )
  for (const error of errors.slice(0, 3)) yield* Console.error(error)
  yield* Console.log(
    JSON.stringify({
      bench: "registry",
      start_to_terminal_us: Math.round(median(micros)),
      overhead_vs_plain: Number(ratio.mean.toFixed(3)),
      overhead_low: Number(ratio.low.toFixed(3)),
      overhead_high: Number(ratio.high.toFixed(3)),
      list_10000_ms: Number(slowest.toFixed(1)),
      writers_errors: errors.length,
      writers_loop_p99_ms: Number(Math.max(...wrote.map(({ p99 }) => p99)).toFixed(1)),
    }),
  )
})
