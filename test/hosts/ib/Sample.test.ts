/** The sample bars behind ktrdr's own host: an archive of one timeframe, over the wire. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { size } from "../../../src/data/Candle.js"
import * as CsvFolder from "../../../src/data/CandleSource/CsvFolder.js"
import { adapter, ask, at, serve, symbol } from "./Hosts.js"

const directory = `${import.meta.dirname}/../../../src/hosts/ib/sample`
const sample = Layer.provide(CsvFolder.layer({ directory }), NodeContext.layer)

it.scopedLive("says where its bars begin and end, serves them, and has none of another timeframe", () =>
  Effect.gen(function* () {
    const baseUrl = yield* serve({}, sample)
    const source = yield* adapter({ baseUrl })
    const listing = yield* source.validate(symbol("SPX"), "1d")
    expect(listing).toMatchObject({
      instrument: { symbol: "SPX", type: "index", venue: "XNYS" },
      head: at("2000-01-03T00:00:00Z"),
      last: at("2020-04-17T00:00:00Z"),
    })
    const bars = yield* source.fetch(ask("SPX", "1d", "2000-01-01T00:00:00Z", "2001-01-01T00:00:00Z"))
    expect(size(bars)).toBe(252)
    const lacking = yield* Effect.flip(source.validate(symbol("SPX"), "1h"))
    expect(lacking.reason).toBe("NoData")
    const info = yield* Effect.promise(() => fetch(`${baseUrl}/data/symbol-info/SPX`).then((_) => _.json()))
    expect(info).toMatchObject({ is_valid: true, last_timestamp: "2020-04-17T00:00:00+00:00" })
  }),
)
