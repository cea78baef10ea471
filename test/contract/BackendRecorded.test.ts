/** KTRDR's backend as it was recorded, beside ktrdr's own API: what clients of the one find at the other. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Candle from "../../src/data/Candle.js"
import * as CandleSource from "../../src/data/CandleSource.js"
import * as Symbol from "../../src/data/Symbol.js"
import { call, market, serve } from "../node/api/Served.js"

interface Row {
  readonly name: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly query: Readonly<Record<string, string>>
    readonly headers: Readonly<Record<string, string>>
    readonly body: unknown
  }
  readonly response: { readonly status: number; readonly body: unknown }
}

const file = Path.resolve(import.meta.dirname, "../../../shared/wire/recorded/backend.json")

const kind = (value: unknown) => (value === null ? "null" : Array.isArray(value) ? "list" : typeof value)

/** Free maps, texts of errors, and what KTRDR gives as text of Python. */
const free = /\.(context|parameters|ctx|details|input|detail|result_summary)$/

/** Every recorded key has to be there, of the recorded type; where one of the two is null, both types are right. */
const differences = (recorded: unknown, found: unknown, at = "$"): ReadonlyArray<string> => {
  if (free.test(at) || recorded === null || found === null) return []
  if (kind(recorded) !== kind(found)) return [`${at}: ${kind(recorded)} was recorded, ${kind(found)} found`]
  if (typeof recorded !== "object") return []
  const [from, to] = [recorded as Record<string, unknown>, found as Record<string, unknown>]
  if (Array.isArray(recorded)) {
    return recorded.length === 0 || to[0] === undefined ? [] : differences(recorded[0], to[0], `${at}[]`)
  }
  return Object.keys(from).flatMap((key) =>
    key in to ? differences(from[key], to[key], `${at}.${key}`) : [`${at}.${key}: missing`],
  )
}

/** Routes that KTRDR alone has. */
const elsewhere = /dummy|data\/info/

/**
 * What ktrdr answers otherwise, on purpose.
 *
 * - what does not decode is a 422 everywhere, KTRDR's 400s and 500s among it
 * - a load that is waited for tells what it did, and a 404 where nothing is known of the symbol
 * - extra: parameters and timeframes that the one has and the other has not
 * - a strategy or a model that is not there is a 404, one whose name leads elsewhere a 422
 */
const otherwise: Readonly<Record<string, number>> = {
  "cached bars, unknown timeframe": 422,
  "cached bars, bad date": 422,
  "cached bars, blank symbol": 422,
  "load, naive and aware dates mixed": 200,
  "load, blank symbol": 422,
  "load, local, sync": 200,
  "load, local, no file, sync": 200,
  "load, symbol the host does not know, sync": 404,
  "load, host answers no data, sync": 404,
  "load, full, sync": 200,
  "load, tail, sync, date-only stamps": 200,
  "load, with filters, sync": 200,
  "training start, unknown strategy": 404,
  "training start, strategy name with a path": 422,
  "predict, unknown model": 404,
}

/** A training that was cancelled stays so: KTRDR's turns into a failed one. */
const reworded: Readonly<Record<string, readonly [string, string]>> = {
  "performance of the cancelled training": ["status: failed", "status: cancelled"],
}

/** A market that holds bars back for as long as they were loading when they were looked at. */
const holding = (gate: Deferred.Deferred<void>) =>
  Layer.map(market, (context) => {
    const source = Context.get(context, CandleSource.CandleSource)
    return Context.make(CandleSource.CandleSource, {
      ...source,
      fetch: (request: CandleSource.Request) =>
        /CSCO|INTC|AMD/.test(request.series.symbol)
          ? Effect.never
          : request.series.symbol === "ORCL"
            ? Effect.zipRight(Deferred.await(gate), source.fetch(request))
            : source.fetch(request),
    })
  })

describe.skipIf(!Fs.existsSync(file))("recorded exchanges with KTRDR's backend", () => {
  it.scopedLive("are answered with the recorded status and shape, or as is wanted instead", () =>
    Effect.gen(function* () {
      const rows = JSON.parse(Fs.readFileSync(file, "utf8")) as ReadonlyArray<Row>
      const gate = yield* Deferred.make<void>()
      const { manager, operations, url } = yield* serve({ source: holding(gate), gate })
      const row = { open: 1, high: 2, low: 1, close: 2, volume: 1000 }
      const start = Date.parse("2026-11-18T00:00:00Z")
      const hours = Candle.fromRows(
        Array.from({ length: 48 }, (_, hour) => ({ start: start + hour * 3_600_000, ...row })),
      )
      yield* manager.importCandles(
        { symbol: Symbol.Symbol.make("AAPL"), timeframe: "1h", session: "regular" },
        hours,
      )
      /** The recorded ids, and those that stand for them here. */
      const ids = new Map<string, string>()
      const here = (text: string): string =>
        [...ids].reduce((all, [from, to]) => all.replaceAll(from, to), text)
      let compared = 0
      for (const { name, request, response } of rows) {
        if (elsewhere.test(request.path)) continue
        const recordedId = /op_\w+/.exec(request.path)?.[0]
        if (recordedId !== undefined && !ids.has(recordedId)) continue
        const isEnded = /completed 100|failed|finished|cancelled|again/.test(name) && recordedId !== undefined
        if (/completed 100/.test(name)) yield* Deferred.succeed(gate, undefined)
        if (isEnded) yield* operations.await(here(recordedId))
        const query = new URLSearchParams(
          Object.entries(request.query).map(([key, value]): [string, string] => [key, String(value)]),
        )
        const { body } = request
        const answer = yield* call(`${url}${here(request.path)}${query.size === 0 ? "" : `?${query}`}`, {
          method: request.method,
          headers: request.headers,
          ...(body === null ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
        })
        const status = otherwise[name] ?? response.status
        expect([name, answer.status, answer.status === status ? "" : answer.text]).toEqual([name, status, ""])
        const recordedBody = response.body as { task_id?: string; data?: { operation_id?: string } }
        const started = recordedBody.task_id ?? recordedBody.data?.operation_id
        if (started !== undefined && !ids.has(started)) {
          ids.set(started, answer.body.task_id ?? answer.body.data.operation_id)
        }
        if (answer.status >= 400) {
          const recorded = response.body as { readonly detail?: unknown }
          if (Array.isArray(recorded.detail)) {
            expect([name, answer.body.detail.map(placeAndType)]).toEqual([
              name,
              recorded.detail.map(placeAndType),
            ])
          } else if (typeof recorded.detail === "string" && status === response.status) {
            const wanted = here(recorded.detail.replace(...(reworded[name] ?? ["", ""]))).replace(
              /OperationStatus\.(\w+)/,
              (_, word: string) => word.toLowerCase(),
            )
            expect([name, answer.body.detail]).toEqual([name, wanted])
          }
        } else if (response.status < 400) {
          expect([name, differences(response.body, answer.body)]).toEqual([name, []])
        }
        compared++
      }
      expect(compared).toBeGreaterThan(50)
    }),
  )
})

/** The words of pydantic are not compared, but where something is wrong and what kind of fault it is. */
const placeAndType = ({ loc, type }: { readonly loc: ReadonlyArray<unknown>; readonly type: string }) =>
  type === "json_invalid" ? [type] : [loc, type]
