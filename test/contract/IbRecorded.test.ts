import * as Fs from "node:fs"
import * as Path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type { DataError } from "../../src/data/DataError.js"
import { adapter, ask, serve, symbol } from "../hosts/ib/Hosts.js"
import * as FakeHost from "../utils/FakeHost.js"

interface Message {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}
interface Row {
  readonly name: string
  readonly request: Message | null
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: unknown
  } | null
  readonly reaction?: { readonly returned?: unknown; readonly exception?: string }
}

const folder = Path.resolve(import.meta.dirname, "../../../shared/wire/recorded")
const rows = (file: string): ReadonlyArray<Row> =>
  JSON.parse(Fs.readFileSync(Path.join(folder, file), "utf8")) as ReadonlyArray<Row>

const send = (base: string, { body, headers, method, path, query }: Message) =>
  Effect.promise(async () => {
    const url = `${base}${path}${Object.keys(query).length === 0 ? "" : `?${new URLSearchParams(query)}`}`
    const text = body === null ? undefined : typeof body === "string" ? body : JSON.stringify(body)
    const init = { method, headers, redirect: "manual" } as const
    const response = await fetch(url, text === undefined ? init : { ...init, body: text })
    return { status: response.status, headers: response.headers, text: await response.text() }
  })

const kind = (value: unknown) => (value === null ? "null" : typeof value)

/** What an answer must have: every recorded key, of the recorded type; free maps and texts of errors are not compared. */
const differences = (recorded: unknown, found: unknown, at = "$"): ReadonlyArray<string> => {
  if (/\.(contract|head_timestamp_timeframes|head_timestamps|connection_pool_status|trading_hours)$/.test(at))
    return []
  if (recorded === null || found === null || typeof recorded !== "object" || typeof found !== "object") {
    return kind(recorded) === kind(found)
      ? []
      : [`${at}: ${kind(recorded)} was recorded, ${kind(found)} found`]
  }
  return Object.entries(recorded).flatMap(([key, value]) =>
    key in found
      ? differences(value, (found as Record<string, unknown>)[key], `${at}.${key}`)
      : [`${at}.${key}: missing`],
  )
}

/** Where the host differs on purpose, or its market from the one that was recorded. */
const otherwise: Readonly<Record<string, object>> = {
  "historical, bad timeframe": { success: false, data: null, rows: null, error_code: "InvalidInput" },
  "historical, empty timeframe": { success: false, data: null, rows: null, error_code: "InvalidInput" },
  "historical, no bars": { success: true, data: "{}", error: null, rows: 0 },
  "validate, unknown pair without the dot": { success: true, is_valid: true },
  "historical, unknown pair without the dot": { success: true, error: null },
  "health detailed": { last_error: null },
}

/** The reason that the wire page gives an answer, where it is not "bars". */
const reason = (name: string): DataError["reason"] | "bars" | "none" => {
  const table: ReadonlyArray<readonly [RegExp, DataError["reason"] | "bars" | "none"]> = [
    [/Symbol validation failed/, "UnknownSymbol"],
    [/No data returned|Error 162|Data not available before/, "none"],
    [/API historical da|HTTP 429/, "Pacing"],
    [/Error 354/, "NoPermission"],
    [/Not connected|connection closed|Failed to create connection|HTTP 503/, "Unreachable"],
    [/success false|HTTP (500|404|422|307)/, "Refused"],
    [/not in order|nulls in a bar|rows does not match|an object instead|no JSON|HTTP 204/, "Malformed"],
    [/no success key|body "\{\}"|body a list|body null|empty body|200, text/, "Malformed"],
    [/data "\{\}"|data null|data an empty string/, "none"],
  ]
  return table.find(([words]) => words.test(name))?.[1] ?? "bars"
}

describe.skipIf(!Fs.existsSync(folder))("recorded exchanges", () => {
  it.scopedLive("ktrdr's host answers as KTRDR's was recorded to", () =>
    Effect.gen(function* () {
      const base = yield* serve()
      for (const { name, request, response } of rows("ib-host.json")) {
        if (request === null || response === null || name.includes("dead gateway")) continue
        const found = yield* send(base, request)
        expect([name, found.status]).toEqual([name, response.status])
        if (found.status === 307) {
          expect(found.headers.get("location")).toBe(`${base}/health/detailed`)
          continue
        }
        expect(found.headers.get("content-type")).toContain("application/json")
        const body: unknown = JSON.parse(found.text)
        if (found.status !== 200) expect([name, body]).toEqual([name, response.body])
        else if (otherwise[name] !== undefined) expect([name, body]).toMatchObject([name, otherwise[name]])
        else if (/gateway up|health detailed/.test(name)) {
          expect(Object.keys(body as object).sort()).toEqual(Object.keys(response.body as object).sort())
        } else expect([name, differences(response.body, body)]).toEqual([name, []])
      }
    }),
  )

  it.scopedLive("the adapter takes each recorded answer for what it is", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const source = yield* adapter({ baseUrl: host.url, attempts: 1 })
      const found: Array<readonly [string, unknown]> = []
      const wanted: Array<readonly [string, unknown]> = []
      for (const { name, response, reaction } of rows("ib-client.json")) {
        if (!name.startsWith("historical:") || response === null || /timeout|first late/.test(name)) continue
        host.script.length = 0
        const { body, headers, status } = response
        const text = body === null && name !== "historical: body null" ? "" : JSON.stringify(body)
        const first = typeof body === "string" ? body : text
        host.script.push(FakeHost.Reply.Answer({ status, headers, body: first }))
        host.otherwise = () => FakeHost.json({ success: true, data: "{}", error: null, rows: 0 })
        const hours = ask("AAPL", "1h", "2024-01-02T14:30:00Z", "2024-01-03T14:30:00Z")
        const taken = yield* Effect.either(source.fetch(hours))
        found.push([
          name,
          Either.match(taken, {
            onLeft: (error) => error.reason,
            onRight: (bars) => Array.from(bars.start, (start) => new Date(start).toISOString()).join(),
          }),
        ])
        const expected = reason(name)
        const frame = (reaction?.returned as { DataFrame?: { index: ReadonlyArray<string> } })?.DataFrame
        const starts = (frame?.index ?? []).map((start) =>
          new Date(/\+/.test(start) ? start : `${start}Z`).toISOString(),
        )
        wanted.push([name, expected === "bars" ? starts.join() : expected === "none" ? "" : expected])
      }
      expect(found.length).toBeGreaterThan(40)
      expect(found).toEqual(wanted)
    }),
  )

  it.scopedLive("the adapter takes each recorded validation for what it is", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const source = yield* adapter({ baseUrl: host.url, attempts: 1 })
      const found: Array<readonly [string, unknown]> = []
      for (const { name, response } of rows("ib-client.json")) {
        if (!name.startsWith("validate:") || response === null) continue
        host.script.push(FakeHost.Reply.Answer({ ...response, body: JSON.stringify(response.body) }))
        const taken = yield* Effect.either(source.validate(symbol("AAPL"), "1h"))
        found.push([
          name.slice("validate: ".length),
          Either.match(taken, {
            onLeft: (error) => error.reason,
            onRight: ({ head, instrument }) =>
              `${instrument.type} ${instrument.venue} ${head === undefined ? "?" : new Date(head).toISOString()}`,
          }),
        ])
      }
      const known = "stock XNYS 1980-12-12T14:30:00.000Z"
      expect(found).toEqual([
        ["valid", known],
        ["valid, head timestamps with Z", known],
        ["no timeframes", "stock XNYS ?"],
        ["head timestamp not ISO", known],
        ["contract_info with one key more (last_timestamp)", known],
        ["contract_info with only the seven it needs", known],
        ["contract_info lacks asset_type", "Malformed"],
        ["contract_info null though valid", "stock XNYS ?"],
        ["unknown keys at the top (suggested_symbol, last_timestamp)", known],
        ["invalid", "UnknownSymbol"],
        ["invalid, no text", "UnknownSymbol"],
        ["is_valid missing", "UnknownSymbol"],
        ["success false", "Unreachable"],
        ["success false, error null", "Refused"],
        ['body "{}"', "Malformed"],
        ["HTTP 500", "Refused"],
      ])
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
  )
})
