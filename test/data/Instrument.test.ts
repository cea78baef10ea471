import { expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as Instrument from "../../src/data/Instrument.js"
import * as Symbol from "../../src/data/Symbol.js"
import * as TradingCalendar from "../../src/data/TradingCalendar.js"

const guess = (text: string) => Instrument.guess(Either.getOrThrow(Symbol.parse(text)))
const told = (text: string) => {
  const { type, venue, currency } = guess(text).instrument
  return `${type} ${venue} ${currency}`
}

it("guesses type, venue and currency from the name", () => {
  const cases = {
    EURUSD: "forex FOREX USD",
    "EUR.USD": "forex FOREX USD",
    "eur/jpy": "forex FOREX JPY",
    USDCHF: "forex FOREX CHF",
    BTCUSD: "crypto 24x7 USD",
    "ETH/EUR": "crypto 24x7 EUR",
    "BTC-USD": "crypto 24x7 USD",
    "BTC.BTC": "stock XNYS USD",
    SOLUSDT: "crypto 24x7 USDT",
    AAPL: "stock XNYS USD",
    "BRK.B": "stock XNYS USD",
    SPX: "stock XNYS USD",
    USD: "stock XNYS USD",
    USDUSD: "stock XNYS USD",
    BTC: "stock XNYS USD",
    BTCX: "stock XNYS USD",
  }
  expect(Object.fromEntries(Object.keys(cases).map((text) => [text, told(text)]))).toEqual(cases)
})

it("says that it was guessed", () => {
  expect(guess("EURUSD").warning).toBe(
    "EURUSD is taken for a currency pair of venue FOREX, guessed from its name",
  )
})

it("any symbol becomes an instrument of a venue that has a calendar", () => {
  fc.assert(
    fc.property(Arbitrary.make(Symbol.Symbol), (symbol) => {
      const { instrument } = Instrument.guess(symbol)
      expect(Schema.is(Instrument.Instrument)(instrument)).toBe(true)
      expect(instrument.symbol).toBe(symbol)
      expect(TradingCalendar.forVenue(instrument.venue).warning).toBeUndefined()
    }),
  )
})
