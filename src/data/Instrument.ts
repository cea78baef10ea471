/**
 * What a source knows of a symbol.
 */
import * as Schema from "effect/Schema"
import { Symbol } from "./Symbol.js"

export const InstrumentType = Schema.Literal("stock", "forex", "future", "index", "crypto").annotations({
  identifier: "InstrumentType",
})
export type InstrumentType = typeof InstrumentType.Type

/**
 * The identity of what is traded, and the venue whose calendar it keeps: `XNYS` (New York stocks and
 * their indices), `FOREX` (24x5), `24x7`. A venue is also a folder of the store: letters, digits, `-`, `_`.
 */
export const Instrument = Schema.Struct({
  symbol: Symbol,
  type: InstrumentType,
  venue: Schema.String.pipe(Schema.pattern(/^[A-Za-z0-9][A-Za-z0-9_-]{0,19}$/)),
  currency: Schema.optionalWith(Schema.String, { exact: true }),
  description: Schema.optionalWith(Schema.String, { exact: true }),
}).annotations({ identifier: "Instrument" })
export type Instrument = typeof Instrument.Type

/**
 * What a symbol is likely to be, when nobody can be asked: a pair of known currencies, with or without a dot,
 * is forex (`FOREX`); a known coin with a currency is crypto (`24x7`); anything else is a New York stock
 * (`XNYS`), indices and futures included. The warning says that it was guessed.
 */
export const guess = (symbol: Symbol): { readonly instrument: Instrument; readonly warning: string } => {
  const instrument = classify(symbol)
  return {
    instrument,
    warning: `${symbol} is taken for a ${nouns[instrument.type]} of venue ${instrument.venue}, guessed from its name`,
  }
}

// -----------------------------------------------------------------------------

const classify = (symbol: Symbol): Instrument => {
  const stock = { symbol, type: "stock", venue: "XNYS", currency: "USD" } as const
  const currency = [...currencies, ...stablecoins].find((quote) => symbol.endsWith(quote))
  if (currency === undefined) return stock
  const base = symbol.slice(0, -currency.length).replace(/[.-]$/, "")
  if (coins.includes(base)) return { symbol, type: "crypto", venue: "24x7", currency }
  const pair = currencies.includes(base) && currencies.includes(currency) && base !== currency
  return pair ? { symbol, type: "forex", venue: "FOREX", currency } : stock
}

const nouns: { readonly [K in InstrumentType]: string } = {
  stock: "stock",
  forex: "currency pair",
  future: "future",
  index: "index",
  crypto: "cryptocurrency",
}

const words = (text: string): ReadonlyArray<string> => text.split(" ")

/** ISO 4217 codes of the currencies that trade against each other, and CNH. */
const currencies = words(
  "USD EUR GBP JPY CHF AUD NZD CAD SEK NOK DKK CNH CNY HKD SGD KRW INR THB TWD MXN ZAR TRY PLN HUF CZK ILS BRL AED SAR",
)

const stablecoins = words("USDT USDC")

const coins = words("BTC ETH XRP LTC BCH SOL ADA DOGE DOT LINK AVAX MATIC UNI XLM ETC BNB TRX ATOM")
