import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as SessionStatus from "../../../src/hosts/training/SessionStatus.js"
import type { Event } from "../../../src/training/Trainer.js"
import type { EpochReport } from "../../../src/training/TrainingRun.js"

const decode = Schema.decodeUnknownSync(SessionStatus.SessionStatus)

const report = (epoch: number): EpochReport => ({
  epoch,
  train: { loss: 1 / epoch, accuracy: 0.5 },
  validation: null,
  learningRate: 0.001,
  isBest: false,
})

const batch = (work: number) => ({
  epoch: 1,
  batch: work,
  batches: 10,
  loss: 0.5,
  rowsPerSecond: 1000,
  work,
  workTotal: 20,
})

/** A status as a host of ktrdr sends it. */
const own = (epochs: ReadonlyArray<number>, work: number | null) =>
  decode({
    status: "running",
    ktrdr: {
      operation_id: "op",
      batch: work === null ? null : batch(work),
      epochs: epochs.map(report),
      epochs_total: epochs.length,
      checkpoint: null,
      error: null,
    },
  })

/** A status as KTRDR's host sends it. */
const deployed = (progress: unknown, more: object = {}) =>
  decode({
    status: "running",
    progress,
    metrics: { loss: [1.2, 0.4], accuracy: [0.1, 0.9], device: ["cpu", "cpu"], epoch_loss: [0.6] },
    start_time: "2026-11-23T15:37:33.917640",
    last_updated: "2026-11-23T15:37:37.917640",
    error: null,
    ...more,
  })

/** All that statuses say, one after another. */
const told = (statuses: ReadonlyArray<SessionStatus.SessionStatus>, batchSize = 64): ReadonlyArray<Event> => {
  let before = SessionStatus.nothing
  return statuses.flatMap((status) => {
    const [after, events] = SessionStatus.tell(before, status, { batchSize })
    before = after
    return events
  })
}

const epochsOf = (events: ReadonlyArray<Event>) =>
  events.flatMap((event) => (event._tag === "Epoch" ? [event.report.epoch] : []))

const workOf = (events: ReadonlyArray<Event>) =>
  events.flatMap((event) => (event._tag === "Batch" ? [event.work] : []))

describe("SessionStatus", () => {
  it("takes status words in any case; unknown ones, and none, mean running", () => {
    const words = { completed: "completed", failed: "failed", stopped: "stopped", cancelled: "stopped" }
    for (const [word, phase] of Object.entries(words)) {
      for (const spelt of [word, word.toUpperCase(), ` ${word[0]!.toUpperCase()}${word.slice(1)} `]) {
        expect(SessionStatus.phase(spelt)).toBe(phase)
      }
    }
    for (const word of ["initializing", "initialized", "Running", "paused", "", null, undefined]) {
      expect(SessionStatus.phase(word)).toBe("running")
    }
  })

  it("tells every epoch once and in order, and batches only as they get further", () => {
    const statuses = fc.array(
      fc.record({
        from: fc.integer({ min: 1, max: 12 }),
        more: fc.nat(4),
        work: fc.option(fc.nat(20)),
      }),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(statuses, (given) => {
        const events = told(
          given.map(({ from, more, work }) =>
            own(
              Array.from({ length: more }, (_, i) => from + i),
              work,
            ),
          ),
        )
        for (const numbers of [epochsOf(events), workOf(events)]) {
          expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
        }
        const works = given.flatMap(({ work }) => (work === null ? [] : [work]))
        expect(workOf(events).at(-1)).toBe(works.length === 0 ? undefined : Math.max(...works))
      }),
    )
  })

  it("tells the epochs of a status before its batch", () => {
    expect(told([own([1, 2], 20)]).map(({ _tag }) => _tag)).toEqual(["Epoch", "Epoch", "Batch"])
    expect(told([own([], null)])).toEqual([])
  })

  it("computes the batch of KTRDR's host, whose own does not begin anew with an epoch", () => {
    const progress = {
      epoch: 2,
      total_epochs: 3,
      batch: 6,
      total_batches: 6,
      items_processed: 9,
      items_total: 18,
    }
    expect(told([deployed(progress)])).toEqual([
      {
        _tag: "Batch",
        epoch: 2,
        batch: 3,
        batches: 6,
        loss: 0.4,
        rowsPerSecond: (9 * 64) / 4,
        work: 9,
        workTotal: 18,
      },
    ])
  })

  it("does without the total of items, with stamps of any zone, and without what is not there yet", () => {
    const progress = {
      epoch: 2,
      total_epochs: 3,
      batch: 6,
      total_batches: 6,
      items_processed: 9,
      items_total: null,
    }
    const zoned = { start_time: "2026-11-23T15:37:33Z", last_updated: "2026-11-23T16:37:35+01:00" }
    expect(told([deployed(progress, zoned)])).toMatchObject([{ workTotal: 18, rowsPerSecond: 288 }])
    expect(told([deployed(progress, { last_updated: "soon" })])).toMatchObject([{ rowsPerSecond: 0 }])
    const initial = {
      epoch: 0,
      total_epochs: 3,
      batch: 0,
      total_batches: 0,
      items_processed: 0,
      items_total: null,
    }
    expect(told([deployed(initial)])).toEqual([])
    expect(told([deployed(progress, { metrics: {} }), deployed(progress, { metrics: null })])).toEqual([])
  })

  it("keeps no array that grows with the batches", () => {
    const losses = Array.from({ length: 10_000 }, (_, i) => i)
    const status = deployed(
      {},
      { metrics: { loss: losses, accuracy: losses, device: losses.map(() => "cpu") } },
    )
    expect(JSON.stringify(status).length).toBeLessThan(500)
    expect(status.metrics).toEqual({ loss: 9999 })
  })
})
