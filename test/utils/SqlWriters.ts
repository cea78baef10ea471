/** Processes that write to a store of operations, started from here. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const Orders = Schema.parseJson(
  Schema.Struct({
    file: Schema.String,
    /** Of its operations: with a number behind it where they are several. */
    name: Schema.String,
    /** How many operations it writes; 0 for one that it holds. */
    count: Schema.Int,
  }),
)

export const Outcome = Schema.Struct({
  token: Schema.Number,
  /** Writes that the store refused. */
  refused: Schema.Number,
  errors: Schema.Array(Schema.String),
  /** Delay of the event loop, and the time that it took in all, in milliseconds. */
  p99: Schema.Number,
  max: Schema.Number,
  millis: Schema.Number,
})
export type Outcome = typeof Outcome.Type

export interface Writer {
  readonly child: ChildProcess
  /** Lets it begin. */
  readonly go: Effect.Effect<void>
  readonly outcome: Effect.Effect<Outcome>
  /** Kills it, and waits until it is gone. */
  readonly kill: Effect.Effect<void>
}

const root = fileURLToPath(new URL("../..", import.meta.url))
const program = fileURLToPath(new URL("./SqlWriter.ts", import.meta.url))

/** A process that is killed with the scope. */
export const start = (orders: typeof Orders.Type) =>
  Effect.acquireRelease(
    Effect.sync((): Writer => {
      const child = spawn(process.execPath, ["--import", "tsx", program, Schema.encodeSync(Orders)(orders)], {
        cwd: root,
        stdio: ["pipe", "pipe", "inherit"],
      })
      const line = once(createInterface(child.stdout), "line")
      const closed = once(child, "close")
      return {
        child,
        go: Effect.sync(() => void child.stdin.write("go\n")),
        outcome: Effect.promise(async () => {
          const [text] = await Promise.race([line, closed.then(() => ["no word before it ended"])])
          return Schema.decodeUnknownSync(Schema.parseJson(Outcome))(text)
        }),
        kill: Effect.promise(async () => {
          if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL")
          await closed
        }),
      }
    }),
    ({ kill }) => kill,
  )
