/**
 * What the simulated market lists: real names with invented prices.
 */
import type { InstrumentType } from "../../data/Instrument.js"

export interface Profile {
  /** The name that seeds the bars; a pair is listed without its dot. */
  readonly symbol: string
  readonly type: InstrumentType
  /** The venue whose calendar the symbol keeps. */
  readonly venue: "XNYS" | "FOREX" | "24x7"
  readonly currency: string
  readonly description: string
  /** Price steps per unit of currency: 100 for a tick of 0.01. */
  readonly ticksPerUnit: number
  /** The price around which the symbol moves. */
  readonly price: number
  /** Standard deviation of a day's return, roughly. */
  readonly volatility: number
  /** Shares (or units) of a regular minute, roughly; none where the venue knows no volume. */
  readonly minuteVolume: number | undefined
  /** The date of the first session, as 00:00 UTC of it. */
  readonly headDate: number
}

const stock = (
  symbol: string,
  head: string,
  price: number,
  volatility: number,
  minuteVolume: number,
  description: string,
): Profile => ({
  symbol,
  type: "stock",
  venue: "XNYS",
  currency: "USD",
  description,
  ticksPerUnit: 100,
  price,
  volatility,
  minuteVolume,
  headDate: Date.parse(head),
})

const index = (symbol: string, head: string, price: number, description: string): Profile => ({
  ...stock(symbol, head, price, 0.011, 5_000_000, description),
  type: "index",
})

const forex = (symbol: string, head: string, price: number, description: string): Profile => ({
  ...stock(symbol, head, price, 0.005, 0, description),
  type: "forex",
  venue: "FOREX",
  currency: symbol.slice(3),
  ticksPerUnit: symbol.endsWith("JPY") ? 200 : 20_000,
  minuteVolume: undefined,
})

const crypto = (symbol: string, head: string, price: number, description: string): Profile => ({
  ...stock(symbol, head, price, 0.03, 40, description),
  type: "crypto",
  venue: "24x7",
})

/** Every symbol of the simulated market. */
export const all: ReadonlyArray<Profile> = [
  stock("AAPL", "1980-12-12", 170, 0.017, 120_000, "APPLE INC"),
  stock("MSFT", "1986-03-13", 330, 0.016, 55_000, "MICROSOFT CORP"),
  stock("INTC", "1980-03-17", 35, 0.021, 90_000, "INTEL CORP"),
  stock("IBM", "1980-03-17", 140, 0.013, 12_000, "INTL BUSINESS MACHINES CORP"),
  stock("ORCL", "1986-03-12", 110, 0.017, 22_000, "ORACLE CORP"),
  stock("CSCO", "1990-02-16", 48, 0.015, 48_000, "CISCO SYSTEMS INC"),
  stock("KO", "1980-03-17", 60, 0.01, 33_000, "COCA-COLA CO/THE"),
  stock("PG", "1980-03-17", 150, 0.011, 17_000, "PROCTER & GAMBLE CO/THE"),
  stock("JNJ", "1980-03-17", 160, 0.011, 18_000, "JOHNSON & JOHNSON"),
  stock("JPM", "1980-03-17", 145, 0.016, 26_000, "JPMORGAN CHASE & CO"),
  stock("BAC", "1980-03-17", 32, 0.018, 110_000, "BANK OF AMERICA CORP"),
  stock("XOM", "1980-03-17", 105, 0.016, 45_000, "EXXON MOBIL CORP"),
  stock("WMT", "1980-03-17", 155, 0.012, 19_000, "WALMART INC"),
  stock("DIS", "1980-03-17", 95, 0.016, 29_000, "WALT DISNEY CO/THE"),
  stock("GE", "1980-03-17", 110, 0.019, 15_000, "GENERAL ELECTRIC CO"),
  stock("BRK.B", "1996-05-09", 350, 0.011, 9_000, "BERKSHIRE HATHAWAY INC-CL B"),
  stock("AMD", "1983-03-21", 105, 0.03, 140_000, "ADVANCED MICRO DEVICES"),
  stock("AMZN", "1997-05-15", 130, 0.02, 130_000, "AMAZON.COM INC"),
  stock("NVDA", "1999-01-22", 420, 0.027, 100_000, "NVIDIA CORP"),
  stock("NFLX", "2002-05-23", 400, 0.026, 14_000, "NETFLIX INC"),
  stock("GOOGL", "2004-08-19", 125, 0.017, 75_000, "ALPHABET INC-CL A"),
  stock("CRM", "2004-06-23", 210, 0.021, 16_000, "SALESFORCE INC"),
  stock("V", "2008-03-19", 235, 0.014, 16_000, "VISA INC-CLASS A SHARES"),
  stock("TSLA", "2010-06-29", 240, 0.03, 300_000, "TESLA INC"),
  stock("META", "2012-05-18", 290, 0.022, 55_000, "META PLATFORMS INC-CLASS A"),
  stock("SPY", "1993-01-29", 430, 0.011, 200_000, "SPDR S&P 500 ETF TRUST"),
  stock("QQQ", "1999-03-10", 360, 0.013, 130_000, "INVESCO QQQ TRUST SERIES 1"),
  stock("GLD", "2004-11-18", 180, 0.01, 18_000, "SPDR GOLD SHARES"),
  stock("TLT", "2002-07-30", 100, 0.009, 45_000, "ISHARES 20+ YEAR TREASURY BD"),
  stock("JEPI", "2020-05-21", 55, 0.007, 10_000, "JPMORGAN EQUITY PREMIUM INCO"),
  index("SPX", "1985-01-02", 4300, "S&P 500 Stock Index"),
  index("NDX", "1985-10-01", 14_500, "NASDAQ 100 Stock Index"),
  index("DJI", "1985-01-02", 34_000, "Dow Jones Industrial Average"),
  forex("EURUSD", "2005-03-10", 1.12, "European Monetary Union Euro"),
  forex("GBPUSD", "2005-03-10", 1.3, "British pound"),
  forex("USDJPY", "2005-03-10", 115, "United States dollar"),
  forex("USDCHF", "2005-03-10", 0.93, "United States dollar"),
  forex("AUDUSD", "2005-03-10", 0.72, "Australian dollar"),
  forex("USDCAD", "2005-03-10", 1.28, "United States dollar"),
  forex("EURGBP", "2005-03-10", 0.86, "European Monetary Union Euro"),
  forex("EURJPY", "2005-03-10", 135, "European Monetary Union Euro"),
  crypto("BTC", "2012-01-02", 30_000, "Bitcoin cryptocurrency"),
  crypto("ETH", "2016-01-04", 1900, "Ethereum cryptocurrency"),
]

const bySymbol = new Map(
  all.flatMap((profile) =>
    profile.type === "forex"
      ? [
          [profile.symbol, profile] as const,
          [`${profile.symbol.slice(0, 3)}.${profile.symbol.slice(3)}`, profile] as const,
        ]
      : [[profile.symbol, profile] as const],
  ),
)

/** The profile of a listed symbol; a pair answers to `EURUSD` and to `EUR.USD`. */
export const find = (symbol: string): Profile | undefined => bySymbol.get(symbol)

/** Every name that `find` knows. */
export const names: ReadonlyArray<string> = [...bySymbol.keys()]
