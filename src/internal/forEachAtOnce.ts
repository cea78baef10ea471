/**
 * Work on many elements, so many at once, that is over only when all that it began is.
 */
import * as Effect from "effect/Effect"

/**
 * As `Effect.forEach` does it, which in Effect 3.22 ends while one element is still at work where another one fails,
 * or is interrupted, before all were begun: with a limit it counts that failure twice. Without one it does not, so
 * that here a fiber for each place takes one element after another.
 */
export const forEachAtOnce = <A, B, E, R>(
  elements: ReadonlyArray<A>,
  f: (element: A, index: number) => Effect.Effect<B, E, R>,
  concurrency: number | "unbounded",
): Effect.Effect<Array<B>, E, R> =>
  Effect.suspend(() => {
    if (concurrency === "unbounded" || concurrency === 1) return Effect.forEach(elements, f, { concurrency })
    const results: Array<B> = []
    let begun = 0
    const place = Effect.whileLoop({
      while: () => begun < elements.length,
      body: () => {
        const index = begun++
        return Effect.map(f(elements[index]!, index), (result) => {
          results[index] = result
        })
      },
      step: () => {},
    })
    const places = Array.from({ length: Math.min(concurrency, elements.length) }, () => place)
    return Effect.as(Effect.all(places, { concurrency: "unbounded", discard: true }), results)
  })
