/**
 * What can go wrong with a database file, told from the codes of SQLite.
 */
import * as Data from "effect/Data"
import * as Predicate from "effect/Predicate"
import { OperationError } from "../OperationError.js"

/**
 * - `busy`: somebody else writes; trying again helps
 * - `damaged`: the file is no database any more
 * - `newer`: a later version of ktrdr made it
 * - `unwritable`, `unreadable`: the disk or its permissions
 * - `refused`: the statement does not fit the tables
 */
export type Kind = "busy" | "damaged" | "newer" | "unwritable" | "unreadable" | "refused"

export class SqlFault extends Data.TaggedError("SqlFault")<{
  readonly kind: Kind
  readonly found: string
  readonly cause?: unknown
}> {}

/** The fault that an error of the database, or of the file system around it, stands for. */
export const fromCause = (cause: unknown): SqlFault => {
  const error = innermost(cause)
  const number = numberOf(error)
  const code = Predicate.hasProperty(error, "code") ? String(error.code) : undefined
  const message = error instanceof Error ? error.message : String(error)
  return new SqlFault({
    kind: number === undefined ? ofSystem(code) : ofSqlite(number),
    found: message.startsWith(`${code}: `) ? message.slice(`${code}: `.length) : message,
    cause: error,
  })
}

export const toError = (file: string, fault: SqlFault): OperationError => {
  const { found, kind } = fault
  const made = (reason: OperationError["reason"], expected: string, advice: string) =>
    new OperationError({
      reason,
      place: file,
      expected,
      found,
      advice,
      ...(fault.cause === undefined ? {} : { cause: fault.cause }),
    })
  switch (kind) {
    case "busy":
      return made("StoreLocked", "a database that is free within 5 seconds", "Try again, or end who holds it")
    case "newer":
      return made("StoreNewer", "a database of this version of ktrdr or an earlier one", "Update ktrdr")
    case "unwritable":
      return made(
        "StoreUnwritable",
        "a file that can be written",
        "Make room on the disk, or allow writing it",
      )
    case "unreadable":
    case "damaged":
    case "refused":
      return made(
        "StoreUnreadable",
        "a database of ktrdr that can be read",
        "Allow reading it, or move it away",
      )
  }
}

// ---------------------------------------------------------------------------------------------------------

const innermost = (cause: unknown): unknown =>
  numberOf(cause) === undefined && Predicate.hasProperty(cause, "cause") && cause.cause !== undefined
    ? innermost(cause.cause)
    : cause

const numberOf = (error: unknown): number | undefined =>
  Predicate.hasProperty(error, "rawCode") && typeof error.rawCode === "number" ? error.rawCode : undefined

const primary = { perm: 3, busy: 5, locked: 6, readonly: 8, ioError: 10, corrupt: 11, full: 13, cantOpen: 14 }
const auth = 23
const notADatabase = 26

/** Kinds of SQLITE_IOERR that come of writing: WRITE, FSYNC, DIR_FSYNC, TRUNCATE, SHMSIZE, SHMMAP. */
const writing = new Set([778, 1034, 1290, 1546, 4874, 5386])

const ofSqlite = (code: number): Kind => {
  switch (code & 0xff) {
    case primary.busy:
    case primary.locked:
      return "busy"
    case primary.corrupt:
    case notADatabase:
      return "damaged"
    case primary.readonly:
    case primary.full:
      return "unwritable"
    case primary.ioError:
      return writing.has(code) ? "unwritable" : "unreadable"
    case primary.perm:
    case primary.cantOpen:
    case auth:
      return "unreadable"
    default:
      return "refused"
  }
}

const ofSystem = (code: string | undefined): Kind =>
  code === undefined ? "refused" : writable.has(code) ? "unwritable" : "unreadable"

const writable = new Set(["EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "EEXIST", "ENOTDIR", "EFBIG"])
