/**
 * The sessions that were to stop before they had begun, for as long as a start may still be on its way.
 */
import { idPattern } from "./SessionFiles.js"

/** How many are remembered. */
export const most = 1000

export interface EarlyStops {
  /** Remembers what can be the name of a session; the oldest is forgotten for it. Times are epoch milliseconds. */
  readonly add: (session: string, now: number) => void
  readonly has: (session: string, now: number) => boolean
}

/** A start may come until so many milliseconds after the stop. */
export const make = (within: number): EarlyStops => {
  const stops = new Map<string, number>()
  return {
    add: (session, now) => {
      if (!idPattern.test(session)) return
      stops.delete(session)
      stops.set(session, now)
      for (const [oldest, at] of stops) {
        if (stops.size <= most && now - at < within) break
        stops.delete(oldest)
      }
    },
    has: (session, now) => {
      const at = stops.get(session)
      return at !== undefined && now - at < within
    },
  }
}
