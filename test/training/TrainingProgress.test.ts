import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Trainer from "../../src/training/Trainer.js"
import * as TrainingProgress from "../../src/training/TrainingProgress.js"
import * as Snapshots from "../utils/Snapshots.js"

const context: TrainingProgress.Context = {
  strategy: "mean_reversion",
  symbols: ["AAPL"],
  timeframes: ["1h"],
  model: "MLP",
  epochs: 50,
}

const at = {
  ...context,
  epoch: 5,
  batch: 342,
  batches: 1500,
  loss: 0.61234,
  val_loss: 0.64801,
  val_accuracy: 0.5,
}

const snapshot = Snapshots.snapshot({ kind: "training", stepIndex: 2, stepCount: 5 })

const render = (facts: Partial<TrainingProgress.Context>, over = {}) =>
  TrainingProgress.render({ ...snapshot, ...over }, facts)

const kept = (facts: Partial<TrainingProgress.Context>) => TrainingProgress.kept(snapshot, facts)

const keptAt = (epoch: number, phase: "training" | "validating" | "ending", cursor: number) =>
  kept({ checkpoint: TrainingProgress.keptAt({ epoch, phase, cursor }, { batch_size: 64 })! })

describe("the line of a training", () => {
  it("tells the step before the first batch, then epoch, batch and losses", () => {
    expect(render(context)).toBe("Training MLP model on AAPL [1h] [2/5]")
    expect(render(at)).toBe(
      "Training MLP model on AAPL [1h] [epoch 5/50] (batch 342/1,500) loss 0.6123 val 0.6480",
    )
    expect(render({ ...context, epoch: 1, batch: 1, batches: 2, loss: 1 })).toBe(
      "Training MLP model on AAPL [1h] [epoch 1/50] (batch 1/2) loss 1.0000",
    )
  })

  it("tells the first of several symbols, and all timeframes", () => {
    const several = { ...context, symbols: ["AAPL", "MSFT", "SPX", "QQQ"], epochs: 50, epoch: 15 }
    expect(render({ ...several, timeframes: ["1h", "4h"] })).toBe(
      "Training MLP model on AAPL, MSFT (+2 more) [1h, 4h] [epoch 15/50]",
    )
  })

  it("tells no batch of a host", () => {
    const host = { ...context, epochs: 20, epoch: 8, batch: 3, batches: 4, host: "http://localhost:5002" }
    expect(render(host)).toBe("Training MLP model on AAPL [1h] [epoch 8/20] (training host)")
  })

  it("tells the time left, and needs no facts", () => {
    expect(render(at, { eta: { p50: 120_000, low: 1, high: 2 } })).toMatch(/ · ETA 2m$/)
    expect(render({})).toBe("Training model on [] [2/5]")
  })
})

describe("what was kept", () => {
  it("is told by epoch and batch, or by the epoch where that is whole", () => {
    expect(kept(at)).toBe("nothing kept: no checkpoint was written yet")
    expect(keptAt(1, "training", 0)).toBe("checkpoint of the beginning kept")
    expect(keptAt(5, "training", 64 * 1342)).toBe("checkpoint of epoch 5 batch 1,342 kept")
    expect(keptAt(5, "training", 0)).toBe("checkpoint of epoch 4 kept")
    expect(keptAt(5, "validating", 1024)).toBe("checkpoint of epoch 5 kept")
    expect(keptAt(5, "ending", 0)).toBe("checkpoint of epoch 5 kept")
    expect(keptAt(5, "ending", 64 * 7)).toBe("checkpoint of epoch 5 batch 7 kept")
    const stored = { ...at, checkpoint: { epoch: 5, batch: 0 }, stored: "a/AAPL_1h/v1" }
    expect(kept(stored)).toBe("model a/AAPL_1h/v1 is stored")
  })

  it("comes with how the work was let go, where that went otherwise than it should", () => {
    const { Stopped, Terminated, Unconfirmed } = Trainer.Release
    expect(TrainingProgress.releaseText(Stopped())).toBeUndefined()
    const ended = TrainingProgress.releaseText(Terminated({ afterMillis: 2004 }))!
    expect(kept({ checkpoint: { epoch: 2, batch: 1 }, release: ended })).toBe(
      "checkpoint of epoch 2 batch 1 kept · thread ended by force after 2s",
    )
    expect(TrainingProgress.releaseText(Unconfirmed({ place: "http://host session x" }))).toBe(
      "the host did not say that it has stopped: http://host session x",
    )
  })
})

describe("the facts", () => {
  it("are what their schema says", () => {
    const full = { ...at, rows_per_second: 1.5, checkpoint: { epoch: 1, batch: 0 }, release: "by force" }
    expect(Schema.decodeUnknownSync(TrainingProgress.Context)(full)).toEqual(full)
    expect(Schema.is(TrainingProgress.Context)({ ...at, epoch: -1 })).toBe(false)
  })
})
