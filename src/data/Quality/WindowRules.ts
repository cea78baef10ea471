/**
 * What a bar must keep to among its neighbours. Nothing here is an error: markets do strange things.
 *
 * The bounds were held against five files of real bars (S&P 500 daily 2000 to 2020, an ETF through April 2025,
 * eleven years of hourly and two weeks of five-minute stock bars, half a year of hourly EUR/USD): each lies
 * above what those contain, so that a crash or an earnings report is no fault.
 */
import { tally, type Watcher } from "./Issue.js"

/** Every rule, in the order of their kinds. */
export const watchAll = (): ReadonlyArray<Watcher> => [
  zeroVolumeRun(),
  priceJump(),
  volumeSpike(),
  stalePriceRun(),
]

/**
 * Runs of ten bars or more without any volume, in a series that has volumes: where a venue has none (spot
 * currencies) or none is known, nothing is missing. Counts the bars, names each run by its first.
 */
export const zeroVolumeRun = (): Watcher => {
  const found = tally("zero_volume_run", "warning")
  const run = runs((bars, start, index) => found.add(bars, start, index), 0)
  let hasVolume = false
  return {
    add: ({ start, volume }) => {
      for (let index = 0; index < start.length; index++) {
        const value = volume[index]!
        hasVolume ||= value > 0
        run.next(value === 0, start[index]!)
      }
    },
    issues: () => {
      run.end()
      return hasVolume ? found.issues() : []
    },
  }
}

/**
 * Runs of ten bars or more, over a quarter of an hour or more, that all have the close of the bar before as
 * their four prices. Counts the bars, names each run by its first.
 */
export const stalePriceRun = (): Watcher => {
  const found = tally("stale_price_run", "warning")
  const run = runs((bars, start, index) => found.add(bars, start, index), 15 * 60_000)
  let last = Number.NaN
  return {
    add: ({ start, open, high, low, close }) => {
      for (let index = 0; index < start.length; index++) {
        const price = close[index]!
        const stale = price === last && open[index] === price && high[index] === price && low[index] === price
        run.next(stale, start[index]!)
        last = price
      }
    },
    issues: () => {
      run.end()
      return found.issues()
    },
  }
}

/**
 * Prices that leave their neighbourhood, measured by the median absolute move of the twenty bars before (bars
 * without a move left out), which one wild bar does not change:
 *
 * - a spike: a close more than 16 medians away from the one before and from the one after, which are close to
 *   each other. The largest of the real files is 15, most have none above 10
 * - a jump: a high, low or close more than a fifth above or below the close before and more than 25 medians
 *   away. A fifth is where New York halts the whole market for the day (rule 7.12, level 3); splits that
 *   nobody adjusted for go farther
 *
 * A bar that jumps and comes back counts once.
 */
export const priceJump = (): Watcher => {
  const found = tally("price_jump", "warning")
  const moves = recentMoves()
  const before = { close: Number.NaN, move: 0, start: 0, index: 0, isJump: false }
  let seen = 0
  return {
    add: ({ start, high, low, close }) => {
      for (let index = 0; index < start.length; index++) {
        const price = close[index]!
        if (!(low[index]! > 0 && price > 0)) continue
        const move = price / before.close - 1
        const comesBack = isSpike(before.move, move, moves)
        if (comesBack || before.isJump) found.add(1, before.start, before.index)
        const far = Math.max(size(high[index]! / before.close), size(low[index]! / before.close))
        before.isJump = !comesBack && far > fifth && far > 25 * moves.median()
        before.move = comesBack ? 0 : move
        before.close = price
        before.start = start[index]!
        before.index = seen + index
        moves.add(size(1 + move))
      }
      seen += start.length
    },
    issues: () => {
      if (before.isJump) found.add(1, before.start, before.index)
      before.isJump = false
      return found.issues()
    },
  }
}

/**
 * Volumes more than ten times that of all but two others in the four days, and at least 250 bars, before and
 * after: an auction comes back every day, a number in the wrong unit does not. Nothing is said of a series with
 * fewer than twenty volumes.
 */
export const volumeSpike = (): Watcher => {
  const found = tally("volume_spike", "warning")
  const largest = recentLargest()
  let open: Array<Candidate> = []
  let known = 0
  let seen = 0
  const isOver = (one: Candidate, start: number, index: number) =>
    index - one.index >= spikeBars && start - one.start >= spikeMillis
  const close = (which: (one: Candidate) => boolean) => {
    for (const one of open) if (which(one)) found.add(1, one.start, one.index)
    open = open.filter((one) => !which(one))
  }
  return {
    add: ({ start, volume }) => {
      for (let at = 0; at < start.length; at++) {
        const value = volume[at]!
        if (!(value > 0 && value < Number.POSITIVE_INFINITY)) continue
        known++
        const index = seen + at
        if (open.length > 0) {
          for (const one of open) if (value * spikeTimes >= one.volume) one.peers++
          open = open.filter(({ peers }) => peers <= spikePeers)
          if (known >= spikeKnown) close((one) => isOver(one, start[at]!, index))
        }
        if (value > spikeTimes * largest.third()) {
          open.push({ index, start: start[at]!, volume: value, peers: largest.atLeast(value / spikeTimes) })
        }
        largest.add(value, start[at]!)
      }
      seen += start.length
    },
    issues: () => {
      if (known >= spikeKnown) close(() => true)
      return found.issues()
    },
  }
}

// -----------------------------------------------------------------------------

/** The fewest bars that make a run. */
const runBars = 10

/** Tells runs of at least ten bars that last `millis` or longer from their first start to their last. */
const runs = (found: (bars: number, start: number, index: number) => void, millis: number) => {
  let bars = 0
  let first = 0
  let last = 0
  let seen = 0
  const end = () => {
    if (bars >= runBars && last - first >= millis) found(bars, first, seen - bars)
    bars = 0
  }
  return {
    next: (inside: boolean, start: number) => {
      if (inside) {
        if (bars === 0) first = start
        last = start
        bars++
      } else if (bars > 0) end()
      seen++
    },
    end,
  }
}

const fifth = 0.2

/** How far a ratio of prices is from 1, the same for a half and a double; not finite for no ratio. */
const size = (ratio: number): number => (ratio >= 1 ? ratio - 1 : 1 / ratio - 1)

const isSpike = (away: number, back: number, moves: RecentMoves): boolean => {
  if (away * back >= 0) return false
  const least = Math.min(size(1 + away), size(1 + back))
  return least > leastSpike && size((1 + away) * (1 + back)) <= least / 2 && least > 16 * moves.median()
}

/** Sixteen hundredths of a percent: under it, ticks of a quiet minute would count. */
const leastSpike = 0.0016

interface RecentMoves {
  readonly add: (move: number) => void
  /** Infinite until twenty moves are known. */
  readonly median: () => number
}

const recentMoves = (): RecentMoves => {
  const kept = new Float64Array(20)
  let added = 0
  let known: number | undefined
  return {
    add: (move) => {
      if (!(move > 0 && move < Number.POSITIVE_INFINITY)) return
      kept[added++ % kept.length] = move
      known = undefined
    },
    median: () => {
      if (added < kept.length) return Number.POSITIVE_INFINITY
      known ??= kept.slice().sort()[kept.length >> 1]!
      return known
    },
  }
}

interface Candidate {
  readonly index: number
  readonly start: number
  readonly volume: number
  /** Others of a tenth of its volume or more. */
  peers: number
}

const spikeTimes = 10
const spikePeers = 2
const spikeBars = 250
const spikeKnown = 20
const spikeMillis = 4 * 86_400_000

/** The three largest volumes of the last eight full blocks, of 32 bars or more and half a day or more, and since. */
const recentLargest = () => {
  let blocks: ReadonlyArray<Float64Array> = [new Float64Array(3)]
  let block = blocks[0]!
  let top = new Float64Array(3)
  let bars = 0
  let began = Number.NaN
  return {
    third: () => top[2]!,
    atLeast: (volume: number) => top.filter((other) => other > 0 && other >= volume).length,
    add: (volume: number, start: number) => {
      if (bars++ === 0) began = start
      insert(block, volume)
      insert(top, volume)
      if (bars < 32 || start - began < spikeMillis / 8) return
      bars = 0
      block = new Float64Array(3)
      blocks = [...blocks.slice(-8), block]
      top = new Float64Array(3)
      for (const one of blocks) for (const largest of one) insert(top, largest)
    },
  }
}

/** Puts a number among the three largest, which fall. */
const insert = (largest: Float64Array, value: number): void => {
  if (!(value > largest[2]!)) return
  let at = 2
  for (; at > 0 && largest[at - 1]! < value; at--) largest[at] = largest[at - 1]!
  largest[at] = value
}
