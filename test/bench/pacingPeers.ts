/**
 * What people take for pacing, set up for the same rules as well as it can be: a limiter for each key of each
 * rule, one within the other, so that the rule with the longest window is asked last. They run by timers, so
 * they are given timers and a clock of their own, in which waiting takes no time.
 */
import Bottleneck from "bottleneck"
import PQueue from "p-queue"
import type { Paced } from "../../src/hosts/ib/IbPacing.js"
import type { Limit, Start } from "../utils/PacingChecker.js"
import type { Arrival } from "./pacingWork.js"

/** Calls back when a request may go, for as long as the promise that comes back takes. */
type Limiter = (work: () => Promise<void>, cost: number) => Promise<void>

/** A limiter of one rule and key. */
type MakeLimiter = (limit: Limit<Paced>) => Limiter

/** Queues know no costs: what costs two goes through with one that does nothing. */
const pQueue =
  (strict: boolean): MakeLimiter =>
  ({ limit, windowMillis }) => {
    const queue = new PQueue({ intervalCap: limit, interval: windowMillis, strict })
    return async (work, cost) => {
      const others = Array.from({ length: cost - 1 }, () => queue.add(() => Promise.resolve()))
      await Promise.all([...others, queue.add(work)])
    }
  }

/** Its reservoirs are looked after every so often, and so too often for more than one of them. */
const bottleneck: MakeLimiter = ({ limit, windowMillis }) => {
  const limiter = new Bottleneck(
    windowMillis > 60_000
      ? {
          reservoir: limit,
          reservoirRefreshAmount: limit,
          reservoirRefreshInterval: windowMillis,
          heartbeatInterval: 10_000,
        }
      : { minTime: windowMillis / limit },
  )
  return (work, weight) => limiter.schedule({ weight }, work)
}

export const peers: Readonly<Record<string, MakeLimiter>> = {
  "p-queue": pQueue(false),
  "p-queue strict": pQueue(true),
  bottleneck,
}

/** What starts when, each request having passed one limiter of each rule that holds for it. */
export const run = (
  make: MakeLimiter,
  limits: ReadonlyArray<Limit<Paced>>,
  arrivals: ReadonlyArray<Arrival>,
): Promise<ReadonlyArray<Start<Paced>>> =>
  underTimers(async (timers) => {
    const starts: Array<Start<Paced>> = []
    const inner = limits.toSorted((a, b) => b.windowMillis - a.windowMillis)
    const limiters = new Map<string, Limiter>()
    const limiterOf = (rule: Limit<Paced>, key: string): Limiter => {
      const name = `${rule.name}/${key}`
      const known = limiters.get(name) ?? make(rule)
      limiters.set(name, known)
      return known
    }
    const open = async ({ request, lasts }: Arrival): Promise<void> => {
      starts.push({ at: timers.now, request })
      if (lasts > 0) await new Promise<void>((resolve) => void timers.set(resolve, lasts))
    }
    const pass = (arrival: Arrival): Promise<void> => {
      let work = () => open(arrival)
      for (const rule of inner) {
        const key = rule.key(arrival.request)
        if (key === undefined) continue
        const within = work
        const limiter = limiterOf(rule, key)
        work = () => limiter(within, rule.cost?.(arrival.request) ?? 1)
      }
      return work()
    }
    await Promise.all(
      arrivals.map(
        (arrival) =>
          new Promise<void>((resolve, reject) => {
            timers.set(() => void pass(arrival).then(resolve, reject), arrival.at)
          }),
      ),
    )
    return starts
  })

// ---------------------------------------------------------------------------------------------------------

interface Timer {
  at: number
  readonly order: number
  readonly every: number | undefined
  readonly call: () => void
  isSet: boolean
  /** What libraries call on timers of Node. */
  readonly ref: () => void
  readonly unref: () => void
}

class Timers {
  now = 0
  /** The next one last. */
  readonly #queue: Array<Timer> = []
  #order = 0

  readonly set = <Args extends ReadonlyArray<unknown>>(
    call: (...args: Args) => void,
    millis = 0,
    ...args: Args
  ): Timer => this.#put(() => call(...args), millis, undefined)

  readonly repeat = (call: () => void, millis = 0): Timer => this.#put(call, millis, Math.max(1, millis))

  readonly clear = (timer: Timer | undefined): void => {
    if (timer) timer.isSet = false
  }

  /** Goes on to the next instant at which a timer is due. */
  advance(): boolean {
    const first = this.#queue.at(-1)
    if (first === undefined) return false
    this.now = Math.max(this.now, first.at)
    for (
      let next = this.#queue.at(-1);
      next !== undefined && next.at <= this.now;
      next = this.#queue.at(-1)
    ) {
      this.#queue.pop()
      if (!next.isSet) continue
      if (next.every === undefined) next.isSet = false
      else {
        next.at += next.every
        this.#insert(next)
      }
      next.call()
    }
    return true
  }

  #put(call: () => void, millis: number, every: number | undefined): Timer {
    const wait = Math.max(1, Math.ceil(Number.isFinite(millis) ? millis : 0))
    const timer = {
      at: this.now + wait,
      order: this.#order++,
      every,
      call,
      isSet: true,
      ref: nothing,
      unref: nothing,
    }
    this.#insert(timer)
    return timer
  }

  #insert(timer: Timer): void {
    let low = 0
    let high = this.#queue.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (isBehind(this.#queue[middle]!, timer)) low = middle + 1
      else high = middle
    }
    this.#queue.splice(low, 0, timer)
  }
}

const nothing = (): void => {}

const isBehind = (a: Timer, b: Timer): boolean => a.at > b.at || (a.at === b.at && a.order > b.order)

/** Lets everything run that waits for no timer. */
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve))

/** Runs a program whose timers and clock are these until it ends. */
const underTimers = async <A>(program: (timers: Timers) => Promise<A>): Promise<A> => {
  const timers = new Timers()
  const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis
  const dateNow = Date.now
  Object.assign(globalThis, {
    setTimeout: timers.set,
    clearTimeout: timers.clear,
    setInterval: timers.repeat,
    clearInterval: timers.clear,
  })
  Date.now = () => timers.now
  try {
    const over = { yet: false }
    const result = program(timers).finally(() => {
      over.yet = true
    })
    await turn()
    while (!over.yet && timers.advance()) await turn()
    return await result
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval })
    Date.now = dateNow
  }
}
