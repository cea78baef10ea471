/** The port's contract, kept by the simulated market and by the adapter over ktrdr's own host. */

import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CandleSource } from "../../../src/data/CandleSource.js"
import { contract, type Options } from "../../contract/CandleSource.js"
import { adapter, at, market, serve, symbol } from "./Hosts.js"

const options: Options = {
  series: { symbol: symbol("AAPL"), timeframe: "1h", session: "regular" },
  range: { start: at("2024-03-01T00:00:00Z"), end: at("2024-03-20T00:00:00Z") },
  empty: { start: at("2024-03-02T00:00:00Z"), end: at("2024-03-03T00:00:00Z") },
  unknown: { symbol: "APPL", suggestion: "AAPL" },
}

const throughHost = Layer.scoped(
  CandleSource,
  Effect.flatMap(serve(), (baseUrl) => adapter({ baseUrl })),
)

contract("simulated market", market, options)
contract("IB host", throughHost, options)
