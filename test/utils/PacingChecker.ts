/**
 * Judges what a limiter did by the text of the rules alone: every window that could be too full begins with a
 * start, so each of those is counted out. It shares nothing with the limiter.
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

/** Every window `[from, from + windowMillis)` of every rule and key that holds more than the limit. */
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
    return [...byKey].flatMap(([key, all]) =>
      all.flatMap(({ at: from }) => {
        let cost = 0
        for (const one of all) if (one.at >= from && one.at < from + rule.windowMillis) cost += one.cost
        return cost > rule.limit ? [{ rule: rule.name, key, from, cost }] : []
      }),
    )
  })
