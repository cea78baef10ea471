/**
 * Random numbers that are the same on every run: xoshiro128** (Blackman and Vigna, "Scrambled linear
 * pseudorandom number generators", 2018), whose whole state is four words that can be written down and put back.
 * It is for initial weights, the order of rows and dropout; it keeps no secrets.
 */

/** The next numbers follow from the four words of `state`, and from nothing else. */
export interface Seeded {
  readonly state: Uint32Array
}

/**
 * The generator of a seed (a whole number from 0 to 2^53 - 1); each `stream` (whole numbers too: a purpose, an
 * epoch) is one of its own, as if it had another seed.
 */
export const make = (seed: number, ...stream: ReadonlyArray<number>): Seeded => {
  const words = [seed, ...stream].flatMap((word) => [word >>> 0, Math.floor(word / 2 ** 32) >>> 0])
  return { state: Uint32Array.from([1, 2, 3, 4], (lane) => words.reduce(mix, mix(0, lane))) }
}

/** A whole number from 0 to 2^32 - 1. */
export const next = ({ state }: Seeded): number => {
  const s0 = state[0]!
  const s1 = state[1]!
  const s2 = state[2]! ^ s0
  const s3 = state[3]! ^ s1
  state[0] = s0 ^ s3
  state[1] = s1 ^ s2
  state[2] = s2 ^ (s1 << 9)
  state[3] = rotate(s3, 11)
  return Math.imul(rotate(Math.imul(s1, 5), 7), 9) >>> 0
}

/** From 0, which may come, to 1, which may not; a multiple of 2^-32. */
export const uniform = (generator: Seeded): number => next(generator) / 2 ** 32

/** A whole number below `bound` (1 to 2^32), each as likely as the others. */
export const below = (generator: Seeded, bound: number): number => {
  const mask = 0xffffffff >>> Math.clz32((bound - 1) | 1)
  let drawn = next(generator) & mask
  while (drawn >>> 0 >= bound) drawn = next(generator) & mask
  return drawn >>> 0
}

/** Puts the numbers in an order of which each is as likely as the others (Fisher and Yates). */
export const shuffle = (generator: Seeded, numbers: Uint32Array): void => {
  for (let last = numbers.length - 1; last > 0; last--) {
    const chosen = below(generator, last + 1)
    const number = numbers[last]!
    numbers[last] = numbers[chosen]!
    numbers[chosen] = number
  }
}

// ---------------------------------------------------------------------------------------------------------

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by))

/** Splitmix's finisher over a word more. */
const mix = (hash: number, word: number): number => {
  let z = (Math.imul(hash, 31) ^ word) + 0x9e3779b9
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
  return (z ^ (z >>> 15)) >>> 0
}
