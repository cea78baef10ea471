/** Whether everybody says the same of how an operation ended. */
import * as Exit from "effect/Exit"
import type { OperationRecord } from "../../src/OperationRecord.js"

/** What the record of an operation should say that ended so. */
export const statusOf = (exit: Exit.Exit<unknown, unknown>): "completed" | "cancelled" | "failed" =>
  Exit.isSuccess(exit) ? "completed" : Exit.isInterrupted(exit) ? "cancelled" : "failed"

/** In what a terminal record does not agree with the exit, or with itself. */
export const faultsOf = (
  { completed, progress, status }: OperationRecord,
  exit: Exit.Exit<unknown, unknown>,
): ReadonlyArray<string> => {
  const expected = statusOf(exit)
  const faults: Array<string> = []
  if (status !== expected) faults.push(`recorded as ${status}, ended as ${expected}`)
  if (progress?.status !== status) faults.push(`its progress says ${progress?.status}`)
  if (completed === null) faults.push("it has no end")
  return faults
}
