/**
 * The client's questions in the terms of the API, and the answers in those of the domain.
 */
import * as Effect from "effect/Effect"
import * as Candle from "../../data/Candle.js"
import type { Span } from "../../data/DataManager.js"
import type { Series } from "../../data/Series.js"
import * as Record from "../../OperationRecord.js"
import * as OperationStore from "../../OperationStore.js"
import type * as DataApi from "./DataApi.js"
import type * as DataWire from "./DataWire.js"
import type * as OperationsApi from "./OperationsApi.js"
import { maxLimit } from "./OperationsApi.js"
import * as OperationWire from "./OperationWire.js"

type Listed = typeof OperationsApi.ListAnswer.Type

export const pageOf = ({ data, total_count, active_count }: Listed): OperationStore.Page => ({
  operations: data.map(OperationWire.summaryFrom),
  total: total_count,
  active: active_count,
})

/**
 * A part of the list, however long: the API lists one status at a time, or all that are active, and a thousand at
 * most.
 */
export const listed = <E>(
  { kind, limit = OperationStore.defaultLimit, offset = 0, statuses }: OperationStore.Query,
  ask: (filters: OperationsApi.Filters) => Effect.Effect<Listed, E>,
): Effect.Effect<OperationStore.Page, E> =>
  Effect.gen(function* () {
    const ofKind = kind === undefined ? {} : { operation_type: kind }
    const filters = filtersOf(statuses).map((filter) => ({ ...filter, ...ofKind }))
    const isOne = filters.length === 1
    const lists = yield* Effect.forEach(filters, (filter) =>
      upTo(isOne ? offset : 0, isOne ? limit : offset + limit, (from, most) =>
        ask({ ...filter, offset: from, limit: most }),
      ),
    )
    const operations = lists.flatMap((list) => list.operations)
    if (!isOne) operations.sort((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1))
    return {
      operations: isOne ? operations : operations.slice(offset, offset + limit),
      total: lists.reduce((sum, { total }) => sum + total, 0),
      active: lists[0]?.active ?? 0,
    }
  })

export const spanQuery = ({ session }: Series, { start, end }: Span): DataApi.SpanQuery => ({
  ...(start === undefined ? {} : { start_date: start }),
  ...(end === undefined ? {} : { end_date: end - 1 }),
  ...(session === "extended" ? { include_extended: true } : {}),
})

export const barsQuery = (series: Series, span: Span, limit: number | undefined): DataApi.BarsQuery => ({
  ...spanQuery(series, span),
  ...(limit === undefined ? {} : { limit, tail: true }),
})

export const candlesOf = ({ dates, ohlcv }: typeof DataWire.Bars.Type): Candle.Candles => {
  const candles = Candle.allocate(dates.length)
  for (let index = 0; index < dates.length; index++) {
    candles.start[index] = Date.parse(`${dates[index]}Z`)
    const row = ohlcv[index] ?? []
    for (let column = 0; column < prices.length; column++) {
      candles[prices[column]!][index] = row[column] ?? Number.NaN
    }
  }
  return candles
}

// ---------------------------------------------------------------------------------------------------------

const prices = ["open", "high", "low", "close", "volume"] as const

/** Lists that together have the operations of these statuses, and no other. */
const filtersOf = (
  statuses: ReadonlyArray<Record.Status> | undefined,
): ReadonlyArray<OperationsApi.Filters> => {
  if (statuses === undefined) return [{}]
  const isActive = Record.active.every((status) => statuses.includes(status))
  const others = isActive ? statuses.filter((status) => Record.isTerminal({ status })) : statuses
  const single = [...new Set(others.map(OperationWire.statusOf))].map((status) => ({ status }))
  return isActive ? [{ active_only: true }, ...single] : single
}

/** Asks for as many as there are, a thousand at a time. */
const upTo = <E>(
  offset: number,
  limit: number,
  ask: (offset: number, limit: number) => Effect.Effect<Listed, E>,
): Effect.Effect<OperationStore.Page, E> =>
  Effect.gen(function* () {
    const operations: Array<Record.Summary> = []
    for (;;) {
      const most = Math.min(maxLimit, limit - operations.length)
      const page = pageOf(yield* ask(offset + operations.length, most))
      operations.push(...page.operations)
      if (page.operations.length < most || operations.length >= limit) return { ...page, operations }
    }
  })
