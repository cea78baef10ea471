/**
 * What a registry answers where it does not do what it is asked to.
 */
import * as ParseResult from "effect/ParseResult"
import { OperationError } from "../OperationError.js"
import type { OperationRecord } from "../OperationRecord.js"

export const closing = (kind: string): OperationError =>
  new OperationError({
    reason: "Closing",
    place: kind,
    expected: "a registry that takes new operations",
    found: "one that is being closed",
    advice: "Start it again once there is one",
  })

export const otherDefinition = (kind: string): OperationError =>
  new OperationError({
    reason: "UnknownKind",
    place: kind,
    expected: "the operation that the registry was made with",
    found: "another one of the same kind",
    advice: "Make the registry with this one",
  })

export const unfitPayload = (kind: string, found: string): OperationError =>
  new OperationError({
    reason: "InvalidPayload",
    place: `${kind} payload`,
    expected: "a value that fits the operation's payload schema",
    found: shortened(found),
    advice: "Correct it",
  })

/** The first place where a payload from outside does not fit, with all that would. */
export const undecodedPayload = (kind: string, error: ParseResult.ParseError): OperationError => {
  const issues = ParseResult.ArrayFormatter.formatErrorSync(error)
  const [first, ...places] = issues.map(({ path }) => [`${kind} payload`, ...path].map(String).join("."))
  const told = issues.filter((_, index) => index === 0 || places[index - 1] === first)
  const parts = told.map(({ message }) => /^Expected (.+?), actual (.+)$/s.exec(message))
  const wanted = parts.flatMap((part) => (part !== null && part[2] === parts[0]?.[2] ? [part[1]] : []))
  return new OperationError({
    reason: "InvalidPayload",
    place: first ?? `${kind} payload`,
    expected: "a value that fits the operation's payload schema",
    found: shortened(
      wanted.length > 1
        ? `Expected ${wanted.join(" or ")}, actual ${parts[0]?.[2]}`
        : (told[0]?.message ?? "something else"),
    ),
    advice: "Correct the payload at that place",
  })
}

export const unfitId = (id: string): OperationError =>
  new OperationError({
    reason: "InvalidPayload",
    place: "operation id",
    expected: "1 to 200 letters, digits, dots, hyphens and underscores",
    found: JSON.stringify(id.slice(0, 60)),
    advice: "Leave it out to have one made",
  })

export const unknownId = (id: string): OperationError =>
  new OperationError({
    reason: "UnknownId",
    place: "operation id",
    expected: "the id of an operation in the store",
    found: JSON.stringify(id.slice(0, 100)),
    advice: "List the operations to see which there are",
  })

export const finished = ({ id, status, completed }: OperationRecord): OperationError =>
  new OperationError({
    reason: "Finished",
    place: id,
    expected: "an operation that runs or waits",
    found: `one that is ${status}${completed === null ? "" : ` since ${new Date(completed).toISOString()}`}`,
    advice: "There is nothing to cancel",
  })

export const noPart = (parent: string): OperationError =>
  new OperationError({
    reason: "Finished",
    place: parent,
    expected: "one that runs and goes on, for a part of it to start",
    found: "one that has ended or is about to",
    advice: "Start it apart from that one",
  })

export const notFinished = ({ id, status }: OperationRecord): OperationError =>
  new OperationError({
    reason: "NotFinished",
    place: id,
    expected: "an operation that failed or was cancelled",
    found: `one that is ${status}`,
    advice: "Wait for its end, or cancel it first",
  })

export const succeeded = ({ id }: OperationRecord): OperationError =>
  new OperationError({
    reason: "Succeeded",
    place: id,
    expected: "an operation that failed or was cancelled",
    found: "one that is completed",
    advice: "Start a new one to do the work again",
  })

export const notResumable = ({ id, kind }: OperationRecord): OperationError =>
  new OperationError({
    reason: "NotResumable",
    place: id,
    expected: "an operation of a kind that can be resumed",
    found: kind,
    advice: "Retry it instead",
  })

export const superseded = (id: string, by: string): OperationError =>
  new OperationError({
    reason: "Superseded",
    place: id,
    expected: "an operation that nothing goes on with yet",
    found: `${by}, which does`,
    advice: "Watch that one",
  })

export const outdated = ({ id, version }: OperationRecord, known: number): OperationError =>
  new OperationError({
    reason: "OutdatedPayload",
    place: id,
    expected: `a payload of version ${known}`,
    found: `one of version ${version}`,
    advice: "Start a new operation",
  })

/** `loss` says what the process did that it owns it no more. */
export const ownerLost = (id: string, loss: string): OperationError =>
  new OperationError({
    reason: "OwnerLost",
    place: id,
    expected: "to own it still",
    found: `that the lease is gone, for this process ${loss}`,
    advice: "Resume it: what was done is kept",
  })

// ---------------------------------------------------------------------------------------------------------

/** What was given may be long. */
const shortened = (text: string): string => (text.length > 300 ? `${text.slice(0, 300)}…` : text)
