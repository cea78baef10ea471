import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import * as Cli from "../../src/node/Cli.js"
import * as Logs from "../../src/node/Logs.js"
import { OperationError } from "../../src/OperationError.js"
import * as TestOutput from "../utils/TestOutput.js"

const levelIs = (level: string) =>
  Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["KTRDR_LOG_LEVEL", level]])))

/** What the program has written to standard error. */
const logged = <E>(
  program: Effect.Effect<unknown, E>,
  layer: typeof Logs.layerService,
  options: { readonly level?: string; readonly terminal?: boolean; readonly environment?: object } = {},
) =>
  Effect.gen(function* () {
    const output = TestOutput.make(options.terminal === true ? { columns: 80, rows: 24 } : undefined, {
      ...options.environment,
    })
    yield* TestClock.setTime(Date.UTC(2024, 0, 2, 14, 30, 5, 678))
    yield* program.pipe(
      Effect.provide(Layer.provide(layer, output.layer)),
      Effect.provide(levelIs(options.level ?? "")),
    )
    expect(output.out()).toBe("")
    return output.err()
  })

const error = new OperationError({
  reason: "UnknownId",
  place: "operation",
  expected: "a known id",
  found: "none",
  advice: "See the list",
})

const oneOfEach = Effect.all([
  Effect.logDebug("looking"),
  Effect.logInfo("seen"),
  Effect.logWarning("odd", error),
  Effect.logError("broken", Cause.fail(error)),
])

const wordsAt = (level: string) =>
  Effect.map(logged(oneOfEach, Layer.provideMerge(Logs.layerLevel, Logs.layerMessages), { level }), (text) =>
    [...text.matchAll(/^\w+/gm)].map(([word]) => word),
  )

describe("messages of a command", () => {
  it.effect("are lines from warnings on", () =>
    Effect.gen(function* () {
      expect(yield* logged(oneOfEach, Logs.layerMessages)).toBe(
        `warning: odd: OperationError: ${error.message}\nerror: broken: OperationError: ${error.message}\n`,
      )
    }),
  )

  it.effect("begin where KTRDR_LOG_LEVEL says", () =>
    Effect.gen(function* () {
      expect(yield* wordsAt("debug")).toEqual(["debug", "info", "warning", "error"])
      expect(yield* wordsAt("info")).toEqual(["info", "warning", "error"])
      expect(yield* wordsAt("")).toEqual(["warning", "error"])
      expect(yield* wordsAt("error")).toEqual(["error"])
      expect(yield* wordsAt("none")).toEqual([])
    }),
  )

  it.effect("of a level that there is not are refused as a matter of usage, by every command", () =>
    Effect.gen(function* () {
      for (const line of ["data list", "host ib --port 0"]) {
        const ended = yield* TestOutput.run(Effect.provide(Cli.run(line.split(" ")), levelIs("loud")))
        expect(ended).toEqual({
          result: 2,
          out: "",
          err: 'ktrdr: KTRDR_LOG_LEVEL: Expected one of debug info warning error none, found "loud". Correct this setting, or leave it out.\n',
        })
      }
    }),
  )
})

/** What is found in a text that is being written, once it is there. */
const said = (what: RegExp, where: () => string) =>
  Effect.sync(() => what.exec(where())?.[0] ?? "").pipe(
    Effect.repeat({ until: (found) => found !== "", schedule: Schedule.spaced("5 millis") }),
    Effect.andThen(() => what.exec(where())?.[0] ?? ""),
    Effect.timeout("10 seconds"),
  )

describe("the log of a service", () => {
  const eventful = Effect.logInfo("answered", { rows: 3 }).pipe(
    Effect.annotateLogs({
      path: "/a b",
      status: 200,
      isNew: true,
      none: null,
      token: Redacted.make("hush"),
      deep: { token: Redacted.make("hush"), big: 1n },
    }),
    (effect) => Effect.zipRight(TestClock.adjust("12 millis"), effect),
    Effect.withLogSpan("request"),
  )

  it.effect("is a JSON object a line", () =>
    Effect.gen(function* () {
      const text = yield* logged(
        Effect.zipRight(eventful, Effect.logError("broken\nin two", Cause.fail(error))),
        Logs.layerService,
      )
      const [first, second, end] = text.split("\n")
      const { annotations, ...entry } = JSON.parse(first ?? "")
      expect(entry).toEqual({
        timestamp: "2024-01-02T14:30:05.690Z",
        level: "INFO",
        message: 'answered {"rows":3}',
        spans: { request: 12 },
      })
      expect(annotations).toMatchObject({
        path: "/a b",
        status: 200,
        isNew: true,
        none: null,
        token: "<redacted>",
      })
      expect(text).not.toContain("hush")
      expect(JSON.parse(second ?? "")).toEqual({
        timestamp: "2024-01-02T14:30:05.690Z",
        level: "ERROR",
        message: "broken",
        cause: `OperationError: ${error.message}`,
      })
      expect(end).toBe("")
    }),
  )

  it.effect("is a readable line on a terminal, in colour where that is allowed", () =>
    Effect.gen(function* () {
      const plain = yield* logged(eventful, Logs.layerService, {
        terminal: true,
        environment: { NO_COLOR: "1" },
      })
      expect(plain).toMatch(/^14:30:05\.690 INFO {2}answered \{"rows":3\} .*\n$/)
      for (const fact of ['path="/a b"', "status=200", "token=<redacted>", "request=12ms"])
        expect(plain).toContain(fact)
      const coloured = yield* logged(
        Effect.logWarning("\u001b[2Jgone", Cause.fail(error)),
        Logs.layerService,
        {
          terminal: true,
        },
      )
      expect(coloured).toBe(
        `\u001b[2m14:30:05.678\u001b[22m \u001b[33mWARN \u001b[39m  [2Jgone OperationError: ${error.message}\n`,
      )
    }),
  )

  it.effect("tells stacks only to those who debug", () =>
    Effect.gen(function* () {
      const failing = Effect.logError("broken", Cause.die(new Error("a bug")))
      const brief = yield* logged(failing, Logs.layerService)
      expect(JSON.parse(brief)).toMatchObject({ cause: "Error: a bug" })
      expect(brief).not.toContain("at ")
      const long = yield* logged(failing, Logs.layerService, { level: "debug" })
      expect(JSON.parse(long).stack).toMatch(/Error: a bug\n +at .*Logs\.test/)
      expect(long.trim().split("\n")).toHaveLength(1)
      const lines = yield* logged(failing, Logs.layerService, { level: "debug", terminal: true })
      expect(lines).toMatch(/broken Error: a bug\nError: a bug\n +at /)
    }),
  )

  it.effect("replaces the messages of the command that keeps it, and leaves other loggers", () =>
    Effect.gen(function* () {
      const other: Array<string> = []
      const program = Effect.logInfo("once").pipe(
        Effect.provide(
          Logs.layerService.pipe(
            Layer.provideMerge(Logs.layerMessages),
            Layer.provideMerge(Logger.add(Logger.make(({ message }) => void other.push(String(message))))),
            Layer.provide(levelIs("")),
          ),
        ),
      )
      const { err } = yield* TestOutput.run(program)
      expect(err.trim().split("\n")).toHaveLength(1)
      expect(JSON.parse(err)).toMatchObject({ message: "once" })
      expect(other).toEqual(["once"])
    }),
  )

  it.live("of host ib has a line for every request", () =>
    Effect.gen(function* () {
      const output = TestOutput.make()
      const fiber = yield* Effect.fork(
        Effect.provide(Cli.run(["host", "ib", "--port", "0", "--source", "sample"]), output.layer),
      )
      const url = yield* said(/http:\S+/, output.out)
      const headers = { "x-request-id": "abc" }
      yield* Effect.promise(() => fetch(`${url}/health?token=hush`, { headers }).then((_) => _.text()))
      yield* Effect.promise(() => fetch(`${url}/nowhere`).then((_) => _.text()))
      yield* said(/nowhere/, output.err)
      yield* Fiber.interrupt(fiber)
      const [serving, ...lines] = output
        .err()
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
      expect(serving).toMatchObject({ level: "INFO", message: expect.stringMatching(/^Serving sample bars/) })
      expect(lines).toMatchObject([
        {
          message: "GET /health 200",
          annotations: { path: "/health", status: 200, duration_ms: expect.any(Number), request_id: "abc" },
        },
        { message: "GET /nowhere 404", annotations: { method: "GET", status: 404 } },
      ])
      expect(output.err()).not.toContain("hush")
    }),
  )

  it.prop(
    "stays one JSON object a line whatever is logged",
    [
      FastCheck.array(FastCheck.anything()),
      FastCheck.dictionary(FastCheck.fullUnicodeString(), FastCheck.anything()),
    ],
    ([parts, annotations]) => {
      const output = TestOutput.make()
      const text = Effect.log(...parts)
        .pipe(
          Effect.annotateLogs(annotations),
          Effect.provide(Layer.provide(Logs.layerService, output.layer)),
          Effect.as(output),
          Effect.runSync,
        )
        .err()
      const lines = text.split("\n")
      expect(lines).toHaveLength(2)
      expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "INFO" })
    },
    { fastCheck: { numRuns: 60 } },
  )
})
