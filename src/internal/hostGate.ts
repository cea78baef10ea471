/**
 * What the caller of a host may say about the attempts of his calls, from outside.
 */
import * as Context from "effect/Context"
import type { Gatekeeper } from "./hostCall.js"

/** Counts the attempts made while an effect ran: provide a counter, run the effect, read the counter. */
export class Attempts extends Context.Reference<Attempts>()("ktrdr/HostClient/Attempts", {
  defaultValue: (): { requests: number } => ({ requests: 0 }),
}) {}

/**
 * What every attempt passes through, repeats included: it may hold the attempt back, and sees how it ends. The
 * time that it is held back counts towards neither the attempt nor the call; it holds no slot meanwhile.
 */
export class Gate extends Context.Reference<Gate>()("ktrdr/HostClient/Gate", {
  defaultValue: (): Gatekeeper => ({ pass: (attempt) => attempt }),
}) {}
