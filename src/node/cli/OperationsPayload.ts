/**
 * The payload of an operation as a user gives it: a JSON file, or standard input.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { DataError } from "../../data/DataError.js"
import * as JsonLines from "../../internal/jsonLines.js"
import type * as Operation from "../../Operation.js"
import { OperationError } from "../../OperationError.js"
import * as GivenFile from "../GivenFile.js"

/** A payload, and the text that it was read from. */
export interface Given {
  readonly value: unknown
  readonly text: string
  readonly place: string
}

/** The longest that is read, in bytes. */
export const mostBytes = 1024 * 1024

/**
 * Reads the JSON of a file, or of standard input where that is `-`. Fails with `InvalidPayload`, naming the line,
 * where it is none.
 */
export const read = (
  file: string,
  input: NodeJS.ReadableStream = process.stdin,
): Effect.Effect<Given, DataError | OperationError> =>
  Effect.gen(function* () {
    const place = file === "-" ? "standard input" : file
    const bytes = yield* collect(file === "-" ? standardInput(input) : fileBytes(file))
    if (bytes.length > mostBytes) return yield* refused(place, "at most 1 MiB of JSON", "more")
    const text = yield* Effect.try({
      try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
      catch: () => refused(place, "JSON as text in UTF-8", "something else, such as a binary file"),
    })
    const { wrong } = JsonLines.make(text)
    const line = `${place} line ${wrong ?? 1}`
    const value = yield* Effect.try({
      try: (): unknown => JSON.parse(text),
      catch: (cause) => {
        const found = cause instanceof Error ? cause.message.replaceAll(/\s+/g, " ") : String(cause)
        return refused(line, "a JSON value", text.trim() === "" ? "nothing" : found)
      },
    })
    if (wrong !== undefined) return yield* refused(line, "a JSON value of at most 100 levels", "more")
    return { value, text, place }
  }).pipe(Effect.provide(NodeFileSystem.layer))

/** Fails, naming the line of the file, where the payload does not fit the operation. */
export const check = (
  operation: Operation.Any,
  { place, text, value }: Given,
): Effect.Effect<void, OperationError> =>
  Effect.mapError(operation.decode(value), (error) => {
    const path = error.place.split(" payload.")[1]
    const keys = path?.split(".").map((key) => (/^\d+$/.test(key) ? Number(key) : key)) ?? []
    const line = JsonLines.make(text).lineOf(keys)
    return new OperationError({
      ...error,
      place: `${place} line ${line}${path === undefined ? "" : `, ${path}`}`,
    })
  })

// ---------------------------------------------------------------------------------------------------------

const collect = <E, R>(stream: Stream.Stream<Uint8Array, E, R>): Effect.Effect<Uint8Array, E, R> =>
  Effect.map(
    Stream.runFoldWhile(
      stream,
      { all: [] as Array<Uint8Array>, size: 0 },
      ({ size }) => size <= mostBytes,
      ({ all, size }, piece) => {
        all.push(piece)
        return { all, size: size + piece.length }
      },
    ),
    ({ all }) => Buffer.concat(all),
  )

const fileBytes = (file: string) =>
  Stream.mapError(GivenFile.bytes(file, mostBytes + 1), GivenFile.fault("InvalidInput", file, expected))

const standardInput = (input: NodeJS.ReadableStream) =>
  NodeStream.fromReadable<DataError, Uint8Array>(
    () => input,
    (cause) =>
      new DataError({
        reason: "InvalidInput",
        place: "standard input",
        expected,
        found: String(cause),
        advice: "Give a file, or a pipe that can be read",
      }),
  )

const expected = "a payload to read"

const refused = (place: string, expected: string, found: string): OperationError =>
  new OperationError({
    reason: "InvalidPayload",
    place,
    expected,
    found,
    advice: "Give the payload of the operation as JSON",
  })
