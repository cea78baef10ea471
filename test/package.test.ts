/**
 * The package as its users get it: the tarball of `npm pack` beside linked peers, with the README's program
 * and test type-checked and run against it.
 */
import { execFile } from "node:child_process"
import * as Fs from "node:fs/promises"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"

const root = Path.resolve(import.meta.dirname, "..")
const modules = Path.join(root, "node_modules")
const run = promisify(execFile)

let consumer = ""

const node = (args: ReadonlyArray<string>) =>
  run(process.execPath, args, {
    cwd: consumer,
    env: { ...process.env, KTRDR_HOME: Path.join(consumer, "home") },
  })

const ktrdr = (...args: ReadonlyArray<string>) => node(["node_modules/ktrdr/dist/bin.js", ...args])

beforeAll(async () => {
  consumer = await Fs.realpath(await Fs.mkdtemp(Path.join(tmpdir(), "ktrdr-consumer-")))
  const packed = await run("npm", ["pack", "--json", "--pack-destination", consumer], { cwd: root })
  const [{ filename }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf("["))) as [
    { readonly filename: string },
  ]
  await Fs.mkdir(Path.join(consumer, "node_modules/ktrdr"), { recursive: true })
  await run("tar", ["-xzf", filename, "--strip-components=1", "-C", "node_modules/ktrdr"], { cwd: consumer })
  for (const name of await Fs.readdir(modules)) {
    if (name.startsWith(".") || name === "ktrdr") continue
    await Fs.symlink(Path.join(modules, name), Path.join(consumer, "node_modules", name))
  }
  for (const name of ["momentum.ts", "momentum.test.ts"]) {
    await Fs.copyFile(Path.join(root, "test/readme", name), Path.join(consumer, name))
  }
  await Fs.writeFile(
    Path.join(consumer, "package.json"),
    JSON.stringify({ name: "consumer", type: "module" }),
  )
  await Fs.writeFile(
    Path.join(consumer, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "ES2022",
        module: "NodeNext",
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        skipLibCheck: true,
        types: ["node"],
      },
      include: ["*.ts"],
    }),
  )
}, 120_000)

afterAll(() => Fs.rm(consumer, { recursive: true, force: true }))

describe("the packed package", { timeout: 60_000 }, () => {
  it("type-checks under a user's strict settings", async () => {
    const checked = await run(Path.join(modules, ".bin/tsc"), ["-p", "."], { cwd: consumer }).catch(
      (error) => error,
    )
    expect(checked.stdout).toBe("")
  })

  it("runs the README's program", async () => {
    const { stdout } = await node(["--import", "tsx", "momentum.ts"])
    expect(stdout).toMatch(/^\[ 0\.61\d+, 0\.71\d+ \]\s*$/)
  })

  it("runs the README's test", async () => {
    const { stdout } = await node([Path.join(modules, "vitest/vitest.mjs"), "run", "--root", consumer])
    expect(stdout).toMatch(/1 passed/)
  })

  it("has a trainer whose thread starts, and strategies to begin with", async () => {
    const program = `
      import { readFileSync } from "node:fs"
      import * as Effect from "effect/Effect"
      import * as Either from "effect/Either"
      import * as Stream from "effect/Stream"
      import * as StrategyFile from "ktrdr/training/StrategyFile"
      import * as Local from "ktrdr/training/Trainer/Local"
      const text = readFileSync(new URL(import.meta.resolve("ktrdr/examples/mean_reversion.yaml")), "utf8")
      const { strategy } = Either.getOrThrow(StrategyFile.parse("mean_reversion.yaml", text))
      const job = {
        operation: "op_1",
        strategy: { ...strategy, training: { ...strategy.training, epochs: 2 } },
        dataset: {
          features: ["first", "second"],
          x: Float32Array.from({ length: 120 }, (_, index) => Math.sin(index)),
          y: Uint8Array.from({ length: 60 }, (_, row) => row % 3),
          parts: { train: { from: 0, to: 40 }, validation: { from: 40, to: 50 }, test: { from: 50, to: 60 } },
        },
        from: undefined,
        keep: () => Effect.void,
        released: () => Effect.void,
      }
      const events = await Effect.runPromise(Stream.runCollect(Local.make().train(job)))
      console.log([...events].map(({ _tag }) => _tag).join(" "))`
    const { stdout } = await node(["--input-type=module", "-e", program])
    expect(stdout.trim()).toBe("Epoch Epoch Batch Finished")
  })

  it("has a command that trains an example on the bars that it loads", async () => {
    await ktrdr("data", "load", "SPX", "1d", "--mode", "full", "--no-progress")
    const { stdout } = await ktrdr("train", "trend_following", "--epochs", "1", "--json", "--no-progress")
    const report = JSON.parse(stdout) as { readonly receipt: string }
    expect(report).toMatchObject({ model: "trend_following/SPX_1d/v1", epochs: 1, reason: "completed" })
    const receipt = await Fs.readFile(Path.join(consumer, "home", report.receipt), "utf8")
    expect(JSON.parse(receipt)).toBeTypeOf("object")
  })

  it("keeps its internals closed and its command at hand", async () => {
    await expect(
      node(["--input-type=module", "-e", 'await import("ktrdr/internal/progressTree")']),
    ).rejects.toThrow(/ERR_PACKAGE_PATH_NOT_EXPORTED/)
    const { stdout } = await ktrdr("--version")
    const manifest = JSON.parse(await Fs.readFile(Path.join(root, "package.json"), "utf8")) as {
      readonly version: string
    }
    expect(stdout.trim()).toBe(manifest.version)
  })
})
