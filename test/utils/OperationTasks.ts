/** Operations for tests of the registry: what a task does is looked up by its name. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Operation from "../../src/Operation.js"
import * as OperationStore from "../../src/OperationStore.js"
import * as Operations from "../../src/Operations.js"

export class TaskError extends Schema.TaggedError<TaskError>()("TaskError", { reason: Schema.String }) {
  override get message() {
    return `it is ${this.reason}`
  }
}

const definition = {
  version: 2,
  payload: Schema.Struct({ name: Schema.String, round: Schema.optional(Schema.Number) }),
  success: Schema.NumberFromString,
  error: TaskError,
  context: Schema.Struct({ done: Schema.String }),
  idempotencyKey: ({ name }: { readonly name: string }) => name,
  resume: "again",
  estimate: ({ name }: { readonly name: string }) => {
    if (name === "no estimate") throw new RangeError("no estimate")
    return { key: name, units: 0 }
  },
  render: () => "working",
  kept: (_: unknown, { done }: { readonly done?: string }) =>
    done === undefined ? "nothing" : `${done} is done`,
} as const

/** Its payload is `round` 1 more when it is resumed. */
export const Task = Operation.make("task", {
  ...definition,
  continuation: (payload) => ({ ...payload, round: (payload.round ?? 0) + 1 }),
})
/** One of each name at a time. */
export const Solo = Operation.make("solo", { ...definition, exclusive: ({ name }) => name })
/** Nothing goes on with it. */
export const Once = Operation.make("once", { ...definition, resume: "none" })

export const group = Operation.group(Task, Solo, Once)

/** What tasks do, by name. */
export type Works = Readonly<
  Record<
    string,
    (execution: Operation.Execution, round: number | undefined) => Effect.Effect<number, TaskError>
  >
>

export const handlers = (works: Works) => {
  const handle = (payload: typeof Task.definition.payload.Type, execution: Operation.Execution) =>
    works[payload.name]?.(execution, payload.round) ?? Effect.dieMessage(`no work ${payload.name}`)
  return Layer.mergeAll(Task.toLayer(handle), Solo.toLayer(handle), Once.toLayer(handle))
}

/** One registry, over a store of its own. */
export const system = (works: Works, options?: Operations.Options) =>
  Layer.provide(Operations.layerTest(group, options), handlers(works))

/** One more registry over the store that is there, closed with the scope. */
export const another = (
  works: Works,
  options?: Operations.Options,
): Effect.Effect<Operations.Service, never, OperationStore.OperationStore | Scope.Scope> =>
  Layer.provide(Operations.layer(group, options), handlers(works)).pipe(
    Layer.build,
    Effect.map((context) => Context.get(context, Operations.Operations)),
  )

/** The same over a store that is made from the one that is there. */
export const anotherOver = (
  works: Works,
  alter: (store: OperationStore.Service) => OperationStore.Service,
  options?: Operations.Options,
) =>
  Effect.flatMap(OperationStore.OperationStore, (store) =>
    Effect.provideService(another(works, options), OperationStore.OperationStore, alter(store)),
  )

/** What is logged as a warning or worse. */
export const logged = (lines: Array<string>) =>
  Logger.add(
    Logger.make(({ logLevel, message }) => {
      if (LogLevel.greaterThanEqual(logLevel, LogLevel.Warning)) lines.push(String(message))
    }),
  )
