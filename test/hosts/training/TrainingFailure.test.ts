import { describe, expect, it } from "@effect/vitest"
import * as HostError from "../../../src/HostError.js"
import * as TrainingFailure from "../../../src/hosts/training/TrainingFailure.js"
import { TrainingError } from "../../../src/training/TrainingError.js"

const url = "http://127.0.0.1:5002"

const refused = (status: number, detail: unknown, reason: HostError.Reason = "Status") =>
  HostError.about({ host: "training", method: "POST", path: "/training/stop" })({
    reason,
    expected: "2xx",
    found: `status ${status}`,
    advice: "Look into it",
    attempts: 1,
    status,
    body: JSON.stringify({ detail }),
  })

const meaning = (status: number, detail: unknown) => TrainingFailure.meaning(refused(status, detail))

const advice = (reason: HostError.Reason, status = 500, detail = "") =>
  TrainingFailure.fromHost(refused(status, detail, reason), url, "op_1").advice

describe("TrainingFailure", () => {
  it("reads the words where the status does not say it", () => {
    expect(meaning(500, "Failed to get training status: Session x not found")._tag).toBe("UnknownSession")
    expect(meaning(404, "Session x not found")._tag).toBe("UnknownSession")
    expect(meaning(500, "Failed to start training: Maximum concurrent sessions (1) reached")._tag).toBe(
      "Busy",
    )
    expect(meaning(500, "Failed to start training: Session x already exists")._tag).toBe("Taken")
    expect(meaning(500, "Failed to stop training: Session x is not running (status: stopped)")).toEqual({
      _tag: "NotRunning",
      status: "stopped",
    })
  })

  it("takes nothing for an unknown session that only could be one", () => {
    expect(meaning(404, "Not Found")._tag).toBe("Other")
    expect(meaning(500, "Strategy file not found")._tag).toBe("Other")
    expect(
      TrainingFailure.meaning(new HostError.HostError({ ...refused(500, ""), body: "<html>" }))._tag,
    ).toBe("Other")
  })

  it("says where, what and what to do, keeps the cause, and shows no control characters", () => {
    const cause = refused(500, "Failed to start training: Maximum\u001b[31m concurrent sessions (1) reached")
    const error = TrainingFailure.fromHost(cause, url, "op_1")
    expect(error.reason).toBe("TrainerFailed")
    expect(error.cause).toBe(cause)
    expect(error.message).toBe(
      `${url} session op_1: POST /training/stop: expected 2xx, found 500: Failed to start training: Maximum [31m concurrent sessions (1) reached. Look into the host's log.`,
    )
  })

  it("names the fields of a refused body", () => {
    const detail = [
      { type: "missing", loc: ["body", "data_configuration"], msg: "Field required", input: {} },
      { type: "json_invalid", loc: ["body", 1], msg: "JSON decode error", input: {} },
    ]
    expect(TrainingFailure.fromHost(refused(422, detail), url, "op_1").found).toBe(
      "422: body.data_configuration: Field required; body.1: JSON decode error",
    )
  })

  it("advises by what happened", () => {
    expect(advice("Status", 401, "no token")).toMatch(/TRAINING_HOST_SERVICE_TOKEN/)
    expect(advice("TooLarge")).toMatch(/TRAINING_HOST_SERVICE_MAX_BODY_BYTES/)
    expect(advice("Unavailable", 503, "Maximum concurrent sessions (1) reached")).toMatch(/^Wait until/)
    expect(advice("Status", 404, "Session op_1 not found")).toMatch(/^Resume the training/)
    for (const reason of HostError.Reason.literals) expect(advice(reason)).toMatch(/^[A-Z].*[^.]$/)
  })

  it("passes on what the host's own trainer says, and says of a thread whose it was", () => {
    const given = { place: "epoch 3 batch 2", expected: "a", found: "b", advice: "Do c" }
    const notFinite = new TrainingError({ reason: "NotFinite", ...given })
    expect(TrainingFailure.failed(notFinite, "words", `${url} session x`)).toBe(notFinite)
    const died = new TrainingError({ reason: "TrainerFailed", ...given, place: "training thread" })
    expect(TrainingFailure.failed(died, "words", `${url} session x`)).toMatchObject({
      reason: "TrainerFailed",
      place: `${url} session x: training thread`,
      found: "b",
    })
    expect(TrainingFailure.failed(undefined, "No training data available", "x").found).toBe(
      "No training data available",
    )
    expect(TrainingFailure.failed(undefined, undefined, "x").found).toBe("one that failed, without a word")
  })
})
