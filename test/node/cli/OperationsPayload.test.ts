import { Readable } from "node:stream"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as OperationsPayload from "../../../src/node/cli/OperationsPayload.js"
import * as Jobs from "../../utils/Jobs.js"

const typed = (...pieces: ReadonlyArray<string | Uint8Array>) =>
  OperationsPayload.read("-", Readable.from(pieces.map((piece) => Buffer.from(piece))))

const refusal = <A, E extends { readonly message: string }>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), ({ message }) => message)

const checked = (text: string) =>
  Effect.flatMap(typed(text), (given) => OperationsPayload.check(Jobs.Job, given))

describe("the payload of an operation", () => {
  it.effect("is read from standard input, in however many pieces, or from a file", () =>
    Effect.gen(function* () {
      expect(yield* typed('{"pie', 'ces":', "3}")).toEqual({
        value: { pieces: 3 },
        text: '{"pieces":3}',
        place: "standard input",
      })
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.makeTempFileScoped()
      yield* fs.writeFileString(file, '\ufeff{"pieces":4}')
      expect((yield* OperationsPayload.read(file)).value).toEqual({ pieces: 4 })
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer)),
  )

  it.effect("that is none is refused by its line", () =>
    Effect.gen(function* () {
      expect(yield* refusal(typed('{"pieces":\n3,,}'))).toMatch(
        /^standard input line 2: expected a JSON value, found .*in JSON at position 13\./,
      )
      expect(yield* refusal(typed(""))).toBe(
        "standard input line 1: expected a JSON value, found nothing. Give the payload of the operation as JSON.",
      )
      expect(yield* refusal(typed(new Uint8Array([0x22, 0xff, 0x22])))).toContain("text in UTF-8")
      expect(yield* refusal(typed(`"${"x".repeat(OperationsPayload.mostBytes)}"`))).toContain(
        "expected at most 1 MiB of JSON, found more",
      )
      expect(yield* refusal(OperationsPayload.read("/nowhere/load.json"))).toMatch(
        /^\/nowhere\/load.json: expected a payload to read, found NotFound\. Check/,
      )
      expect(yield* refusal(OperationsPayload.read("/"))).toContain("found a folder")
    }),
  )

  it.effect("that does not fit its operation is refused by its line and path", () =>
    Effect.gen(function* () {
      yield* checked('{"pieces":3}')
      expect(yield* refusal(checked('{\n"pieces":\n"three"}'))).toMatch(
        /^standard input line 3, pieces: expected a value that fits/,
      )
      expect(yield* refusal(checked('{"pieces":3,\n"peaces":4}'))).toMatch(
        /^standard input line 2, peaces: .*unexpected/,
      )
      expect(yield* refusal(checked("[]"))).toMatch(/^standard input line 1/)
      const deep = `\n${"[".repeat(10_000)}${"]".repeat(10_000)}`
      expect(yield* refusal(checked(deep))).toMatch(
        /^standard input line 2: .*at most 100 levels, found more/,
      )
    }),
  )
})
