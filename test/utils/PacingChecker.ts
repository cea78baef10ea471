/**
 * Judges what a limiter did by the text of the rules alone: a window that is too full can be moved to begin
 * with a start, so those are all that are counted. It shares nothing with the limiter.
 */

export interface Limit<Request> {
  readonly name: string
  readonly limit: number
  readonly windowMillis: number
  readonly key: (request: Request) => string | undefined
  readonly cost?: ((request: Request) => number) | undefined
}

export interface Start<Request> {
  readonly at: number
  readonly request: Request
}

export interface Violation {
  readonly rule: string
  readonly key: string
  /** The window's first instant, and what the requests that start in it cost. */
  readonly from: number
  readonly cost: number
}

/** Every window `[from, from + windowMillis)`, of every rule and key, that begins with a start and is too full. */
export const violations = <Request>(
  rules: ReadonlyArray<Limit<Request>>,
  starts: ReadonlyArray<Start<Request>>,
): ReadonlyArray<Violation> =>
  rules.flatMap((rule) => {
    const byKey = new Map<string, Array<{ at: number; cost: number }>>()
    for (const { at, request } of starts) {
      const key = rule.key(request)
      if (key === undefined) continue
      const all = byKey.get(key) ?? []
      all.push({ at, cost: rule.cost?.(request) ?? 1 })
      byKey.set(key, all)
    }
    return [...byKey].flatMap(([key, all]) => {
      all.sort((a, b) => a.at - b.at)
      const found: Array<Violation> = []
      let cost = 0
      let end = 0
      for (const [index, { at: from, cost: own }] of all.entries()) {
        while (end < all.length && all[end]!.at < from + rule.windowMillis) cost += all[end++]!.cost
        const isFirst = index === 0 || all[index - 1]!.at < from
        if (cost > rule.limit && isFirst) found.push({ rule: rule.name, key, from, cost })
        cost -= own
      }
      return found
    })
  })
