/** Commands in the background: what starts them is replaced by a shell here; the last tests run the bundle. */
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Detach from "../../../src/node/cli/Detach.js"
import * as Command from "../../utils/Command.js"
import * as CommandLine from "../../utils/CommandLine.js"
import * as TestOutput from "../../utils/TestOutput.js"

/** Starts a shell script in place of the program, in a home of its own. */
const detached = (script: string, given: Partial<Detach.Options> = {}, file = "/bin/sh") =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const home = yield* fs.makeTempDirectoryScoped({ prefix: "ktrdr-test-" })
    const output = TestOutput.make()
    const program = { file, args: ["-c", script, "sh"] }
    const run = Detach.run({ kind: "job", words: ["one", "--detach", "two"], json: false, ...given }).pipe(
      Effect.provideService(Detach.Program, program),
      Effect.provide(output.layer),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["KTRDR_HOME", home]]))),
    )
    return { home, output, run }
  }).pipe(Effect.provide(NodeFileSystem.layer))

/** Whether there is such a process; or, for a negative number, a group of processes. */
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** What the only log of the home holds, once it holds something. */
const logged = (home: string) =>
  Effect.sync(() => {
    const [log] = existsSync(join(home, "logs")) ? readdirSync(join(home, "logs")) : []
    return log === undefined ? "" : readFileSync(join(home, "logs", log), "utf8")
  }).pipe(Effect.zipLeft(Effect.sleep("5 millis")), Effect.repeat({ until: (text) => text.endsWith("\n") }))

describe("a process that ends without an operation", () => {
  it.scopedLive("has what it wrote shown, and is a failure unless it succeeded", () =>
    Effect.gen(function* () {
      const bad = yield* detached('echo "ktrdr: it is wrong" >&2; exit 2')
      expect(yield* Effect.flip(bad.run)).toMatchObject({ _tag: "Incomplete" })
      expect([bad.output.out(), bad.output.err()]).toEqual(["", "ktrdr: it is wrong\n"])
      expect(readdirSync(join(bad.home, "logs"))).toEqual([])
      const silent = yield* detached("exit 3")
      expect(yield* Effect.exit(silent.run)).toMatchObject({ _tag: "Failure" })
      expect(silent.output.err()).toBe("ktrdr: the process in the background ended with 3\n")
      const good = yield* detached("echo nothing to do")
      yield* good.run
      expect([good.output.out(), good.output.err()]).toEqual(["", "nothing to do\n"])
    }),
  )

  it.scopedLive("was given the words, the home, the id and the input", () =>
    Effect.gen(function* () {
      const { home, output, run } = yield* detached('echo "$KTRDR_HOME $KTRDR_OPERATION_ID $@"; cat', {
        input: "a payload",
      })
      yield* run
      const [line, input] = output.err().trim().split("\n")
      expect(line).toMatch(new RegExp(`^${home} op_job_\\d{8}_\\d{6}_[0-9a-f]{8} one two$`))
      expect(input).toBe("a payload")
    }),
  )

  it.scopedLive("cannot even be started", () =>
    Effect.gen(function* () {
      const { output, run } = yield* detached("", {}, "/nowhere/node")
      const error = yield* Effect.flip(run)
      expect(error).toMatchObject({ _tag: "OperationError", place: "/nowhere/node" })
      expect(output.out()).toBe("")
    }),
  )
})

it.scopedLive("interrupted before it has started, it leaves no process", () =>
  Effect.gen(function* () {
    const { home, output, run } = yield* detached('trap "exit 0" TERM; echo $$; while :; do sleep 0.05; done')
    const fiber = yield* Effect.fork(run)
    const pid = Number(yield* logged(home))
    expect(isAlive(pid)).toBe(true)
    expect(isAlive(-pid)).toBe(true)
    expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
    expect(isAlive(pid)).toBe(false)
    expect(output.err()).toBe("Interrupted; nothing was started\n")
  }),
)

it.scopedLive("removes logs that were written last a week ago, and no other file", () =>
  Effect.gen(function* () {
    const { home, run } = yield* detached("exit 0")
    mkdirSync(join(home, "logs"))
    const now = yield* Clock.currentTimeMillis
    for (const [name, age] of [
      ["op_job_old.log", Detach.keptMillis + 60_000],
      ["op_job_new.log", Detach.keptMillis - 60_000],
      ["notes.txt", 10 * Detach.keptMillis],
    ] as const) {
      const file = join(home, "logs", name)
      writeFileSync(file, name)
      utimesSync(file, (now - age) / 1000, (now - age) / 1000)
    }
    yield* run
    expect(readdirSync(join(home, "logs")).sort()).toEqual(["notes.txt", "op_job_new.log"])
  }),
)

it.scopedLive("is refused with --plan, and where there is nothing to be written", () =>
  Effect.gen(function* () {
    const command = yield* CommandLine.make
    expect(yield* command.run("data", "load", "SPX", "1d", "--detach", "--plan")).toEqual({
      result: 2,
      out: "",
      err: "ktrdr: --plan and --detach: expected one of the two\nTry: ktrdr data load --help\n",
    })
    yield* command.file("logs", "in the way")
    expect(yield* command.run("data", "load", "SPX", "1d", "--detach")).toMatchObject({
      result: 1,
      err: expect.stringMatching(/logs: expected a log to write, found EEXIST.* without --detach\.\n$/),
    })
  }),
)

describe("the bundle", () => {
  const home = Command.home()
  beforeAll(Command.prepare, 60_000)
  afterAll(home.dispose)

  it("prints the id alone, loads on when the command has ended, and is watched to its end", async () => {
    const began = await home.run(["data", "load", "SPX", "1d", "--mode", "full", "--detach"])
    const id = began.out.trim()
    expect([began.code, id]).toEqual([0, expect.stringMatching(/^op_data_load_\d{8}_\d{6}_[0-9a-f]{8}$/)])
    expect(began.err).toMatch(
      /^(Waiting for it to start\n)?Started in the background: process \d+, which writes to .*\.log\n/,
    )
    expect(began.err).toMatch(new RegExp(`\\n +End it with: node \\S+ operations cancel ${id}\\n$`))
    const watched = await home.run(["operations", "watch", id.slice(-8), "--no-progress"])
    expect(watched).toMatchObject({ code: 0, err: "" })
    expect(watched.out).toMatch(new RegExp(`^${id}: completed after \\d+s\\n {2}SPX 1d: 5,105 of 5,105`))
    const log = readFileSync(join(home.path, "logs", `${id}.log`), "utf8")
    expect(log).toContain("SPX 1d: 5,105 of 5,105 expected bars present\n")
    const shown = JSON.parse((await home.run(["operations", "show", id, "--json"])).out)
    expect(shown).toMatchObject({ id, status: "completed", settings: { host: "embedded" } })
    expect(began.err).toContain(`process ${shown.owner.pid},`)
  }, 60_000)

  it("says what is wrong with what never became an operation", async () => {
    const wrong = await home.run(["data", "load", "SPX", "1d", "--host", "nowhere", "--detach"])
    expect(wrong).toMatchObject({ code: 1, out: "" })
    expect(wrong.err).toMatch(
      /^(Waiting for it to start\n)?ktrdr: ib: expected baseUrl to be an http or https URL/,
    )
  }, 60_000)
})
