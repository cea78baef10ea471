/** The command as a process, run from its bundle. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))
const bundle = join(root, "dist", "bin.js")

/** Bundles the command unless that is done. */
export const prepare = (): void => {
  execFileSync(process.execPath, [join(root, ".ci", "prepare.mjs"), "--bundle"], { stdio: "ignore" })
}

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves once standard error has shown this. */
  readonly shown: (what: RegExp) => Promise<RegExpExecArray>
}

/** A folder of its own for the state, removed with `dispose`, as is what still runs there. */
export const home = () => {
  const path = mkdtempSync(join(tmpdir(), "ktrdr-test-"))
  const children = new Set<ChildProcess>()
  const start = (
    args: ReadonlyArray<string>,
    environment: Readonly<Record<string, string>> = {},
  ): Running => {
    const child = spawn(process.execPath, [bundle, ...args], {
      cwd: path,
      env: { PATH: process.env["PATH"], KTRDR_HOME: path, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    })
    children.add(child)
    child.on("close", () => children.delete(child))
    let out = ""
    let err = ""
    child.stdout.on("data", (piece) => (out += piece))
    child.stderr.on("data", (piece) => (err += piece))
    const ended = new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ code, out, err })))
    const shown = (what: RegExp) =>
      new Promise<RegExpExecArray>((resolve, reject) => {
        const look = () => {
          const found = what.exec(out) ?? what.exec(err)
          if (found !== null) resolve(found)
        }
        child.stdout.on("data", look)
        child.stderr.on("data", look)
        child.on("close", () => reject(new Error(`ended without ${what}: ${err}`)))
        look()
      })
    return { child, ended, shown }
  }
  return {
    path,
    start,
    run: (args: ReadonlyArray<string>, environment?: Readonly<Record<string, string>>) =>
      start(args, environment).ended,
    dispose: () => {
      for (const child of children) child.kill("SIGKILL")
      rmSync(path, { recursive: true, force: true })
    },
  }
}
