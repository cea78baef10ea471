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
    expect(config.breakerThreshold).toBe(5)
    expect(config.breakerCooldown).toEqual(Duration.seconds(1))
    expect(config.baseUrls).toEqual([config.baseUrl])
  })

  it("takes several URLs, each once and in their order", () => {
    const baseUrl = " https://one.example/api/, http://127.0.0.1:2 ,,https://one.example/api"
    const config = Either.getOrThrow(HostConfig.make("archive", { baseUrl }))
    expect(config.baseUrl).toBe("https://one.example/api")
    expect(config.baseUrls).toEqual(["https://one.example/api", "http://127.0.0.1:2"])
  })

  it.each([
    ["auto", "http://127.0.0.1:1", false],
    ["auto", "http://127.0.0.1:1,https://[::1]:2,http://localhost", false],
    ["auto", "http://127.0.0.1:1,http://127.example", true],
    ["auto", "https://10.0.0.1", true],
    ["never", "https://10.0.0.1", false],
    ["always", "http://localhost", true],
  ] as const)("asks for gzip under %s from %s: %s", (compression, baseUrl, asks) => {
    const config = Either.getOrThrow(HostConfig.make("archive", { baseUrl, compression }))
    expect(HostConfig.asksForGzip(config)).toBe(asks)
  })

  it.each([
    ["baseUrl", { baseUrl: "127.0.0.1:5001" }],
    ["baseUrl", { baseUrl: "ftp://127.0.0.1" }],
    ["baseUrl", { baseUrl: "http://me:secret@127.0.0.1" }],
    ["baseUrl", { baseUrl: "http://one.example,http://me:a,secret/of@mine,too@127.0.0.1" }],
    ["baseUrl", { baseUrl: "http://127.0.0.1:1/one,http://127.0.0.1:1/two" }],
    ["baseUrl", { baseUrl: "http://127.0.0.1/?a=1" }],
    ["baseUrl", { baseUrl: " , " }],
    ["baseUrl", { baseUrl: "http://127.0.0.1:1,nonsense" }],
    ["breakerThreshold", { baseUrl: "http://127.0.0.1", breakerThreshold: 0 }],
    ["breakerCooldown", { baseUrl: "http://127.0.0.1", breakerCooldown: 0 }],
    ["ca", { baseUrl: "https://127.0.0.1", ca: "/etc/ssl/ca.pem" }],
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
        baseUrls: ["http://127.0.0.1:2", "http://127.0.0.1:3"],
        breakerThreshold: 7,
        breakerCooldown: Duration.seconds(2),
        compression: "always",
      })
      expect(client.config.token).toEqual(Redacted.make("hush"))
    }).pipe(
      Effect.withConfigProvider(
        ConfigProvider.fromMap(
          new Map([
            ["ARCHIVE_URL", "http://127.0.0.1:2,http://127.0.0.1:3"],
            ["ARCHIVE_BREAKER_THRESHOLD", "7"],
            ["ARCHIVE_BREAKER_COOLDOWN", "2 seconds"],
            ["ARCHIVE_COMPRESSION", "always"],
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
