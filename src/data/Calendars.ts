/**
 * The calendars that a program goes by: those of the user before the built-in ones.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TradingCalendar from "./TradingCalendar.js"

/**
 * The first calendar of a venue's name is the one that counts; `XNYS`, `FOREX` and `24x7` when nothing else is
 * provided. It is read where a venue is looked up, so it is provided around the program that does so.
 */
export class Calendars extends Context.Reference<Calendars>()("ktrdr/data/Calendars", {
  defaultValue: (): ReadonlyArray<TradingCalendar.TradingCalendar> => TradingCalendar.builtIn,
}) {}

/** The venue's calendar. An unknown venue is taken to be open always, with a warning. */
export const forVenue = (venue: string): Effect.Effect<TradingCalendar.ForVenue> =>
  Effect.map(Calendars, (calendars) => TradingCalendar.forVenue(venue, calendars))

/** Puts calendars before those that are known already. */
export const layer = (calendars: ReadonlyArray<TradingCalendar.TradingCalendar>): Layer.Layer<Calendars> =>
  Layer.effect(
    Calendars,
    Effect.map(Calendars, (known) => [...calendars, ...known]),
  )

/** Runs an effect with calendars put before those that are known already. */
export const add =
  (calendars: ReadonlyArray<TradingCalendar.TradingCalendar>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Calendars, (known) => Effect.provideService(effect, Calendars, [...calendars, ...known]))
