/**
 * What is to go wrong on connections between a client and a host, as plain data: the same seed gives the same plan.
 */
import * as Data from "effect/Data"
import { PCGRandom } from "effect/Utils"

/** Which bytes: those that the client sends, or those that the host does. */
export type Side = "request" | "answer"

/** Bytes are counted on their side, from the beginning of the connection or of the exchange that the fault is of. */
export type Fault = Data.TaggedEnum<{
  None: {}
  /** Reset as soon as it is there; who connects within the milliseconds after that is refused. */
  Refuse: { readonly millis: number }
  /** So many bytes pass, then both ends are reset. */
  Reset: { readonly side: Side; readonly at: number }
  /** So many bytes pass, then none any more; that an end was closed is told to the other. */
  Stall: { readonly side: Side; readonly at: number }
  /** So many bytes pass, then the direction is dead: neither bytes nor an end get through, and nobody is told. */
  HalfOpen: { readonly side: Side; readonly at: number }
  /** From there on, a few bytes at a time. */
  Drip: {
    readonly side: Side
    readonly at: number
    readonly bytes: number
    readonly everyMillis: number
  }
  /** So many bytes pass, then the connection ends as if properly. */
  Truncate: { readonly side: Side; readonly at: number }
  /** So many bytes from there on are sent twice, as far as they come together. */
  Duplicate: { readonly side: Side; readonly at: number; readonly length: number }
  /** Ended, as if properly, once nothing has passed for so long after an answer. */
  CloseIdle: { readonly afterMillis: number }
}>
export const Fault = Data.taggedEnum<Fault>()

export type Kind = Exclude<Fault["_tag"], "None">

export const kinds: ReadonlyArray<Kind> = [
  "Refuse",
  "Reset",
  "Stall",
  "HalfOpen",
  "Drip",
  "Truncate",
  "Duplicate",
  "CloseIdle",
]

export interface Options {
  /** How many connections or exchanges are planned for; those after them suffer nothing. */
  readonly length: number
  /** How many of them each kind befalls, as a share; all kinds alike, half of them in all, where it is left out. */
  readonly shares?: { readonly [K in Kind]?: number }
  /** The highest byte at which something happens; low ones are more frequent. */
  readonly upTo?: number
  /** The longest time that a refusal lasts or an idle connection is left alone. */
  readonly millis?: number
}

/** A plan: the fault of each connection or exchange, in order. */
export const script = (
  seed: number,
  { length, shares = even, upTo = 4096, millis = 50 }: Options,
): ReadonlyArray<Fault> => {
  const random = new PCGRandom(seed)
  return Array.from({ length }, () => {
    let left = random.number()
    const kind = kinds.find((kind) => (left -= shares[kind] ?? 0) < 0)
    const side: Side = random.number() < 0.25 ? "request" : "answer"
    const at = Math.floor((upTo + 1) ** random.number()) - 1
    const size = 1 + Math.floor(random.number() * 64)
    const wait = Math.floor(random.number() * millis)
    switch (kind) {
      case undefined:
        return none
      case "Refuse":
        return Fault.Refuse({ millis: wait })
      case "CloseIdle":
        return Fault.CloseIdle({ afterMillis: wait })
      case "Drip":
        return Fault.Drip({ side, at, bytes: size, everyMillis: 5 })
      case "Duplicate":
        return Fault.Duplicate({ side, at: size % 2 === 0 ? 0 : at, length: size % 4 < 2 ? upTo : size })
      default:
        return Fault[kind]({ side, at })
    }
  })
}

// ---------------------------------------------------------------------------------------------------------

const none = Fault.None()

const even = Object.fromEntries(kinds.map((kind) => [kind, 0.5 / kinds.length]))
