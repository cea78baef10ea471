import * as Net from "node:net"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { type Answer, call, send, serve, until } from "./Served.js"

/** What every answer but a good one is. */
const expectRefusal = (answer: Answer, status: number, code?: string): void => {
  expect([answer.status, answer.text.slice(0, 300)]).toEqual([status, expect.anything()])
  expect(answer.headers.get("content-type")).toBe("application/json")
  expect(answer.headers.get("x-request-id")).toMatch(/^\S+$/)
  expect(Object.keys(answer.body).sort()).toEqual(["detail", "error", "success"])
  expect(answer.body.success).toBe(false)
  expect(answer.body.error).toEqual({
    code: code ?? expect.any(String),
    message: expect.any(String),
    details: expect.any(Object),
  })
  expect(answer.text).not.toMatch(/\bat .*\.(ts|js):\d+|node_modules|Error:/)
  if (status === 422) {
    expect(answer.body.detail.length).toBeGreaterThan(0)
    for (const complaint of answer.body.detail) {
      expect(complaint).toMatchObject({
        type: expect.any(String),
        loc: expect.any(Array),
        msg: expect.any(String),
      })
      expect("input" in complaint).toBe(true)
    }
  } else expect(answer.body.detail).toEqual(expect.any(String))
}

const complaints = (answer: Answer): ReadonlyArray<readonly [string, string]> => {
  expectRefusal(answer, 422)
  return answer.body.detail.map((one: { readonly loc: ReadonlyArray<string>; readonly type: string }) => [
    one.loc.join("."),
    one.type,
  ])
}

/** A logger, and the lines that it was given. */
const logging = () => {
  const logged: Array<string> = []
  const take = Logger.map(Logger.logfmtLogger, (line) => void logged.push(line))
  return { logged, logger: Logger.replace(Logger.defaultLogger, take) }
}

const json = { "content-type": "application/json" }

/** Sends bytes as they are, and returns what comes within a moment of the first answer. */
const raw = (base: string, text: string | Uint8Array): Effect.Effect<string> =>
  Effect.async((resume) => {
    const { hostname, port } = new URL(base)
    const socket = Net.connect(Number(port), hostname, () => socket.end(text))
    let answer = ""
    socket.on("data", (chunk) => (answer += chunk))
    socket.on("close", () => resume(Effect.succeed(answer)))
    socket.on("error", () => {})
    return Effect.sync(() => socket.destroy())
  })

const deep = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`

describe("what does not decode is told in full", () => {
  it.scopedLive("parameters of a query", () =>
    Effect.gen(function* () {
      const { api } = yield* serve()
      const list = (query: string) => send("GET", `${api}/operations?${query}`)
      for (const limit of ["-1", "0"]) {
        expect((yield* list(`limit=${limit}`)).body.detail).toEqual([
          {
            type: "greater_than_equal",
            loc: ["query", "limit"],
            msg: "Input should be greater than or equal to 1",
            input: limit,
            ctx: { ge: 1 },
          },
        ])
      }
      expect(complaints(yield* list("limit=1000000000"))).toEqual([["query.limit", "less_than_equal"]])
      expect(complaints(yield* list("limit=1e9"))).toEqual([["query.limit", "int_parsing"]])
      expect(complaints(yield* list("limit=99999999999999999999999"))).toEqual([
        ["query.limit", "less_than_equal"],
      ])
      expect(complaints(yield* list("status=done&limit=x&offset=-1&active_only=perhaps&limt=3"))).toEqual([
        ["query.limt", "extra_forbidden"],
        ["query.status", "enum"],
        ["query.limit", "int_parsing"],
        ["query.offset", "greater_than_equal"],
        ["query.active_only", "bool_parsing"],
      ])
      expect(complaints(yield* list("limit=1&limit=2")).length).toBe(1)
      expect(complaints(yield* send("GET", `${api}/health?verbose=1`))).toEqual([
        ["query.verbose", "extra_forbidden"],
      ])
      expect(complaints(yield* send("GET", `${api}/data/AAPL/7h?start_date=2024-02-30&limit=0`))).toEqual([
        ["path.timeframe", "value_error"],
        ["query.start_date", "datetime_from_date_parsing"],
        ["query.limit", "greater_than_equal"],
      ])
      expect(complaints(yield* send("GET", `${api}/data/${encodeURIComponent("../x")}/1h`))).toEqual([
        ["path.symbol", "value_error"],
      ])
      expect(complaints(yield* send("GET", `${api}/data/%20/1h/coverage`))).toEqual([
        ["path.symbol", "value_error"],
      ])
    }),
  )

  it.scopedLive("bodies, with the path of what is wrong", () =>
    Effect.gen(function* () {
      const { api } = yield* serve()
      const load = (body: unknown) => send("POST", `${api}/data/load`, body)
      expect(complaints(yield* load({}))).toEqual([
        ["body.symbol", "missing"],
        ["body.timeframe", "missing"],
      ])
      expect(complaints(yield* send("POST", `${api}/data/load`))).toEqual([["body", "missing"]])
      expect(complaints(yield* load(null))).toEqual([["body", "missing"]])
      for (const wrong of [[], "x", 5]) {
        expect(complaints(yield* load(wrong))).toEqual([["body", "model_attributes_type"]])
      }
      const series = { symbol: "AAPL", timeframe: "1h" }
      expect(complaints(yield* load({ ...series, mode: "all", end_date: true, start: 1 }))).toEqual([
        ["body.start", "extra_forbidden"],
        ["body.mode", "literal_error"],
        ["body.end_date", "datetime_type"],
      ])
      expect(complaints(yield* load({ ...series, filters: { include_extended: "x", and: 1 } }))).toEqual([
        ["body.filters.and", "extra_forbidden"],
        ["body.filters.include_extended", "bool_type"],
      ])
      const backwards = { ...series, start_date: "2026-02-01", end_date: "2026-01-01" }
      expect((yield* load(backwards)).body.detail).toEqual([
        {
          type: "value_error",
          loc: ["body"],
          msg: "Value error, start_date must be before end_date",
          input: backwards,
          ctx: { error: {} },
        },
      ])
      const start = (kind: string, body: unknown) => send("POST", `${api}/operations/${kind}`, body)
      expect(complaints(yield* start("count", { name: "a", ticks: -1 }))).toEqual([
        ["body.ticks", "value_error"],
      ])
      const nested = { loads: [series, { ...series, timeframe: "7h" }] }
      expect(complaints(yield* start("data_load_many", nested))).toEqual([
        ["body.loads.1.timeframe", "value_error"],
      ])
      expectRefusal(yield* start("nosuch", {}), 404, "OPERATION-UnknownKind")
      const asked = { reason: ["x"], force: "perhaps", why: 1 }
      expect(complaints(yield* send("DELETE", `${api}/operations/nope`, asked))).toEqual([
        ["body.why", "extra_forbidden"],
        ["body.reason", "string_type"],
        ["body.force", "bool_parsing"],
      ])
      const longwinded = { reason: "x".repeat(1001) }
      expect(complaints(yield* send("DELETE", `${api}/operations/nope`, longwinded))).toEqual([
        ["body.reason", "string_too_long"],
      ])
    }),
  )

  it.scopedLive("bodies that are no JSON, no UTF-8, or nested for ever", () =>
    Effect.gen(function* () {
      const { api } = yield* serve()
      const post = (body: RequestInit["body"], headers: Record<string, string> = json) =>
        call(`${api}/data/load`, { method: "POST", headers, body: body ?? null })
      for (const text of ["{", '{"symbol":"AAPL",}', "nul", "[1", "\u0000"]) {
        expect(complaints(yield* post(text))[0]?.[1]).toBe("json_invalid")
      }
      const invalid = yield* post(new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]))
      expect(invalid.body.detail[0].ctx.error).toContain("UTF-8")
      for (const text of [
        deep(10_000),
        deep(400_000),
        '{"a":'.repeat(10_000),
        `{"symbol":${deep(10_000)}}`,
      ]) {
        const refused = yield* post(text)
        expect(complaints(refused)[0]?.[1]).toBe("json_invalid")
        expect(refused.body.detail[0].ctx.error).toContain("levels deep")
      }
      const bracketsInText = JSON.stringify({ symbol: "[".repeat(500), timeframe: "1h" })
      expect(complaints(yield* post(bracketsInText))).toEqual([["body.symbol", "value_error"]])
      const polluting = '{"__proto__":{"timeframe":"1h","symbol":"AAPL"}}'
      expect(complaints(yield* post(polluting)).map(([place]) => place)).toContain("body.symbol")
      const form = yield* post("symbol=AAPL", { "content-type": "application/x-www-form-urlencoded" })
      expect(complaints(form)[0]?.[1]).toBe("json_invalid")
    }),
  )
})

describe("what is refused otherwise", () => {
  it.scopedLive("bodies of 2 MiB, whether they say so or not", () =>
    Effect.gen(function* () {
      const { api } = yield* serve()
      const large = JSON.stringify({ symbol: "x".repeat(2 * 1024 * 1024), timeframe: "1h" })
      expectRefusal(yield* call(`${api}/data/load`, { method: "POST", headers: json, body: large }), 413)
      const chunks = new ReadableStream({
        start: (controller) => {
          for (let at = 0; at < large.length; at += 64 * 1024) {
            controller.enqueue(new TextEncoder().encode(large.slice(at, at + 64 * 1024)))
          }
          controller.close()
        },
      })
      const streamed = { method: "POST", headers: json, body: chunks, duplex: "half" } as RequestInit
      expectRefusal(yield* call(`${api}/operations/count`, streamed), 413, "PAYLOAD_TOO_LARGE")
      const fits = JSON.stringify({ symbol: "x".repeat(1024 * 1024 - 100), timeframe: "1h" })
      expect((yield* call(`${api}/data/load`, { method: "POST", headers: json, body: fits })).status).toBe(
        422,
      )
      expect((yield* send("GET", `${api}/health`)).status).toBe(200)
    }),
  )

  it.scopedLive("paths and methods that there are not", () =>
    Effect.gen(function* () {
      const { api, url } = yield* serve()
      for (const path of ["/nope", "/operations/a/b", "/data/info", "/%ff", "/operations/%E0%A4%A"]) {
        const answer = yield* send("GET", `${api}${path}`)
        expectRefusal(answer, 404, "NOT_FOUND")
        expect(answer.body.detail).toBe("Not Found")
      }
      expectRefusal(yield* send("GET", `${url}/favicon.ico`), 404)
      const unknown = yield* send("GET", `${api}/operations/nope`)
      expectRefusal(unknown, 404, "OPERATION-UnknownId")
      expect(unknown.body.detail).toBe("Operation not found: nope")
      for (const [method, path] of [
        ["DELETE", "/operations/nope"],
        ["POST", "/operations/nope/retry"],
        ["POST", "/operations/nope/resume"],
        ["GET", "/operations/nope/results"],
        ["GET", "/operations/nope/children"],
        ["GET", "/operations/nope/metrics"],
        ["GET", "/operations/nope/events"],
      ] as const) {
        expectRefusal(yield* send(method, `${api}${path}`), 404, "OPERATION-UnknownId")
      }
      const long = yield* send("GET", `${api}/operations/${"x".repeat(2000)}`)
      expectRefusal(long, 404)
      const put = yield* send("PUT", `${api}/operations/nope`)
      expectRefusal(put, 405, "METHOD_NOT_ALLOWED")
      expect(put.headers.get("allow")?.split(", ").sort()).toEqual(["DELETE", "GET", "POST"])
      expectRefusal(yield* send("POST", `${api}/health`), 405)
      expectRefusal(yield* send("OPTIONS", `${api}/health`), 405)
      const slash = yield* send("GET", `${api}/operations/?limit=3`)
      expect([slash.status, slash.headers.get("location")]).toEqual([307, "/api/v1/operations?limit=3"])
      expect(
        (yield* raw(
          url,
          "GET //evil.example HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        )).split("\r\n")[0],
      ).toBe("HTTP/1.1 404 Not Found")
    }),
  )

  it.scopedLive("a bug is logged with the request's id, and not told", () => {
    const { logged, logger } = logging()
    return Effect.gen(function* () {
      const { api, manager } = yield* serve({ logger })
      Object.assign(manager, { coverage: () => Effect.die(new Error("secret of the house")) })
      const answer = yield* send("GET", `${api}/data/AAPL/1d/coverage`, undefined, {
        "x-request-id": "mine-1",
      })
      expectRefusal(answer, 500, "INTERNAL_SERVER_ERROR")
      expect(answer.text).not.toContain("secret of the house")
      expect(answer.body.error.details.request_id).toBe("mine-1")
      const line = logged.find((one) => one.includes("secret of the house"))
      expect(line).toContain("request_id=mine-1")
      expect(line).toContain("level=ERROR")
    })
  })

  it.scopedLive("errors of data have the status that fits, and say when to come back", () =>
    Effect.gen(function* () {
      const { failure } = yield* Effect.promise(() => import("../../utils/FaultySource.js"))
      const { api, manager } = yield* serve()
      const statuses = {
        Pacing: 429,
        Unreachable: 503,
        StoreLocked: 409,
        UnknownSymbol: 404,
        InvalidInput: 400,
        StoreDamaged: 500,
      } as const
      for (const [reason, status] of Object.entries(statuses)) {
        const error = failure(reason as keyof typeof statuses, reason === "Pacing" ? 12_300 : undefined)
        Object.assign(manager, { check: () => Effect.fail(error) })
        const answer = yield* send("GET", `${api}/data/AAPL/1d/quality`)
        expectRefusal(answer, status, `DATA-${reason}`)
        expect(answer.body.error.details).toMatchObject({ place: "test source", advice: "Try again" })
        expect(answer.headers.get("retry-after")).toBe(
          reason === "Pacing" ? "13" : reason === "Unreachable" ? "5" : null,
        )
      }
    }),
  )
})

describe("every request", () => {
  it.scopedLive("has an id, the client's if that is sane, and a line in the log without its query", () => {
    const { logged, logger } = logging()
    return Effect.gen(function* () {
      const { api } = yield* serve({ logger, token: "tell-nobody" })
      const bearer = { authorization: "Bearer tell-nobody" }
      const named = yield* send("GET", `${api}/health`, undefined, { ...bearer, "x-request-id": "abc-123" })
      expect(named.headers.get("x-request-id")).toBe("abc-123")
      const odd = yield* send("GET", `${api}/health`, undefined, { ...bearer, "x-request-id": "a b" })
      expect(odd.headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{16}$/)
      yield* send("GET", `${api}/operations?limit=7`, undefined, bearer)
      yield* send("GET", `${api}/operations?token=tell-nobody`)
      const lines = logged.filter((line) => line.includes("GET /api/v1/operations "))
      expect(lines).toHaveLength(2)
      expect(lines[0]).toMatch(/level=INFO/)
      expect(lines[0]).toMatch(/status=200/)
      expect(lines[0]).toMatch(/request_id=req_/)
      expect(lines[0]).toMatch(/duration_ms=/)
      expect(lines[1]).toMatch(/status=401/)
      expect(logged.join("\n")).not.toMatch(/tell-nobody|limit=7/)
    })
  })

  it.scopedLive("whose client leaves before its answer has its id in the log as well", () => {
    const { logged, logger } = logging()
    return Effect.gen(function* () {
      const { api, manager } = yield* serve({ logger })
      const begun = yield* Deferred.make<void>()
      const check = () => Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)
      Object.assign(manager, { check })
      const asked = send("GET", `${api}/data/AAPL/1d/quality`, undefined, { "x-request-id": "gone-1" })
      const leaving = yield* Effect.fork(asked)
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(leaving)
      yield* until(Effect.sync(() => logged.some((line) => line.includes("status=499"))))
      expect(logged.find((line) => line.includes("status=499"))).toContain("request_id=gone-1")
    })
  })

  it.scopedLive("is read to its end, also when it offers to go on with HTTP/2", () =>
    Effect.gen(function* () {
      const { url } = yield* serve()
      const body = JSON.stringify({ symbol: "AAPL", timeframe: "1d" })
      const head = [
        "POST /api/v1/data/range HTTP/1.1",
        "Host: localhost",
        "Connection: Upgrade, HTTP2-Settings, close",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
        `Content-Length: ${body.length}`,
      ]
      const answer = yield* raw(url, `${head.join("\r\n")}\r\n\r\n${body}`)
      expect(answer).toContain("Data not found for AAPL (1d)")
    }),
  )

  it.scopedLive("is answered whatever garbage came before", () =>
    Effect.gen(function* () {
      const { url, api } = yield* serve()
      expect(yield* raw(url, "\u0000\u0001garbage\r\n\r\n")).toMatch(/^HTTP\/1.1 400/)
      expect(
        yield* raw(url, "GET http://[ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
      ).toMatch(/^HTTP\/1.1 4\d\d/)
      expect((yield* send("GET", `${api}/health`)).status).toBe(200)
    }),
  )
})
