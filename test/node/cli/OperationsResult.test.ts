/** What is read out of the records of operations: what became of loads, and the options that set them up. */
import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { DataError } from "../../../src/data/DataError.js"
import { LoadData } from "../../../src/data/LoadData.js"
import { LoadMany, LoadManyError } from "../../../src/data/LoadMany.js"
import * as OperationsResult from "../../../src/node/cli/OperationsResult.js"
import * as OperationsSettings from "../../../src/node/cli/OperationsSettings.js"
import * as Records from "../../utils/OperationRecords.js"

const payload = { symbol: "AAPL", timeframe: "1h", mode: "full" }
const decoded = Schema.decodeUnknownSync(LoadData.definition.payload)(payload)

const error = new DataError({
  reason: "InvalidFile",
  place: "a file: expected nothing, found in it",
  expected: "bars",
  found: "none. At all",
  advice: "Look. Then look again",
})

const outcomes = (kind: string, given: Parameters<typeof Records.record>[2]) =>
  OperationsResult.outcomes(
    Records.record("op_a", { token: 1, pid: 7, host: "here" }, { kind, status: "failed", ...given }),
  )

describe("what became of a load that failed", () => {
  const failure = { tag: "DataError", reason: error.reason, message: error.message }

  it("is the error itself where the record has it, whatever its words", () => {
    const encoded = Schema.encodeSync(LoadData.definition.error)(error)
    const [one] = Option.getOrThrow(
      outcomes(LoadData.kind, { payload, failure: { ...failure, error: encoded } }),
    )
    expect(one?.result).toEqual(Either.left(error))
  })

  it("is taken from its words where the record has nothing else", () => {
    const plain = { ...failure, message: "AAPL 1h: expected bars, found none. Look." }
    const [one] = Option.getOrThrow(outcomes(LoadData.kind, { payload, failure: plain }))
    expect(one?.result).toMatchObject({ left: { place: "AAPL 1h", found: "none", advice: "Look" } })
  })

  it("is that of every series where there were many", () => {
    const many = new LoadManyError({ outcomes: [{ payload: decoded, result: Either.left(error) }] })
    const encoded = Schema.encodeSync(LoadMany.definition.error)(many)
    const given = { payload: { loads: [payload] }, failure: { ...failure, error: encoded } }
    expect(Option.getOrThrow(outcomes(LoadMany.kind, given))).toEqual(many.outcomes)
    expect(outcomes(LoadMany.kind, { ...given, failure })).toEqual(Option.none())
  })
})

describe("the options that set an operation up as another was", () => {
  it("are those of each setting that the record has", () => {
    expect(OperationsSettings.words({ calendar: "/a/b.json" })).toEqual(["--calendar", "/a/b.json"])
    expect(OperationsSettings.words({ host: "http://a:1" })).toEqual(["--host", "http://a:1"])
    expect(OperationsSettings.words({ host: "embedded", pacing: "none" })).toEqual(["--pacing", "none"])
    expect(OperationsSettings.words({ training_host: "http://a:2" })).toEqual(["--host", "http://a:2"])
    expect(OperationsSettings.words({ training_host: "local" })).toEqual([])
    expect(OperationsSettings.words({ host: "http://a:1", training_host: "http://a:2" })).toEqual([
      "--host",
      "http://a:1",
    ])
    expect(OperationsSettings.words({})).toEqual([])
  })

  it("name the training host where the operation trains", () => {
    const settings = { host: "http://a:1", pacing: "strict", calendar: "/a/b.json" } as const
    expect(OperationsSettings.recorded("data_load", settings)).toEqual(settings)
    expect(OperationsSettings.recorded("training", settings)).toEqual({
      calendar: "/a/b.json",
      training_host: "http://a:1",
    })
  })
})
