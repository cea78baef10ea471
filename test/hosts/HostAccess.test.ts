import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as HostAccess from "../../src/hosts/HostAccess.js"

const statusFor = (host: string, token: HostAccess.Token) =>
  HostAccess.guard(token, Effect.succeed(HttpServerResponse.empty({ status: 204 }))).pipe(
    Effect.provideService(
      HttpServerRequest.HttpServerRequest,
      HttpServerRequest.fromWeb(
        new Request("http://127.0.0.1/", { headers: { host, authorization: "Bearer s3cret" } }),
      ),
    ),
    Effect.map(({ status }) => status),
  )

it.effect("a host without a token is asked by its address or the names of this machine only", () =>
  Effect.gen(function* () {
    for (const host of [
      "127.0.0.1:5002",
      "localhost",
      "[::1]:5002",
      "host.docker.internal:5002",
      "192.168.1.7:5001",
    ]) {
      expect([host, yield* statusFor(host, undefined)]).toEqual([host, 204])
    }
    for (const host of ["rebound.example:5002", "localhost.example", "1.2.3.4.example", "not a host"]) {
      expect([host, yield* statusFor(host, undefined)]).toEqual([host, 403])
    }
    expect(yield* statusFor("rebound.example:5002", Redacted.make("s3cret"))).toBe(204)
  }),
)
