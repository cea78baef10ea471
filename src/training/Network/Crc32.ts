/** Check sums (CRC-32) of bytes that may come in pieces. */

/** Of no bytes: what the first piece goes on from. */
export const none = 0

/** Of the bytes that `before` is of, and these after them. */
export const add = (before: number, bytes: Uint8Array): number => {
  let word = ~before
  for (let i = 0; i < bytes.length; i++) word = remainders[(word ^ bytes[i]!) & 0xff]! ^ (word >>> 8)
  return ~word >>> 0
}

export const of = (bytes: Uint8Array): number => add(none, bytes)

// ---------------------------------------------------------------------------------------------------------

const remainders = Uint32Array.from({ length: 256 }, (_, byte) => {
  let word = byte
  for (let bit = 0; bit < 8; bit++) word = word & 1 ? (word >>> 1) ^ 0xedb88320 : word >>> 1
  return word
})
