/**
 * What a connection pool tells the client that sits on it.
 */
import * as Context from "effect/Context"

/** Connections opened since the pool was made. */
export class Connections extends Context.Reference<Connections>()("ktrdr/HostClient/Connections", {
  defaultValue: (): { opened: number } => ({ opened: 0 }),
}) {}

/** Where a connection stood when it failed. */
export interface Failed {
  /** It had served a request before this one. */
  readonly reused: boolean
  /** Some of this request's answer had come. */
  readonly answered: boolean
}

/** Where the connection stood, by the error object that it failed with. */
export const failed = new WeakMap<object, Failed>()
