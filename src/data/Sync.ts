/**
 * Which of the stored series a sync brings up to date.
 */

import * as Either from "effect/Either"
import type { Description } from "./CandleStore.js"
import { DataError } from "./DataError.js"
import type { Payload } from "./LoadData.js"
import type { Symbol } from "./Symbol.js"

export interface Options {
  /** The name of the source that is there to load from. */
  readonly source: string
  /** Only series of these symbols, whatever source they came from; all series where left out. */
  readonly only?: ReadonlyArray<Symbol>
  /** Series that another source filled as well, such as imported ones. */
  readonly anySource?: boolean
}

export interface Plan {
  /** One load a series, in `tail` mode, in the order of the descriptions. */
  readonly loads: ReadonlyArray<Payload>
  /** Series that are left as they are, for their bars came from elsewhere. */
  readonly left: ReadonlyArray<Description>
}

/**
 * A series is loaded from the source that filled it, for bars of two sources need not fit together: one that
 * came from another source is left as it is, unless its symbol is named or `anySource` says otherwise. Fails
 * with `NotFound` when a named symbol has no series.
 */
export const plan = (
  stored: ReadonlyArray<Description>,
  { source, only, anySource }: Options,
): Either.Either<Plan, DataError> => {
  const lacking = only?.filter((symbol) => !stored.some(({ series }) => series.symbol === symbol)) ?? []
  if (lacking.length > 0) return Either.left(notFound(lacking))
  const meant = only === undefined ? stored : stored.filter(({ series }) => only.includes(series.symbol))
  const isLoaded = (one: Description) => only !== undefined || anySource === true || one.source === source
  return Either.right({
    loads: meant.filter(isLoaded).map(({ series }) => ({ ...series, mode: "tail", recheck: false })),
    left: meant.filter((one) => !isLoaded(one)),
  })
}

// ---------------------------------------------------------------------------------------------------------

const notFound = (symbols: ReadonlyArray<Symbol>): DataError =>
  new DataError({
    reason: "NotFound",
    place: symbols.join(", "),
    expected: "a series in the store for each symbol",
    found: "none",
    advice: `Load it first: ktrdr data load ${symbols.join(" ")} TIMEFRAME`,
  })
