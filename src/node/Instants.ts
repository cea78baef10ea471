/**
 * Instants as JSON has them: in UTC, to the millisecond.
 */

/** `2024-01-09T12:00:00.000Z` */
export const iso = (millis: number): string => new Date(millis).toISOString()

/** The same; null where there is none. */
export const isoOrNull = (millis: number | null): string | null => (millis === null ? null : iso(millis))
