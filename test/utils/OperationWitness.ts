/**
 * Stores of operations around another one: a witness of what became of each record, and faults for one process.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { defaultScheduler, type Scheduler } from "effect/Scheduler"
import { OperationError } from "../../src/OperationError.js"
import type { OperationRecord } from "../../src/OperationRecord.js"
import type { Service } from "../../src/OperationStore.js"

/** What was seen of one record: its states one after another, and how often an owner ended it. */
export interface Seen {
  readonly states: Array<Pick<OperationRecord, "status" | "cancellation" | "sequence">>
  finished: number
  /** The record as it was when it was seen to have ended. */
  ended: string | undefined
  /** How often it was another one after that. */
  altered: number
}

export class Witness {
  readonly seen = new Map<string, Seen>()
  readonly service: Service

  /** With a scheduler that never makes a fiber yield, what the store does is done at once, as in a database. */
  constructor(
    readonly store: Service,
    scheduler: Scheduler = defaultScheduler,
  ) {
    const { seen } = this
    const atOnce = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.uninterruptible(Effect.withScheduler(effect, scheduler))
    const look = (record: OperationRecord): void => {
      const known = seen.get(record.id) ?? { states: [], finished: 0, ended: undefined, altered: 0 }
      seen.set(record.id, known)
      const { status, cancellation, sequence } = record
      const before = known.states.at(-1)
      if (
        before === undefined ||
        before.status !== status ||
        before.cancellation !== cancellation ||
        before.sequence !== sequence
      ) {
        known.states.push({ status, cancellation, sequence })
      }
      if (known.ended !== undefined && known.ended !== JSON.stringify(record)) known.altered++
      if (status === "completed" || status === "failed" || status === "cancelled") {
        known.ended ??= JSON.stringify(record)
      }
    }
    const lookAt = (id: string) => Effect.map(Effect.orDie(store.get(id)), Option.map(look))
    const lookAtAll = Effect.suspend(() => Effect.forEach([...seen.keys()], lookAt, { discard: true }))
    const after =
      (id: string) =>
      <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
        atOnce(Effect.zipLeft(effect, lookAt(id)))

    this.service = {
      ...store,
      insert: (record) => after(record.id)(store.insert(record)),
      begin: (id, ...rest) => after(id)(store.begin(id, ...rest)),
      report: (id, ...rest) => after(id)(store.report(id, ...rest)),
      finish: (id, ...rest) =>
        after(id)(
          Effect.tap(store.finish(id, ...rest), (isDone) =>
            Effect.sync(() => {
              const known = seen.get(id)
              if (isDone && known !== undefined) known.finished++
            }),
          ),
        ),
      requestCancel: (id, cancellation) => after(id)(store.requestCancel(id, cancellation)),
      sweep: atOnce(Effect.tap(store.sweep, (swept) => (swept > 0 ? lookAtAll : Effect.void))),
    }
  }
}

/** What the store does when it is asked to: as it should; refuse; do it and say that it did not. */
export type Mood = "well" | "refuses" | "lies"

export const unwritable = (place: string): OperationError =>
  new OperationError({
    reason: "StoreUnwritable",
    place,
    expected: "a store that can be written",
    found: "a full disk",
    advice: "Make room",
  })

/** The store as one process finds it, method by method. */
export const moody = (store: Service, moodOf: (method: keyof Service) => Mood): Service => {
  const under =
    (method: keyof Service) =>
    <A>(effect: Effect.Effect<A, OperationError>): Effect.Effect<A, OperationError> =>
      Effect.suspend(() => {
        const mood = moodOf(method)
        if (mood === "well") return effect
        const refusal = Effect.fail(unwritable(`store.${method}`))
        return mood === "refuses" ? refusal : Effect.zipRight(effect, refusal)
      })
  return {
    acquire: under("acquire")(store.acquire),
    renew: (...args) => under("renew")(store.renew(...args)),
    release: (...args) => under("release")(store.release(...args)),
    insert: (...args) => under("insert")(store.insert(...args)),
    begin: (...args) => under("begin")(store.begin(...args)),
    report: (...args) => under("report")(store.report(...args)),
    finish: (...args) => under("finish")(store.finish(...args)),
    requestCancel: (...args) => under("requestCancel")(store.requestCancel(...args)),
    requested: (...args) => under("requested")(store.requested(...args)),
    get: (...args) => under("get")(store.get(...args)),
    list: (...args) => under("list")(store.list(...args)),
    watch: (...args) => under("watch")(store.watch(...args)),
    sweep: under("sweep")(store.sweep),
    prune: (...args) => under("prune")(store.prune(...args)),
  }
}
