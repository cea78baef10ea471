import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Symbol from "../../../src/data/Symbol.js"
import * as IbCandleSource from "../../../src/hosts/ib/IbCandleSource.js"
import * as FakeHost from "../../utils/FakeHost.js"
import { send, withClient } from "./Served.js"

it.scopedLive("tells of the hosts that it asks: their circuit, connections, counts and last error", () =>
  Effect.gen(function* () {
    const host = yield* FakeHost.make()
    host.otherwise = () => FakeHost.Reply.Reset()
    const source = IbCandleSource.layerHost({
      baseUrl: host.url,
      attempts: 2,
      backoff: 1,
      breakerThreshold: 2,
    })
    const { api, client } = yield* withClient({ source: Layer.orDie(source) })
    const before = yield* client.derived.hosts.list({})
    expect(before.data).toMatchObject([{ name: "ib", url: host.url, state: "closed", last_error: null }])
    const load = { symbol: Symbol.Symbol.make("AAPL"), timeframe: "1d", mode: "full" }
    expect((yield* send("POST", `${api}/data/load`, load)).status).toBeGreaterThanOrEqual(400)
    const { status, body } = yield* send("GET", `${api}/hosts`)
    expect(status).toBe(200)
    expect(body).toEqual({
      success: true,
      data: [
        {
          name: "ib",
          url: host.url,
          state: "open",
          next_try: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
          connections_open: 0,
          connections_opened: 2,
          requests: 2,
          failures: { ConnectionReset: 2 },
          retries: 1,
          in_flight: 0,
          last_error: {
            reason: "ConnectionReset",
            message: expect.stringContaining("/data/validate"),
            at: expect.stringMatching(/Z$/),
          },
          health: { status: "unknown", at: null },
        },
      ],
    })
  }),
)

it.scopedLive("tells of none where it asks none", () =>
  Effect.gen(function* () {
    const { client } = yield* withClient()
    expect(yield* client.derived.hosts.list({})).toEqual({ success: true, data: [] })
  }),
)
