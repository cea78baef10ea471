/** Parts of a benchmark that run as processes of their own, and talk in lines of JSON. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface Part {
  readonly child: ChildProcess
  readonly say: (message: object) => Effect.Effect<void>
  /** What it says next; a defect where it ends without a word. */
  readonly next: <Message>() => Effect.Effect<Message>
  /** Kills it, and waits until it is gone. */
  readonly kill: Effect.Effect<void>
}

/** Runs the part `name` of `main`, with its orders; it is killed with the scope. */
export const start = (name: string, orders: object = {}): Effect.Effect<Part, never, Scope.Scope> =>
  launch([process.argv[1]!, name, JSON.stringify(orders)])

/** A host service as a process of its own. */
export interface Host extends Part {
  readonly port: number
  readonly url: string
  /** What a client must trust, over TLS. */
  readonly ca: string | undefined
}

/** The host that a part is which says its port first, and over TLS what to trust. */
export const hostOf = (part: Part): Effect.Effect<Host> =>
  Effect.map(part.next<{ readonly port: number; readonly ca?: string }>(), ({ ca, port }) => ({
    ...part,
    port,
    url: `${ca === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    ca,
  }))

/** An IB host over the simulated market, which takes so many milliseconds for a request. */
export const ibHost = (latency = 0, tls = false): Effect.Effect<Host, never, Scope.Scope> =>
  Effect.flatMap(
    launch([join(import.meta.dirname, "ibHost.js"), "--latency", String(latency), ...(tls ? ["--tls"] : [])]),
    hostOf,
  )

/** A temporary folder whose name has this in it, removed with the scope. */
export const folder = (name: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), `ktrdr-${name}-`))),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true })),
  )

/** What the part that this process is was given. */
export const orders = <Orders>(): Orders => JSON.parse(process.argv[3] ?? "{}") as Orders

/** Says something to the process that started this part; done once that has it. */
export const tell = (message: object): Effect.Effect<void> =>
  Effect.async((resume) => {
    process.stdout.write(`${JSON.stringify(message)}\n`, () => resume(Effect.void))
  })

/** What this part is told, until its starter has nothing more to say. */
export const told = async function* <Message>(): AsyncGenerator<Message, void> {
  for await (const line of createInterface({ input: process.stdin })) yield JSON.parse(line) as Message
}

/** Milliseconds that mean the same to every process of the machine. */
export const now = (): number => Number(process.hrtime.bigint() / 1000n) / 1000

// ---------------------------------------------------------------------------------------------------------

const launch = (args: ReadonlyArray<string>): Effect.Effect<Part, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync((): Part => {
      const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] })
      // What is said to one that has ended is lost; who waits for an answer is told by `next`.
      child.stdin.on("error", () => {})
      const gone = new Promise<void>((resolve) => child.once("close", () => resolve()))
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      return {
        child,
        say: (message) => Effect.sync(() => void child.stdin.write(`${JSON.stringify(message)}\n`)),
        next: <Message>() =>
          Effect.promise(async () => {
            const { value, done } = await lines.next()
            if (done) throw new Error(`${args.slice(1).join(" ")} ended without a word`)
            return JSON.parse(value) as Message
          }),
        kill: Effect.promise(() => {
          child.kill("SIGKILL")
          return gone
        }),
      }
    }),
    ({ kill }) => kill,
  )
