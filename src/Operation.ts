/**
 * A named definition of long work, separate from its handler: from the one value come the plain program
 * (`run`), and what a registry, a route, a command or a cluster needs to run the same work elsewhere.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Measure from "./internal/operationMeasure.js"
import * as Refusal from "./internal/operationRefusal.js"
import { OperationError } from "./OperationError.js"
import * as Progress from "./Progress.js"
import type { ProgressRenderer } from "./ProgressRenderer.js"

/**
 * How interrupted work continues: `none` it cannot; `again` by running with the same payload, since what is
 * done is found done; `checkpoint` from what the handler kept under the id that it finds in `resumedFrom`.
 */
export type Resume = "none" | "again" | "checkpoint"

export type Estimate = Measure.Estimate

/** What the handler is told of the run besides its payload. */
export interface Execution {
  readonly operationId: string
  /** 1 for the first run of a record, one more for each retry. */
  readonly attempt: number
  /** Id of the operation that this one resumes. */
  readonly resumedFrom: string | undefined
  /**
   * Those that `resumedFrom` went on from itself, the newest first, as one that ended at once may have kept nothing;
   * not beyond one that tried again from the beginning.
   */
  readonly earlier: ReadonlyArray<string>
}

/** Identifies, in the requirements of an effect, the handler of an operation kind. */
export interface Handler<Kind extends string> {
  readonly _: unique symbol
  readonly kind: Kind
}

export interface Definition<
  Payload,
  PayloadWire,
  Success,
  SuccessWire,
  Failure,
  FailureWire,
  Facts,
  FactsWire,
> {
  /** Grows when the payload, success or error schema changes in a way that old records cannot follow. */
  readonly version: number
  readonly payload: Schema.Schema<Payload, PayloadWire>
  readonly success: Schema.Schema<Success, SuccessWire>
  readonly error: Schema.Schema<Failure, FailureWire>
  /** The domain facts that the handler annotates its progress with. */
  readonly context: Schema.Schema<Facts, FactsWire>
  /** Equal for payloads that ask for the same work. */
  readonly idempotencyKey: (payload: Payload) => string
  /** Two operations with equal keys never run at the same time. */
  readonly exclusive?: (payload: Payload) => string
  readonly resume: Resume
  /** Under which key durations are learned, and how much work the payload asks for. */
  readonly estimate: (payload: Payload) => Estimate
  readonly render: ProgressRenderer<Facts>
  /** What a run that was cancelled or failed kept, and what is left, as one line. */
  readonly kept?: ProgressRenderer<Facts>
  /** The payload with which an interrupted run goes on, where that is not the same. */
  readonly continuation?: (payload: Payload) => Payload
  readonly annotations?: Context.Context<never>
}

export interface Operation<
  Kind extends string,
  Payload,
  PayloadWire,
  Success,
  SuccessWire,
  Failure,
  FailureWire,
  Facts,
  FactsWire,
> {
  readonly kind: Kind
  readonly definition: Definition<
    Payload,
    PayloadWire,
    Success,
    SuccessWire,
    Failure,
    FailureWire,
    Facts,
    FactsWire
  >
  /** What stands for the handler in a context. */
  readonly handler: Context.Tag<
    Handler<Kind>,
    (payload: Payload, execution: Execution) => Effect.Effect<Success, Failure>
  >
  /** Provides the handler. The step that is current while the layer is built is left out of what it keeps. */
  readonly toLayer: <R>(
    handler: (payload: Payload, execution: Execution) => Effect.Effect<Success, Failure, R>,
  ) => Layer.Layer<Handler<Kind>, never, R>
  /** The plain program: needs the handler, no registry, and becomes a step of the current progress tree. */
  readonly run: (
    payload: Payload,
    execution?: Partial<Execution>,
  ) => Effect.Effect<Success, Failure, Handler<Kind>>
  /** Adds facts to the progress of the running operation. */
  readonly annotate: (facts: Partial<Facts>) => Effect.Effect<void>
  /** Decodes a payload that came from outside. */
  readonly decode: (payload: unknown) => Effect.Effect<Payload, OperationError>
}

/** An operation of whatever types; what a group can hold. */
export interface Any {
  readonly kind: string
  readonly definition: Definition<any, any, any, any, any, any, any, any>
  readonly handler: Context.Tag<any, any>
  readonly run: (payload: any, execution?: Partial<Execution>) => Effect.Effect<any, any, any>
  readonly decode: (payload: unknown) => Effect.Effect<unknown, OperationError>
}

export type PayloadOf<Member extends Any> = Schema.Schema.Type<Member["definition"]["payload"]>
export type SuccessOf<Member extends Any> = Schema.Schema.Type<Member["definition"]["success"]>
export type FailureOf<Member extends Any> = Schema.Schema.Type<Member["definition"]["error"]>
/** The handlers of all of the operations. */
export type HandlersOf<Member extends Any> = Member extends { readonly kind: infer Kind extends string }
  ? Handler<Kind>
  : never

export const make = <
  const Kind extends string,
  Payload,
  PayloadWire,
  Success,
  SuccessWire,
  Failure,
  FailureWire,
  Facts extends object,
  FactsWire,
>(
  kind: Kind,
  definition: Definition<Payload, PayloadWire, Success, SuccessWire, Failure, FailureWire, Facts, FactsWire>,
): Operation<Kind, Payload, PayloadWire, Success, SuccessWire, Failure, FailureWire, Facts, FactsWire> => {
  const handlerTag = Context.GenericTag<
    Handler<Kind>,
    (payload: Payload, execution: Execution) => Effect.Effect<Success, Failure>
  >(`ktrdr/Operation/${kind}`)
  const render = definition.render as ProgressRenderer
  return {
    kind,
    definition,
    handler: handlerTag,
    toLayer: <R>(handler: (payload: Payload, execution: Execution) => Effect.Effect<Success, Failure, R>) =>
      Layer.effect(
        handlerTag,
        Effect.map(Effect.context<R>(), (context) => {
          const kept = Progress.omit(context)
          return (payload: Payload, execution: Execution) =>
            Effect.mapInputContext(handler(payload, execution), (caller: Context.Context<never>) =>
              Context.merge(caller, kept),
            )
        }),
      ),
    run: (payload, execution = {}) =>
      Effect.gen(function* () {
        const handler = yield* handlerTag
        const operationId = execution.operationId ?? (yield* makeId(kind))
        return yield* handler(payload, {
          operationId,
          attempt: execution.attempt ?? 1,
          resumedFrom: execution.resumedFrom,
          earlier: execution.earlier ?? [],
        })
      }).pipe(Measure.step(kind, render, definition.estimate(payload))),
    annotate: (facts) => Progress.annotate(facts as Readonly<Record<string, unknown>>),
    decode: (payload) =>
      Schema.decodeUnknown(definition.payload, { errors: "first", onExcessProperty: "error" })(payload).pipe(
        Effect.mapError((error) => Refusal.undecodedPayload(kind, error)),
      ),
  }
}

/** Operations by kind: what resuming, an API and a command line need to find a definition. */
export interface Group<Member extends Any> {
  readonly operations: ReadonlyMap<string, Member>
  readonly get: (kind: string) => Effect.Effect<Member, OperationError>
}

/** The later of two operations of one kind wins. */
export const group = <Members extends ReadonlyArray<Any>>(...operations: Members): Group<Members[number]> => {
  const byKind = new Map<string, Members[number]>(operations.map((operation) => [operation.kind, operation]))
  return {
    operations: byKind,
    get: (kind) =>
      Effect.mapError(
        Effect.fromNullable(byKind.get(kind)),
        () =>
          new OperationError({
            reason: "UnknownKind",
            place: "operation kind",
            expected: `one of ${[...byKind.keys()].join(" ")}`,
            found: JSON.stringify(kind.slice(0, 60)),
            advice: "Choose a kind from the list",
          }),
      ),
  }
}

/** `op_{kind}_{yyyyMMdd_HHmmss}_{8 hex}`, the time in UTC by Clock. */
export const makeId = (kind: string): Effect.Effect<string> =>
  Effect.gen(function* () {
    const now = new Date(yield* Clock.currentTimeMillis).toISOString()
    const stamp = now.slice(0, 19).replace(/[-:]/g, "").replace("T", "_")
    const suffix = yield* Random.nextIntBetween(0, 0x1_0000_0000)
    return `op_${kind}_${stamp}_${suffix.toString(16).padStart(8, "0")}`
  })
