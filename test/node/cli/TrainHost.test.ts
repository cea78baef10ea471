/** Trainings at a training host by the command line: inside this process, and as processes that die. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Package from "../../../src/node/Package.js"
import * as Remote from "../../hosts/training/Remote.js"
import * as TrainingHosts from "../../hosts/training/TrainingHosts.js"
import * as Command from "../../utils/Command.js"
import * as CommandLine from "../../utils/CommandLine.js"
import * as FaultProxy from "../../utils/FaultProxy.js"

const sample = ["--symbol", "SPX", "--timeframe", "1d", "--venue", "XNYS", "--type", "index"]
const importing = ["data", "import", `${Package.samples()}SPX_1d.csv`, ...sample]
const quick = ["train", "trend_following", "--epochs", "2", "--no-progress", "--json"]

const setUp = Effect.tap(CommandLine.make, ({ run }) => run(...importing))

const host = TrainingHosts.serve({ trainer: Remote.eager })

const quiet = (name: string, test: () => Effect.Effect<void, unknown, import("effect/Scope").Scope>) =>
  it.scopedLive(name, () => Logger.withMinimumLogLevel(test(), LogLevel.None), 60_000)

describe("train at a host", () => {
  beforeAll(() => Command.prepare())

  quiet("comes to the model that it comes to here, and the receipt says where", () =>
    Effect.gen(function* () {
      const { path, run } = yield* setUp
      const url = yield* host
      const here = JSON.parse((yield* run(...quick)).out)
      const there = yield* run(...quick, "--host", url)
      expect([there.result, there.err]).toEqual([0, ""])
      const report = JSON.parse(there.out)
      expect(report.weights).toBe(here.weights)
      expect([here.trainer, report.trainer]).toEqual([{ kind: "local" }, { kind: "host", url }])
      const receipt = JSON.parse(readFileSync(join(path, report.place, "receipt.json"), "utf8"))
      expect(receipt.trainer).toEqual({ kind: "host", url })
      expect((yield* run("models", "verify", report.model)).result).toBe(0)
      const [last] = (yield* run("operations", "list", "--json")).out.split("\n")
      const shown = JSON.parse((yield* run("operations", "show", JSON.parse(last!).id, "--json")).out)
      expect(shown).toMatchObject({ settings: { training_host: url }, progress: { context: { host: url } } })
    }),
  )

  quiet("goes where the environment says, unless an option says otherwise", () =>
    Effect.gen(function* () {
      const { inEnvironment } = yield* setUp
      const url = yield* host
      const trained = (environment: Readonly<Record<string, string>>, ...more: ReadonlyArray<string>) =>
        Effect.map(
          inEnvironment({ TRAINING_HOST_SERVICE_URL: url, ...environment })(...quick, ...more),
          ({ err, out, result }) => (result === 0 ? JSON.parse(out).trainer.kind : err),
        )
      expect(yield* trained({ USE_TRAINING_HOST_SERVICE: "true" })).toBe("host")
      expect(yield* trained({})).toBe("local")
      expect(yield* trained({ USE_TRAINING_HOST_SERVICE: "false" })).toBe("local")
      expect(yield* trained({ USE_TRAINING_HOST_SERVICE: "true" }, "--host", "local")).toBe("local")
      expect(yield* trained({ USE_TRAINING_HOST_SERVICE: "perhaps" })).toMatch(
        /^ktrdr: USE_TRAINING_HOST_SERVICE: Expected a boolean /,
      )
    }),
  )

  quiet("says that the host is away, and goes on there once it is back", () =>
    Effect.gen(function* () {
      const { inEnvironment } = yield* setUp
      const way = yield* FaultProxy.make({ port: Remote.portOf(yield* host) })
      const url = `http://127.0.0.1:${way.port}`
      const run = inEnvironment({ TRAINING_HOST_SERVICE_ATTEMPTS: "1" })
      yield* way.down
      const failed = yield* run(...quick, "--host", url)
      expect(failed.result).toBe(1)
      expect(failed.err).toMatch(
        /^ktrdr: http:\/\/127\.0\.0\.1:\d+ session op_training_\w+: GET \/: expected /m,
      )
      expect(failed.err).toContain(
        "See that the training host runs and can be reached, then resume the training.",
      )
      const { id } = JSON.parse((yield* run("operations", "list", "--json")).out)
      yield* way.up
      const resumed = yield* run("operations", "resume", id, "--no-progress", "--json")
      expect([resumed.result, JSON.parse(resumed.out).trainer]).toEqual([0, { kind: "host", url }])
    }),
  )

  quiet("says of options that they contradict each other, and of a URL that it is none", () =>
    Effect.gen(function* () {
      const { run } = yield* setUp
      const planned = yield* run(...quick, "--dry-run", "--host", "http://127.0.0.1:1")
      expect([planned.result, planned.err]).toEqual([2, expect.stringContaining("--dry-run and --host")])
      const served = yield* run(...quick, "--server", "http://127.0.0.1:1", "--host", "http://127.0.0.1:1")
      expect([served.result, served.err]).toEqual([2, expect.stringContaining("--host and --server")])
      const wrong = yield* run(...quick, "--host", "nowhere")
      expect([wrong.result, wrong.err]).toEqual([expect.any(Number), expect.stringContaining('"nowhere"')])
      expect(wrong.result).not.toBe(0)
    }),
  )
})

describe("a host that dies", () => {
  const there = Command.home()
  const here = Command.home()
  afterAll(() => {
    there.dispose()
    here.dispose()
  })

  const environment = {
    TRAINING_HOST_SERVICE_ATTEMPTS: "2",
    TRAINING_HOST_SERVICE_BACKOFF: "50 millis",
    TRAINING_HOST_SERVICE_DEADLINE: "3 seconds",
  }

  /** Some seconds of training. */
  const long = "long.yaml"

  const serve = async (port: string) => {
    const { child, shown } = there.start(["host", "training", "--port", port])
    const [url] = await shown(/http:\/\/127\.0\.0\.1:\d+/)
    return { child, url }
  }

  beforeAll(async () => {
    Command.prepare()
    expect((await here.run(importing)).code).toBe(0)
    const example = readFileSync(
      new URL("../../../src/training/examples/trend_following.yaml", import.meta.url),
      "utf8",
    )
    writeFileSync(
      join(here.path, long),
      example.replace(/\n {2}early_stopping: .*/, "").replace("epochs: 60", "epochs: 120"),
    )
  }, 60_000)

  /** A training that is on its way at the host. */
  const start = async (url: string) => {
    const running = here.start(["train", long, "--host", url, "--json"], environment)
    await running.shown(/"checkpoint":\{"epoch":[1-9]/)
    return running
  }

  const newest = async () =>
    JSON.parse((await here.run(["operations", "list", "--limit", "1", "--json"])).out)

  it("is where a server trains that is told so, as long as it lives", async () => {
    const { child, url } = await serve("0")
    const told = { ...environment, USE_TRAINING_HOST_SERVICE: "true", TRAINING_HOST_SERVICE_URL: url }
    const { child: server, shown } = here.start(
      ["serve", "--port", "0", "--ib-host", "http://127.0.0.1:9"],
      told,
    )
    const [served] = await shown(/http:\/\/127\.0\.0\.1:\d+/)
    const training = [...quick, "--server", served]
    const trained = await here.run(training)
    expect([trained.code, JSON.parse(trained.out).result.trainer]).toEqual([0, { kind: "host", url }])
    child.kill("SIGKILL")
    const failed = await here.run(training)
    expect(failed.code).toBe(1)
    expect(JSON.parse(failed.out).failure.message).toContain(`${url} session op_training_`)
    server.kill("SIGKILL")
  }, 60_000)

  it("is let go of within five seconds, and named, where it does not answer", async () => {
    const { child, url } = await serve("0")
    const { child: client, ended } = await start(url)
    child.kill("SIGSTOP")
    const before = performance.now()
    client.kill("SIGINT")
    const { code, err } = await ended
    expect(performance.now() - before).toBeLessThan(6000)
    expect(code).toBe(130)
    const { id, kept } = await newest()
    expect(err).toContain(`the host did not say that it has stopped: ${url} session ${id}`)
    expect(kept ?? err).toMatch(/checkpoint of epoch \d+/)
    child.kill("SIGCONT")
    child.kill("SIGKILL")
  }, 60_000)

  it("makes the training fail, which goes on from what the host had when it is back", async () => {
    const { child, url } = await serve("0")
    const { ended } = await start(url)
    child.kill("SIGKILL")
    const before = performance.now()
    const { code, err } = await ended
    expect(performance.now() - before).toBeLessThan(15_000)
    expect(code).toBe(1)
    expect(err).toContain("See that the training host runs and can be reached, then resume the training.")
    const { id } = await newest()

    const again = await serve(new URL(url).port)
    const resumed = await here.run(["operations", "resume", id, "--json"], environment)
    expect([resumed.code, resumed.err]).toEqual([0, expect.any(String)])
    const { model, trainer, weights } = JSON.parse(resumed.out)
    expect(trainer).toEqual({ kind: "host", url })
    const local = await here.run(["train", long, "--json"])
    expect(weights).toBe(JSON.parse(local.out).weights)
    const shown = JSON.parse((await here.run(["models", "show", model, "--json"])).out)
    expect(shown.receipt.interruptions).toMatchObject([{ operation: id }])
    again.child.kill("SIGKILL")
  }, 60_000)
})
