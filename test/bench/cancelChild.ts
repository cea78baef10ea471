/**
 * Parts of the benchmark `cancel`: a process that cancels what others run, as `ktrdr operations cancel` does; and
 * hosts that are dead in one way or another.
 */

import type { AddressInfo } from "node:net"
import { createServer, type Socket } from "node:net"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Main from "../../src/node/Main.js"
import * as Operation from "../../src/Operation.js"
import { OperationError } from "../../src/OperationError.js"
import * as Operations from "../../src/Operations.js"
import * as Part from "./part.js"

export interface Request {
  readonly number: number
  readonly home: string
  readonly id: string
  readonly reason: string
}

export interface Answer {
  readonly number: number
  /** By `Part.now`: when it asked, and when it was told what became of it. */
  readonly requested: number
  readonly answered: number
  /** The state that it was told; the reason where it was refused, and what happened where it was not even that. */
  readonly state: string
}

export const cancelling = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const registries = new Map<string, Operations.Service>()
  const registryOf = (home: string) =>
    Effect.gen(function* () {
      const known = registries.get(home)
      if (known !== undefined) return known
      const records = Main.layerRecordsOf(Main.layerDatabaseAt(home))
      const layer = Layer.provide(Operations.layer(Operation.group()), records)
      const made = Context.get(yield* Layer.buildWithScope(layer, scope), Operations.Operations)
      registries.set(home, made)
      return made
    })
  const cancel = ({ home, id, number, reason }: Request) =>
    Effect.gen(function* () {
      let requested = Part.now()
      const state = yield* Effect.flatMap(registryOf(home), (operations) => {
        requested = Part.now()
        return operations.cancel(id, { reason })
      }).pipe(
        Effect.map(({ record }): string => record.status),
        Effect.catchAllCause((cause) => Effect.succeed(stateOf(cause))),
      )
      const answer: Answer = { number, requested, answered: Part.now(), state }
      yield* Part.tell(answer)
    })
  yield* Part.tell({})
  yield* Stream.runForEach(
    Stream.fromAsyncIterable(Part.told<Request>(), (error) => error),
    (request) =>
      Effect.forkIn(request.id === "" ? Effect.asVoid(registryOf(request.home)) : cancel(request), scope),
  )
}).pipe(Effect.scoped)

export interface Ports {
  /** Takes connections and says nothing. */
  readonly mute: number
  /** Begins to answer, and does not go on. */
  readonly stalled: number
  /** Resets each connection that asks something. */
  readonly reset: number
  /** Nobody listens. */
  readonly refused: number
}

export const hosting = Effect.gen(function* () {
  const ports: Ports = {
    mute: yield* listen(() => {}),
    stalled: yield* listen((socket) => {
      socket.once("data", () =>
        socket.write(
          'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n\r\n{"succ',
        ),
      )
    }),
    reset: yield* listen((socket) => {
      socket.once("data", () => socket.resetAndDestroy())
    }),
    refused: yield* Effect.scoped(listen(() => {})),
  }
  yield* Part.tell(ports)
  yield* Effect.promise(() => Part.told().next())
}).pipe(Effect.scoped)

// ---------------------------------------------------------------------------------------------------------

const stateOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof OperationError ? error.reason : String(error)
}

const listen = (serve: (socket: Socket) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>>((resume) => {
        const server = createServer((socket) => {
          socket.on("error", () => {})
          serve(socket)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => void server.close()),
    ),
    (server) => (server.address() as AddressInfo).port,
  )
