/** Processes that share a log of limiters, started from here. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const Orders = Schema.parseJson(
  Schema.Struct({
    file: Schema.String,
    limit: Schema.Number,
    windowMillis: Schema.Number,
    marginMillis: Schema.Number,
    /** How many requests there are from the beginning. */
    count: Schema.Int,
  }),
)

/** When the requests started, in machine time (ms). */
export const Outcome = Schema.parseJson(Schema.Array(Schema.Number))

const root = fileURLToPath(new URL("../..", import.meta.url))
const program = fileURLToPath(new URL("./PacingProcess.ts", import.meta.url))

/** A process that is killed with the scope. */
export const start = (orders: typeof Orders.Type) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const args = ["--import", "tsx", program, Schema.encodeSync(Orders)(orders)]
        const child = spawn(process.execPath, args, { cwd: root, stdio: ["pipe", "pipe", "inherit"] })
        const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
        return { child, lines, closed: once(child, "close") }
      }),
      ({ child, closed }) =>
        Effect.promise(async () => {
          if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL")
          await closed
        }),
    ),
    ({ child, lines }) => {
      const line = Effect.promise(async () => String((await lines.next()).value))
      return {
        /** Waits until it is ready to begin. */
        ready: line,
        go: Effect.sync(() => void child.stdin.write("go\n")),
        outcome: Effect.map(line, (text) => Schema.decodeSync(Outcome)(text)),
      }
    },
  )
