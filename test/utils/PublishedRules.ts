/**
 * The rules of Interactive Brokers' manual for historical data, word by word: what judges must know that may
 * not ask the code they judge.
 */
import type { Paced } from "../../src/hosts/ib/IbPacing.js"
import type { Limit } from "./PacingChecker.js"

type Bars = NonNullable<Paced["bars"]>

/** "Bar sizes of 30 seconds or less". */
export const isSmall = ({ timeframe }: Bars): boolean => /^\d+s$/.test(timeframe)

/**
 * - "more than 60 requests within any ten minute period", where "each request for BID_ASK counts twice"
 * - "six or more historical data requests for the same contract, exchange and tick type within two seconds"
 * - "identical historical data requests within 15 seconds"
 * - at most 50 messages a second, whatever they are
 */
export const limits = (isHeld: (bars: Bars) => boolean): ReadonlyArray<Limit<Paced>> => {
  const held =
    (of: (bars: Bars, contract: string) => ReadonlyArray<string | number>) =>
    ({ bars, contract }: Paced): string | undefined =>
      bars !== undefined && isHeld(bars) ? of(bars, contract).join("/") : undefined
  return [
    {
      name: "ten minutes",
      limit: 60,
      windowMillis: 600_000,
      key: held(() => []),
      cost: ({ bars }) => (bars?.tickType === "BID_ASK" ? 2 : 1),
    },
    {
      name: "one contract",
      limit: 5,
      windowMillis: 2000,
      key: held(({ tickType }, contract) => [contract, tickType]),
    },
    {
      name: "identical",
      limit: 1,
      windowMillis: 15_000,
      key: held(({ range, session, tickType, timeframe }, contract) => [
        contract,
        tickType,
        timeframe,
        session,
        range.start,
        range.end,
      ]),
    },
    { name: "messages", limit: 50, windowMillis: 1000, key: () => "" },
  ]
}
