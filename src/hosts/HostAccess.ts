/**
 * Who may ask a host.
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { isHere } from "../internal/loopback.js"
import { sha256 } from "../internal/sha256.js"
import * as HostHttp from "./HostHttp.js"

/** What everybody must show, on every route; without one whoever reaches the host may use it. */
export type Token = Redacted.Redacted | undefined

/** `KTRDR_HOST_TOKEN` */
export const token: Config.Config<Token> = Config.option(Config.nonEmptyString("KTRDR_HOST_TOKEN")).pipe(
  Config.map((given) => Option.getOrUndefined(Option.map(given, Redacted.make))),
  Config.withDescription("What every request to a host of this process must show as Authorization: Bearer"),
)

/**
 * Answers 401 to who does not show the token, as `Authorization: Bearer`, and 403 to pages in a browser, which have no
 * business with a host. Without a token also to who asks it by a name that is not of this machine: pages can have their
 * own name lead here, and then send no origin. An address cannot be led elsewhere. How long that takes says nothing
 * about the token.
 */
export const guard = <E, R>(token: Token, app: HttpApp.Default<E, R>): HttpApp.Default<E, R> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) => {
    if (headers["origin"] !== undefined) return Effect.succeed(foreign)
    if (token === undefined)
      return isHere(headers["host"], [docker]) || isAddress(headers["host"]) ? app : Effect.succeed(misled)
    const shown = /^bearer +(.+)$/i.exec(headers["authorization"] ?? "")?.[1] ?? ""
    return Effect.flatMap(isSame(shown, Redacted.value(token)), (isShown) =>
      isShown ? app : Effect.succeed(nobody),
    )
  })

// ---------------------------------------------------------------------------------------------------------

const foreign = HostHttp.detail("Pages of a browser may not use a host", 403)

/** The name of this machine in its containers. */
const docker = "host.docker.internal"

const isAddress = (header = ""): boolean => /^(\d{1,3}(\.\d{1,3}){3}|\[[\da-f:.]+\])(:\d+)?$/i.test(header)

const misled = HostHttp.detail(
  "Without a token a host is asked by its address or as localhost: do so, or set KTRDR_HOST_TOKEN for it",
  403,
)

const nobody = HttpServerResponse.setHeader(
  HostHttp.detail("The token is missing or wrong", 401),
  "www-authenticate",
  "Bearer",
)

/** Compares hashes, of the same length whatever the texts are, to their ends. */
const isSame = (one: string, other: string): Effect.Effect<boolean> =>
  Effect.zipWith(sha256(one), sha256(other), (a, b) => {
    let difference = 0
    for (let index = 0; index < a.length; index++) difference |= a.charCodeAt(index) ^ b.charCodeAt(index)
    return difference === 0
  })
