/**
 * What Interactive Brokers allows and how its host words it, as data. From its API manual (historical data
 * limitations, message codes) and from recorded answers of KTRDR's host; tables of 2025-06-30.
 */

import * as Schema from "effect/Schema"
import type { InstrumentType } from "../../data/Instrument.js"
import * as Timeframe from "../../data/Timeframe.js"

/** Bars of 30 seconds or less: paced hard, and kept for six months only. */
export const isSmall = (timeframe: Timeframe.Timeframe): boolean => Timeframe.info(timeframe).millis <= 30_000

/** How far back bars of 30 seconds or less go: six months. */
export const smallBarReachMillis = 183 * 86_400_000

/** How long to leave the source alone after a pacing violation that does not say. */
export const pacingMillis = 60_000

/**
 * The pacing of requests as it was on `asOf`; `limit` requests in any window of `windowMillis`. `smallBars`
 * holds for bars of 30 seconds or less (in `all` those for `BID_ASK` count twice) and, where a user wants it
 * strict, for all historical requests; `always` for every request. A window is kept `marginMillis` longer, for
 * requests do not take equally long to reach the gateway. An answer within `quickMillis` tells of a gateway at
 * ease.
 */
export const pacing = {
  of: "Interactive Brokers",
  asOf: "2025-06-30",
  smallBars: {
    all: { name: "60 requests in 10 minutes", limit: 60, windowMillis: 600_000 },
    sameContract: { name: "5 requests for one contract in 2 seconds", limit: 5, windowMillis: 2000 },
    identical: { name: "1 identical request in 15 seconds", limit: 1, windowMillis: 15_000 },
  },
  always: {
    open: 50,
    messages: { name: "50 messages in 1 second", limit: 50, windowMillis: 1000 },
  },
  marginMillis: 100,
  quickMillis: 5000,
} as const

/**
 * Timeframes that KTRDR's host knows; for any other it serves daily bars and says nothing. It adds no
 * `error_code` to its answers, ktrdr's own host always does.
 */
export const ktrdrKnows: ReadonlySet<Timeframe.Timeframe> = new Set(
  Timeframe.all.filter((timeframe) => !isSmall(timeframe)),
)

/** Security types by instrument type. */
export const assetType: { readonly [K in InstrumentType]: string } = {
  stock: "STK",
  forex: "CASH",
  future: "FUT",
  index: "IND",
  crypto: "CRYPTO",
}

/** The exchange that a contract of the type is routed to. */
export const exchange: { readonly [K in InstrumentType]: string } = {
  stock: "SMART",
  forex: "IDEALPRO",
  future: "CME",
  index: "CBOE",
  crypto: "PAXOS",
}

/** The instrument type of a security type that bars can be had of. */
export const instrumentType = (secType: string): InstrumentType | undefined =>
  (Object.keys(assetType) as ReadonlyArray<InstrumentType>).find((type) => assetType[type] === secType)

/** Exchanges that keep the calendar of New York stocks. */
const newYork = new Set("SMART NYSE NASDAQ ISLAND ARCA AMEX BATS IEX PINK CBOE".split(" "))

/**
 * The venue of a contract: `XNYS` for United States stocks and indices, `FOREX`, `24x7`, else the exchange
 * itself, with the currency where the exchange is a router's name.
 */
export const venue = (type: InstrumentType, exchange: string, currency: string): string => {
  if (type === "forex") return "FOREX"
  if (type === "crypto") return "24x7"
  if (type !== "future" && currency === "USD" && newYork.has(exchange)) return "XNYS"
  const name = exchange === "SMART" ? `SMART-${currency}` : exchange
  return (
    name
      .replace(/[^A-Za-z0-9_-]/g, "-")
      .replace(/^[-_]+/, "")
      .slice(0, 20) || "unknown"
  )
}

/** What a refusal can mean; `NoData` is the one that is no failure. */
export const Meaning = Schema.Literal(
  "Unreachable",
  "Timeout",
  "Pacing",
  "UnknownSymbol",
  "NoPermission",
  "NoData",
  "Malformed",
  "Refused",
)
export type Meaning = typeof Meaning.Type

export interface Refusal {
  readonly reason: Meaning
  /** The symbol that an unknown one was probably meant to be. */
  readonly suggestion?: string
  /** Of `NoData`: only before this instant (epoch ms) there is none. */
  readonly before?: number
}

/**
 * Reads a refusal's text, as KTRDR's host and Interactive Brokers word it. The first rule that matches holds;
 * a text that none matches is `Refused`.
 */
export const refusal = (text: string): Refusal => {
  const instant = Date.parse(/^Data not available before (\S+)\. /.exec(text)?.[1] ?? "")
  if (!Number.isNaN(instant)) return { reason: "NoData", before: instant }
  const rule = rules.find(({ words, codes }) => words?.test(text) || codes?.includes(codeOf(text)))
  const suggestion = /\bDid you mean ([A-Z0-9][A-Z0-9._/-]*?)\?/.exec(text)?.[1]
  return {
    reason: rule?.reason ?? "Refused",
    ...(rule?.reason === "UnknownSymbol" && suggestion !== undefined ? { suggestion } : {}),
  }
}

// -----------------------------------------------------------------------------

/**
 * Texts and codes of Interactive Brokers' error table. 162 says two things, which its text tells apart. A
 * failed validation comes last: its text may be about the connection.
 */
const rules: ReadonlyArray<{
  readonly reason: Meaning
  readonly words?: RegExp
  readonly codes?: ReadonlyArray<number>
}> = [
  { reason: "UnknownSymbol", words: /\bSymbol \S* ?not found\b/ },
  { reason: "NoData", words: /^No data returned for |query returned no data/i },
  { reason: "Pacing", words: /\bpacing\b/i, codes: [100, 420] },
  { reason: "NoPermission", codes: [354, 10_090, 10_197] },
  {
    reason: "Unreachable",
    words: /\bnot connected\b|\bconnection (closed|lost)\b|\bcreat(e|ing) connection\b/i,
    codes: [502, 504, 507, 1100],
  },
  { reason: "UnknownSymbol", words: /^Symbol validation failed: / },
]

/** The number after `Error`, or that the text begins with: `Error 354: ...`, `[162] ...`. */
const codeOf = (text: string): number =>
  Number(/(?:^\W*|\b(?:error|code)\W{1,3}(?:code\W{1,3})?)(\d{3,5})\b/i.exec(text)?.[1])
