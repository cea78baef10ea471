import * as Headers from "@effect/platform/Headers"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { isLoopback } from "../../../src/internal/loopback.js"
import * as Access from "../../../src/node/api/Access.js"
import * as Client from "../../../src/node/api/Client.js"
import { send, serve } from "./Served.js"

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

describe("a token", () => {
  it.scopedLive("is asked for on every route, and has to be the right one", () =>
    Effect.gen(function* () {
      const token = "a token with blanks, and more"
      const { url } = yield* serve({ token })
      const bearer = { authorization: `Bearer ${token}` }
      const { body } = yield* send("GET", `${url}/openapi.json`, undefined, bearer)
      const routes = Object.entries((body as Document).paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => [method.toUpperCase(), path.replace(/\{\w+\}/g, "x")] as const),
      )
      expect(routes.length).toBeGreaterThan(15)
      const others = [
        "/",
        "/docs",
        "/openapi.json",
        "/metrics",
        "/api/v1/docs",
        "/api/v1/openapi.json",
        "/nope",
      ]
      for (const [method, path] of [...routes, ...others.map((path) => ["GET", path] as const)]) {
        for (const authorization of [
          undefined,
          "Bearer",
          "Bearer ",
          "Bearer wrong",
          `Bearer ${token}x`,
          `Bearer ${token.slice(0, -1)}`,
          token,
          `Basic ${Buffer.from("x:wrong").toString("base64")}`,
        ]) {
          const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
          const answer = yield* send(method, `${url}${path}`, undefined, headers)
          expect([method, path, authorization, answer.status]).toEqual([method, path, authorization, 401])
          expect(answer.body).toMatchObject({ success: false, error: { code: "UNAUTHORIZED" } })
          expect(answer.headers.get("www-authenticate")).toBe(
            path.endsWith("/docs") ? 'Basic realm="ktrdr"' : "Bearer",
          )
        }
      }
      expect((yield* send("GET", `${url}/api/v1/health`, undefined, bearer)).status).toBe(200)
      const basic = { authorization: `Basic ${Buffer.from(`me:${token}`).toString("base64")}` }
      expect((yield* send("GET", `${url}/docs`, undefined, basic)).status).toBe(200)
      const client = yield* Client.make({ url, token: Redacted.make(token) })
      expect(yield* client.health).toMatchObject({ status: "ok" })
      const nobody = yield* Client.make({ url })
      expect(yield* Effect.either(nobody.operations.list())).toMatchObject(
        Either.left({ _tag: "HostError", advice: "Set KTRDR_API_TOKEN to the token of the server" }),
      )
    }),
  )
})

describe("web pages", () => {
  it.scopedLive("of other origins are kept out unless they are listed", () =>
    Effect.gen(function* () {
      const { api, url } = yield* serve({ origins: ["https://charts.example"] })
      const from = (origin: string, method = "GET", more: Record<string, string> = {}) =>
        send(method, `${api}/operations`, undefined, { origin, ...more })
      const foreign = yield* from("https://evil.example")
      expect([foreign.status, foreign.body.error.code]).toEqual([403, "FORBIDDEN"])
      expect(foreign.headers.get("access-control-allow-origin")).toBe(null)
      expect((yield* from("null")).status).toBe(403)
      expect((yield* from(url)).status).toBe(200)
      const listed = yield* from("https://charts.example")
      expect(listed.status).toBe(200)
      expect(listed.headers.get("access-control-allow-origin")).toBe("https://charts.example")
      expect(listed.headers.get("vary")).toBe("origin")
      const asks = { "access-control-request-method": "DELETE" }
      const preflight = yield* from("https://charts.example", "OPTIONS", asks)
      expect(preflight.status).toBe(204)
      expect(preflight.headers.get("access-control-allow-methods")).toContain("DELETE")
      expect((yield* from("https://evil.example", "OPTIONS", asks)).status).toBe(403)
    }),
  )

  it.scopedLive("get no headers that let them in where none is listed", () =>
    Effect.gen(function* () {
      const { api } = yield* serve()
      const answer = yield* send("GET", `${api}/health`)
      expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([])
    }),
  )
})

it.effect("origins that are none are refused, lest they let in nobody", () =>
  Effect.gen(function* () {
    expect(yield* read("https://a.example, http://b.example:81/ ,")).toMatchObject(
      Either.right({ origins: ["https://a.example", "http://b.example:81"] }),
    )
    for (const unfit of [
      "*",
      "a.example",
      "https://a.example/page",
      "null",
      "https://a.example https://b.example",
    ]) {
      expect(yield* read(unfit)).toMatchObject(
        Either.left({ _op: "InvalidData", message: expect.stringContaining(JSON.stringify(unfit)) }),
      )
    }
  }),
)

it("a name that somebody else gave this machine leads nobody in who has no token", () => {
  const own = ["127.0.0.1:8000", "localhost", "localhost:8000", "[::1]:8000"]
  expect(own.map((host) => statusFor(host))).toEqual(own.map(() => undefined))
  const others = ["evil.example:8000", "127.0.0.1.evil.example", "192.168.1.4:8000", "x:y", "user@", ""]
  expect(others.map((host) => statusFor(host))).toEqual(others.map(() => 403))
  const token = Redacted.make("t")
  expect(statusFor("charts.example:8000", { token })).toBe(undefined)
  expect(Access.refusal({ token: undefined, origins: [] }, Headers.empty, "/")).toBe(undefined)
})

it("knows addresses that only this machine reaches", () => {
  expect(["127.0.0.1", "127.8.9.1", "localhost", "::1"].map(isLoopback)).not.toContain(false)
  expect(
    ["0.0.0.0", "::", "192.168.1.4", "example.org", "127.0.0.1.example.org"].map(isLoopback),
  ).not.toContain(true)
})

const read = (origins: string) => {
  const provider = ConfigProvider.fromMap(new Map([["KTRDR_API_CORS", origins]]))
  return Effect.either(Effect.withConfigProvider(Access.config, provider))
}

/** Of what is refused to a page of the host, whose browser has been led here. */
const statusFor = (host: string, access: Partial<Access.Access> = {}) => {
  const headers = Headers.fromInput({ host, origin: `http://${host}`, authorization: "Bearer t" })
  return Access.refusal({ token: undefined, origins: [], ...access }, headers, "/")?.status
}
