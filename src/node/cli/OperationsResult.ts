/**
 * What operations succeeded with, as a person reads it.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { DataError, Reason } from "../../data/DataError.js"
import { LoadData } from "../../data/LoadData.js"
import { LoadMany, type Outcome } from "../../data/LoadMany.js"
import type { Failure, OperationRecord } from "../../OperationRecord.js"
import * as LoadTable from "./LoadTable.js"
import * as OperationsSettings from "./OperationsSettings.js"

/**
 * The report of a load as the load itself prints it, JSON of any other result; undefined where there is none.
 * `command` makes words what a user would type.
 */
export const text = (
  record: OperationRecord,
  command: (words: ReadonlyArray<string>) => string,
): string | undefined => {
  const { completed, created, result, settings, started } = record
  if (result === null || result === undefined) return undefined
  const elapsed = (completed ?? created) - (started ?? created)
  return Option.match(outcomes(record), {
    onSome: (all) => LoadTable.text(all, { elapsed, carried: OperationsSettings.words(settings), command }),
    onNone: () => JSON.stringify(result),
  })
}

/** What became of each series of a load, also of one that failed, as far as its record tells. */
export const outcomes = (record: OperationRecord): Option.Option<ReadonlyArray<Outcome>> => {
  const { failure, kind, payload, result } = record
  if (kind === LoadMany.kind) {
    return failure === null
      ? decodeMany(result)
      : Option.map(decodeManyError(failure.error), ({ outcomes }) => outcomes)
  }
  if (kind !== LoadData.kind) return Option.none()
  const ended: Option.Option<Outcome["result"]> =
    failure === null
      ? Option.map(decodeOne(result), Either.right)
      : Option.map(errorOf(failure), (error) => Either.left(error))
  return Option.zipWith(decodePayload(payload), ended, (load, result) => [{ payload: load, result }])
}

// ---------------------------------------------------------------------------------------------------------

const decodePayload = Schema.decodeUnknownOption(LoadData.definition.payload)
const decodeOne = Schema.decodeUnknownOption(LoadData.definition.success)
const decodeOneError = Schema.decodeUnknownOption(LoadData.definition.error)
const decodeMany = Schema.decodeUnknownOption(LoadMany.definition.success)
const decodeManyError = Schema.decodeUnknownOption(LoadMany.definition.error)

/** A record that has not the error itself tells it in one line: its parts are taken from there. */
const errorOf = (failure: Failure): Option.Option<DataError> =>
  failure.error === undefined ? errorIn(failure) : decodeOneError(failure.error)

const errorIn = ({ message, reason, tag }: Failure): Option.Option<DataError> => {
  const parts = /^(.*?): expected (.*?), found (.*)\. ([^.]*(?:\.\S[^.]*)*)\.$/.exec(message)
  if (tag !== "DataError" || parts === null || !isReason(reason)) return Option.none()
  const [, place = "", expected = "", found = "", advice = ""] = parts
  return Option.some(new DataError({ reason, place, expected, found, advice }))
}

const isReason = Schema.is(Reason)
