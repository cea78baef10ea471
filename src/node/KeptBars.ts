/**
 * Counts what a store is given to keep, so that a cancelled load can say what it leaves behind.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Candle from "../data/Candle.js"
import { CandleStore } from "../data/CandleStore.js"

/** Bars that were made durable since the store was opened. */
export class KeptBars extends Context.Tag("ktrdr/node/KeptBars")<KeptBars, { count: number }>() {}

/** The store, and the count of what it keeps. */
export const layer: Layer.Layer<CandleStore | KeptBars, never, CandleStore> = Layer.effectContext(
  Effect.map(CandleStore, (store) => {
    const kept = { count: 0 }
    return Context.make(KeptBars, kept).pipe(
      Context.add(CandleStore, {
        ...store,
        writer: (identity) =>
          Effect.map(store.writer(identity), (writer) => ({
            ...writer,
            append: (batch) =>
              Effect.tap(writer.append(batch), () => {
                kept.count += Candle.size(batch.candles)
              }),
          })),
      }),
    )
  }),
)
