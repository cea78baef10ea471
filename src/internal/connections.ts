/**
 * What a connection pool tells the client that sits on it.
 */
import * as Context from "effect/Context"

/** Connections to one origin since its pool was made. */
export interface Counts {
  readonly opened: number
  readonly open: number
}

/** The counts by the origin of a URL. */
export class Connections extends Context.Reference<Connections>()("ktrdr/HostClient/Connections", {
  defaultValue: (): ReadonlyMap<string, Counts> => new Map(),
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
