/**
 * `Content-Digest` (RFC 9530), by which whoever gets a body knows that it is the one that was sent: SHA-256 of its
 * bytes as they are sent, compressed where they are.
 */
import * as Effect from "effect/Effect"
import { sha256 } from "./sha256.js"

/** What the header says of a body. */
export const of = (bytes: Uint8Array): Effect.Effect<string> =>
  Effect.map(sha256(bytes), (hex) => `sha-256=:${Buffer.from(hex, "hex").toString("base64")}:`)

/** What a header says that `of` could say, if it says such a thing. */
export const said = (header: string | undefined): string | undefined =>
  /(?:^|,)\s*(sha-256=:[A-Za-z0-9+/]+=*:)\s*(?:,|$)/.exec(header ?? "")?.[1]
