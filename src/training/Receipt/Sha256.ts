import * as Schema from "effect/Schema"

/** A SHA-256 in hexadecimal. */
export const Sha256 = Schema.String.pipe(
  Schema.pattern(/^[0-9a-f]{64}$/, { message: () => "expected 64 hexadecimal digits" }),
).annotations({ identifier: "Sha256" })

/** `SHA-256 0123456789ab`: enough to tell two apart. */
export const show = (sha256: string): string => `SHA-256 ${sha256.slice(0, 12)}`
