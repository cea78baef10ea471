/** SHA-256, computed beside the main thread. */
import * as Effect from "effect/Effect"

/** Of bytes, or of a text in UTF-8; in hexadecimal. The bytes must not change meanwhile. */
export const sha256 = (data: Uint8Array | string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() =>
      crypto.subtle.digest("SHA-256", typeof data === "string" ? new TextEncoder().encode(data) : own(data)),
    ),
    (digest) => Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join(""),
  )

// ---------------------------------------------------------------------------------------------------------

/** Shared memory is not hashed where it lies. */
const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  isOwn(bytes) ? bytes : Uint8Array.from<number>(bytes)

const isOwn = (bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> => bytes.buffer instanceof ArrayBuffer
