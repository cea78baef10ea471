/**
 * The starts of a set of requests that all wait from the beginning, as the limiter would make them.
 */
import type { Bound, Plan, Rule, Started } from "../Pacing.js"
import { Schedule, spanOf, type Taken, type Use } from "./pacingSchedule.js"

/** What requests took that have started. */
export const takenBy = <Request>(
  rules: ReadonlyArray<Rule<Request>>,
  started: ReadonlyArray<Started<Request>>,
): ReadonlyArray<Taken> =>
  started.flatMap(({ at, request }) =>
    rules.flatMap((one, rule) => {
      const key = one.key(request)
      return key === undefined ? [] : [{ rule, key, at, cost: costOf(one, request) }]
    }),
  )

/** Works in slices of some milliseconds; the last turn returns the plan. */
export function* planning<Request>(
  rules: ReadonlyArray<Rule<Request>>,
  requests: ReadonlyArray<Request>,
  now: number,
  taken: ReadonlyArray<Taken>,
): Generator<void, Plan> {
  const schedule = new Schedule(rules)
  const past = taken.toSorted((a, b) => a.at - b.at)
  for (const one of past) schedule.observe([one], one.at)

  const demands: ReadonlyArray<Map<string, Demand>> = rules.map(() => new Map())
  for (const [index, request] of requests.entries()) {
    if (index % slice === slice - 1) yield
    rules.forEach(
      (rule, position) => (demand(demands[position]!, rule, request).cost += costOf(rule, request)),
    )
  }
  for (const { at, cost, key, rule } of past) {
    if (at + spanOf(rules[rule]!) > now) demands[rule]!.get(key)?.past.push({ at, cost })
  }

  const binds = ({ rule, key }: Use<Request>): boolean => {
    const asked = demands[rule]!.get(key)
    return asked !== undefined && total(asked) > rules[rule]!.limit
  }
  const position = new Map<number, number>()
  for (const [index, request] of requests.entries()) {
    if (index % slice === slice - 1) yield
    position.set(schedule.add(request, now, schedule.usesOf(request).filter(binds)).order, index)
  }

  const starts = new Float64Array(requests.length).fill(Number.POSITIVE_INFINITY)
  let clock = now
  let looked = 0
  while (clock < Number.POSITIVE_INFINITY) {
    looked += schedule.groups + 1
    const { at, next } = schedule.decide(clock)
    if (next === undefined) clock = at
    else {
      starts[position.get(next.order)!] = clock
      schedule.start(next, clock)
    }
    if (looked < looks) continue
    looked = 0
    yield
  }
  const bounds = boundsOf(rules, demands, now)
  const { millis, rule } = bounds[0] ?? { millis: 0, rule: undefined }
  return { starts, end: starts.reduce((a, b) => Math.max(a, b), now), bounds, floor: { millis, rule } }
}

// -----------------------------------------------------------------------------

const slice = 500

/** How many groups of requests are looked at in a turn: each start looks at all of them. */
const looks = 25_000

/** What is asked of one key of a rule, and what it let through of late, oldest first. */
interface Demand {
  cost: number
  readonly past: Array<{ readonly at: number; readonly cost: number }>
}

const demand = <Request>(demands: Map<string, Demand>, rule: Rule<Request>, request: Request): Demand => {
  const key = rule.key(request)
  if (key === undefined) return { cost: 0, past: [] }
  const known = demands.get(key) ?? { cost: 0, past: [] }
  demands.set(key, known)
  return known
}

const costOf = <Request>({ cost }: Rule<Request>, request: Request): number => cost?.(request) ?? 1

const total = ({ cost, past }: Demand): number => past.reduce((sum, entry) => sum + entry.cost, cost)

const boundsOf = <Request>(
  rules: ReadonlyArray<Rule<Request>>,
  demands: ReadonlyArray<Map<string, Demand>>,
  now: number,
): ReadonlyArray<Bound> =>
  rules
    .flatMap((rule, position) => {
      let bound: Bound = { rule: rule.name, millis: 0, cost: 0 }
      for (const asked of demands[position]!.values()) {
        const millis = least(rule, asked, now)
        if (millis > bound.millis) bound = { ...bound, millis, cost: asked.cost }
      }
      return bound.millis > 0 ? [bound] : []
    })
    .sort((a, b) => b.millis - a.millis)

/**
 * Counted back from the last start, as many windows as the cost fills hold it and whatever of the log reaches
 * into the first of them.
 */
const least = ({ limit, windowMillis }: Rule<never>, { cost, past }: Demand, now: number): number => {
  const windows = Math.ceil(cost / limit)
  let spare = windows * limit - cost
  for (const entry of past.toReversed()) {
    spare -= entry.cost
    if (spare < 0) return Math.max((windows - 1) * windowMillis, entry.at + windows * windowMillis - now)
  }
  return (windows - 1) * windowMillis
}
