/**
 * The pace of a run, from samples taken while it goes on. Work is measured in parts of the whole, time in
 * milliseconds.
 */
import type { Habit } from "./timeEstimateHistory.js"

/** The state of a run when somebody looks. */
export interface Sample {
  readonly at: number
  /** The part of the whole that was done, what of it was worked off by items, and what was found done. */
  readonly done: number
  readonly worked: number
  readonly skipped: number
  /** Since when a step that counts items is at work; none where no such step is. */
  readonly counting: number | undefined
  /** Nothing moves before this instant. */
  readonly waitingUntil: number | undefined
}

/** What is left of a run when somebody looks, in parts of the whole. */
export interface Remaining {
  /** To steps that count items, and to others. */
  readonly counted: number
  readonly plain: number
  /** What one item is. */
  readonly next: number
}

/** The time left by a run's own pace: at work, and in waits like those before; its standard deviation. */
export interface Live {
  readonly active: number
  readonly waiting: number
  /** Its standard deviation, for the pace is known by what was seen only; and by what may yet happen. */
  readonly doubt: number
  readonly chance: number
}

/**
 * Takes samples in memory that does not grow; a clock that is set back makes time stand still for one of them. Time in which everything waited is no part of the pace, nor is
 * time in which work was only skipped, or in which no step counted items.
 */
export class Pace {
  /** Time and work between samples, oldest first; neighbours are merged when they become too many. */
  private millis: Array<number> = []
  private work: Array<number> = []
  private quantum = 0
  private last: Sample | undefined
  /** What was worked off, and the time that took; the time since, waiting left out. */
  private worked = 0
  private active = 0
  private idle = 0
  /** Time in which no step counted items, and such time since anything was done. */
  private plain = 0
  private plainIdle = 0
  /** Such time since the first item. */
  private plainSince = 0
  private waited = 0
  /** Waits with work between them. */
  private waits = 0
  private workedAtWait = -1

  take(sample: Sample): void {
    const { last } = this
    if (last !== undefined) this.go({ ...last, at: Math.min(last.at, sample.at) }, sample)
    else if (sample.counting !== undefined && sample.worked > 0) {
      this.push(Math.max(0, sample.at - sample.counting), sample.worked)
    }
    this.last = sample
    if (sample.waitingUntil !== undefined && sample.worked !== this.workedAtWait) {
      this.waits++
      this.workedAtWait = sample.worked
    }
  }

  /** Waiting that is not likely to come again: all of a single wait, the less of it the more there were. */
  get exceptional(): number {
    return this.waits === 0 ? 0 : this.waited / this.waits
  }

  /** Time since the first item in which none was at work. */
  besidesAt(isOver: boolean): number {
    return this.plainSince + (isOver ? this.idle : 0)
  }

  /** What is worth knowing of the run once it is over, after so many milliseconds. */
  habit(millis: number): Habit | undefined {
    if (!(this.active > 0)) return undefined
    let work = this.worked / 2
    let time = 0
    for (let index = 0; index < this.work.length && work > 0; index++) {
      const part = Math.min(1, work / this.work[index]!)
      time += part * this.millis[index]!
      work -= this.work[index]!
    }
    return {
      firstHalf: Math.min(1, time / this.active),
      waiting: this.waited / this.active,
      counting: Math.min(1, (this.active + this.waited) / Math.max(1, millis)),
      besides: this.besidesAt(true) / (this.active + this.waited),
    }
  }

  /** The time left by this run's own pace; none before anything was worked off. */
  likely({ counted, plain, next }: Remaining, usual: Usual): Live | undefined {
    if (!(this.worked > 0)) return undefined
    const { pace, noise, weight, stretches, centre } = this.recent()
    const stroke = Math.min(next, counted)
    const due = pace * stroke
    const begun = due > 0 ? Math.min(1, this.idle / due) : 0
    const slowed = pace + Math.max(0, this.idle - due) / (weight + stroke)
    const rest = counted - begun * stroke
    const whole = this.worked + counted
    const ahead = (this.worked + counted / 2 - centre) / whole
    const level = 1 + usual.trend * (centre / whole - 0.5)
    const turn = Math.min(3, Math.max(1 / 3, 1 + (usual.trend * ahead) / Math.max(0.1, level)))
    const working = slowed * turn * rest
    const supposed = Math.max(stroke, 1e-9)
    const scatter = (stretches * noise + doubt * supposed) / (stretches + doubt)
    const turned = (usual.trendSpread * ahead) ** 2
    const waits = this.expectedWaits(working, usual)
    const { besides, vague } =
      usual.besides === undefined
        ? this.besides(plain, slowed)
        : this.usuallyBesides(working + waits.millis, counted, usual.besides)
    return {
      active: working + besides,
      waiting: waits.millis,
      doubt: Math.sqrt(
        (scatter / weight + turned + drift ** 2) * working ** 2 + (vague * besides) ** 2 + waits.doubt ** 2,
      ),
      chance: Math.sqrt((scatter / Math.max(rest, supposed)) * working ** 2 + waits.chance ** 2),
    }
  }

  /** Waits come as they came: in this run, but for the first one, and in those before it. */
  private expectedWaits(working: number, usual: Usual): { millis: number; doubt: number; chance: number } {
    const supposed = usual.waiting === undefined ? 0 : usual.waitingWeight
    const own = this.waited - this.exceptional
    const whole = this.active / this.worked
    const earlier = supposed * whole
    const share = (own + earlier * (usual.waiting ?? 0)) / (this.active + earlier)
    const millis = working * share
    const seen = this.waits + (supposed > 0 ? 1 : 0)
    const each = this.waits > 0 ? this.waited / this.waits : 0
    return { millis, doubt: millis / Math.sqrt(Math.max(1, seen)), chance: Math.sqrt(millis * each) }
  }

  /** The time left to steps that count nothing: like that of those before them, else like that of items. */
  private besides(plain: number, pace: number): { readonly besides: number; readonly vague: number } {
    const { last } = this
    const before = last === undefined ? 0 : last.done - last.worked - last.skipped
    const isSeen = before > 1e-9
    const whole = plain * (isSeen ? (this.plain - this.plainIdle) / before : pace)
    return {
      besides: Math.max(whole / 10, whole - this.plainIdle),
      vague: isSeen ? vague.seen : vague.unseen,
    }
  }

  /** The time in which no item is at work, by what part of the time at work it usually is. */
  private usuallyBesides(left: number, counted: number, usual: number) {
    const whole = (this.active + this.waited + left) * usual
    const gone = this.besidesAt(!(counted > 0))
    return { besides: Math.max(whole / 10, whole - gone), vague: vague.known }
  }

  /** The pace where recent work weighs more: how far back that goes grows with the work that was done. */
  private recent(): { pace: number; noise: number; weight: number; stretches: number; centre: number } {
    const { millis, work } = this.stretches()
    const reach = recency * this.worked
    const weights: Array<number> = []
    let at = 0
    let time = 0
    let sum = 0
    let squares = 0
    let centre = 0
    work.forEach((own, index) => {
      const place = at + own / 2
      const weight = 0.5 ** ((this.worked - place) / reach)
      weights.push(weight)
      time += weight * millis[index]!
      sum += weight * own
      squares += weight * weight * own
      centre += weight * own * place
      at += own
    })
    const most = (robust * time) / sum
    const kept = millis.map((millis, index) => Math.min(millis, most * work[index]!))
    const pace = kept.reduce((total, millis, index) => total + weights[index]! * millis, 0) / sum
    const noise = kept.reduce(
      (total, millis, index) => total + weights[index]! * (millis - pace * work[index]!) ** 2,
      0,
    )
    return {
      pace,
      noise: pace > 0 ? noise / (pace * pace * sum) : 0,
      weight: (sum * sum) / squares,
      stretches: work.length - 1,
      centre: centre / sum,
    }
  }

  /** A few stretches of about equal work, so that what comes in clumps does not pass for noise that evens out. */
  private stretches(): { millis: ReadonlyArray<number>; work: ReadonlyArray<number> } {
    const size = (this.worked / groups) * (1 - 1e-9)
    const millis: Array<number> = []
    const work: Array<number> = []
    this.work.forEach((own, index) => {
      if (work.length === 0 || work.at(-1)! >= size) {
        millis.push(0)
        work.push(0)
      }
      millis[work.length - 1]! += this.millis[index]!
      work[work.length - 1]! += own
    })
    return { millis, work }
  }

  private go(last: Sample, sample: Sample): void {
    const done = sample.worked - last.worked
    if (done < 0) this.rescale(sample.worked / last.worked)
    const span = sample.at - last.at
    const until = last.waitingUntil ?? last.at
    const held = done > 0 && until > sample.at ? 0 : Math.min(span, Math.max(0, until - last.at))
    this.waited += held
    const since = last.counting !== undefined ? last.at : sample.counting
    if (since === undefined) {
      this.plain += span - held
      if (this.worked > 0) this.plainSince += span - held
      this.plainIdle = sample.done > last.done ? 0 : this.plainIdle + span - held
    } else if (done > 0 || sample.skipped <= last.skipped) {
      this.idle += Math.max(0, Math.min(span - held, sample.at - since))
    }
    if (done <= 0) return
    this.push(this.idle, done)
    this.idle = 0
  }

  private push(millis: number, work: number): void {
    this.worked += work
    this.active += millis
    const at = this.work.length - 1
    if (at >= 0 && this.work[at]! < this.quantum) {
      this.millis[at]! += millis
      this.work[at]! += work
      return
    }
    this.millis.push(millis)
    this.work.push(work)
    if (this.work.length <= most) return
    this.millis = pairs(this.millis)
    this.work = pairs(this.work)
    this.quantum = (2 * this.worked) / most
  }

  /** The whole has become larger, so what was done is a smaller part of it. */
  private rescale(factor: number): void {
    this.work = this.work.map((work) => work * factor)
    this.worked *= factor
    this.quantum *= factor
    this.workedAtWait = -1
  }
}

/** What earlier runs tell of how a run's pace changes and of its waits. */
export interface Usual {
  /** How much the pace rises from start to end, as a part of its mean; the standard deviation of that. */
  readonly trend: number
  readonly trendSpread: number
  /** Waiting as a part of the time at work, where it is known; the part of a run that this stands for. */
  readonly waiting: number | undefined
  readonly waitingWeight: number
  /** The part of a run's duration in which items are worked off or wait. */
  readonly counting: number
  /** The time after the first item in which none is at work, as a part of that time, where it is known. */
  readonly besides: number | undefined
}

// ---------------------------------------------------------------------------------------------------------

/** Pairs of time and work that are kept. */
const most = 64
/** Stretches that they are looked at in. */
const groups = 12
/** The work after which a stretch weighs half, as a part of the work that was done. */
const recency = 1
/** A stretch counts as at most this many times slower than the mean. */
const robust = 4
/** How far the time of steps that count nothing may lie from what is expected, as a part of it. */
const vague = { known: 0.5, seen: 1, unseen: 3 }
/** How far the pace may come to lie from what it was, whatever else is known. */
const drift = 0.04
/** For how many stretches the supposed noise stands: that of items which take any time at random. */
const doubt = 2

const pairs = (values: ReadonlyArray<number>): Array<number> =>
  Array.from(
    { length: Math.ceil(values.length / 2) },
    (_, index) => values[2 * index]! + (values[2 * index + 1] ?? 0),
  )
