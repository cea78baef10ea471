import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as HostConfig from "../src/HostConfig.js"
import { Archive, failureOf } from "./utils/Archive.js"

describe("HostConfig", () => {
  it("completes what it is given", () => {
    const config = Either.getOrThrow(
      HostConfig.make("archive", { baseUrl: "http://127.0.0.1:5001/api/", maxOpen: 3, deadline: "1 minute" }),
    )
    expect(config.baseUrl).toBe("http://127.0.0.1:5001/api")
    expect(config.connections).toBe(10)
    expect(config.maxOpen).toBe(3)
    expect(config.deadline).toEqual(Duration.minutes(1))
    expect(config.attemptTimeout).toEqual(Duration.seconds(30))
  })

  it.each([
    ["baseUrl", { baseUrl: "127.0.0.1:5001" }],
    ["baseUrl", { baseUrl: "ftp://127.0.0.1" }],
    ["baseUrl", { baseUrl: "http://me:secret@127.0.0.1" }],
    ["baseUrl", { baseUrl: "http://127.0.0.1/?a=1" }],
    ["connections", { baseUrl: "http://127.0.0.1", connections: 0 }],
    ["maxOpen", { baseUrl: "http://127.0.0.1", maxOpen: 1.5 }],
    ["attempts", { baseUrl: "http://127.0.0.1", attempts: 0 }],
    ["attemptTimeout", { baseUrl: "http://127.0.0.1", attemptTimeout: "30 days" as const }],
    ["keepAlive", { baseUrl: "http://127.0.0.1", keepAlive: 0 }],
  ])("refuses a wrong %s", (setting, options) => {
    const error = Either.getOrThrow(Either.flip(HostConfig.make("archive", options)))
    expect(error.reason).toBe("InvalidConfig")
    expect(error.message).toContain(setting)
    expect(error.message).not.toContain("secret")
  })

  it.scoped("fails the layer", () =>
    Effect.gen(function* () {
      const error = yield* failureOf(Layer.build(Archive.layer({ baseUrl: "nonsense" })))
      expect(error).toMatchObject({ reason: "InvalidConfig", host: "archive", attempts: 0 })
    }),
  )

  it.scoped("reads the environment, the host's own defaults behind it", () =>
    Effect.gen(function* () {
      const config = HostConfig.config("ARCHIVE", { baseUrl: "http://127.0.0.1:1", healthPath: "/up" })
      const client = yield* Effect.map(Layer.build(Archive.layerConfig(config)), Context.get(Archive))
      expect(client.config).toMatchObject({
        baseUrl: "http://127.0.0.1:2",
        connections: 4,
        maxOpen: 4,
        healthPath: "/up",
        attemptTimeout: Duration.seconds(5),
      })
      expect(client.config.token).toEqual(Redacted.make("hush"))
    }).pipe(
      Effect.withConfigProvider(
        ConfigProvider.fromMap(
          new Map([
            ["ARCHIVE_URL", "http://127.0.0.1:2"],
            ["ARCHIVE_CONNECTIONS", "4"],
            ["ARCHIVE_ATTEMPT_TIMEOUT", "5 seconds"],
            ["ARCHIVE_TOKEN", "hush"],
          ]),
          { pathDelim: "_" },
        ),
      ),
    ),
  )
})
