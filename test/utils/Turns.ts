/** The outcome of a rule that yields between stretches, run at once. */
export const outcome = <A>(rule: Generator<void, A>): A => {
  while (true) {
    const next = rule.next()
    if (next.done === true) return next.value
  }
}
