/** A process whose requests all come when a line comes on its standard input, paced together with others. */
import { once } from "node:events"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { LocalMachine } from "../../src/internal/LocalMachine.js"
import * as SqlDatabase from "../../src/OperationStore/SqlDatabase.js"
import * as Pacing from "../../src/Pacing.js"
import * as Sql from "../../src/PacingLedger/Sql.js"
import { PacingLedger } from "../../src/PacingLedger.js"
import { Orders, Outcome } from "./PacingProcesses.js"

const { count, file, ...rule } = Schema.decodeSync(Orders)(process.argv[2] ?? "")

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const program = Effect.gen(function* () {
  const machine = yield* LocalMachine
  const log = yield* (yield* PacingLedger).open("processes")
  const windows = [{ ...rule, name: "all", key: () => "" }]
  const pacing = yield* Pacing.make({ windows, maxOpen: 16, quickMillis: 1000 }, log)
  yield* pacing.plan([])
  say("ready")
  yield* Effect.promise(() => once(process.stdin, "data"))
  const starts: Array<number> = []
  const use = Effect.zipRight(
    Effect.map(machine.now, (at) => starts.push(at)),
    Effect.sleep("5 millis"),
  )
  const requests = Array.from({ length: count }, (_, index) => pacing.run(index, () => use))
  yield* Effect.all(requests, { concurrency: "unbounded", discard: true })
  say(Schema.encodeSync(Outcome)(starts))
}).pipe(Effect.scoped)

await Effect.runPromise(Effect.provide(program, Layer.provide(Sql.layer, SqlDatabase.layer({ file }))))
process.stdin.destroy()
