/**
 * Who may ask: the token, and the web pages of which origins.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import type * as Headers from "@effect/platform/Headers"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { isHere } from "../../internal/loopback.js"
import { Refusal } from "./Refusal.js"

export interface Access {
  /** What everybody must show, on every route; without one everybody may do everything. */
  readonly token: Redacted.Redacted | undefined
  /** Origins whose web pages may ask and read the answers. */
  readonly origins: ReadonlyArray<string>
}

/** `KTRDR_API_TOKEN` and `KTRDR_API_CORS`, origins with commas in between. */
export const config: Config.Config<Access> = Config.all({
  token: Config.option(Config.nonEmptyString("KTRDR_API_TOKEN")).pipe(
    Config.map((given) => Option.getOrUndefined(Option.map(given, Redacted.make))),
    Config.withDescription("What every request must show as Authorization: Bearer"),
  ),
  origins: Config.string("KTRDR_API_CORS").pipe(
    Config.withDefault(""),
    Config.map((text) =>
      text
        .split(",")
        .map((origin) => origin.trim().replace(/\/$/, ""))
        .filter((origin) => origin !== ""),
    ),
    Config.mapOrFail((origins) => {
      const unfit = origins.find((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin)
      return unfit === undefined ? Either.right(origins) : Either.left(noOrigin(unfit))
    }),
    Config.withDescription("Origins whose web pages may ask, such as https://charts.example.org"),
  ),
})

/**
 * What stands against a request, if anything does: a token that is missing or wrong, the web page of an origin that
 * is not listed, or, where no token is asked for, a name that is not of this machine: web pages can have their own
 * name lead here. A browser sends the token as the password of whatever user, after it was asked for one on the page
 * of `/docs`.
 */
export const refusal = (
  { token, origins }: Access,
  headers: Headers.Headers,
  path: string,
): Refusal | undefined => {
  const origin = headers["origin"]
  if (origin !== undefined && !isOwn(origin, headers["host"]) && !origins.includes(origin)) return foreign
  if (token === undefined) return isHere(headers["host"]) ? undefined : misled
  return shows(headers["authorization"], token) ? undefined : nobody(path)
}

/** The headers that let the page of a listed origin read the answer. */
export const corsHeaders = ({ origins }: Access, headers: Headers.Headers): Record<string, string> => {
  const origin = headers["origin"]
  if (origins.length === 0) return {}
  return origin !== undefined && origins.includes(origin)
    ? {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "x-request-id, retry-after",
        vary: "origin",
      }
    : { vary: "origin" }
}

/** What a browser is told that asks, for the page of a listed origin, what it may send. */
export const preflight: Readonly<Record<string, string>> = {
  "access-control-allow-methods": "GET, POST, DELETE",
  "access-control-allow-headers": "authorization, content-type, x-request-id, last-event-id",
  "access-control-max-age": "600",
}

/** Whether a request is such a question. */
export const isPreflight = ({ origins }: Access, method: string, headers: Headers.Headers): boolean =>
  method === "OPTIONS" &&
  headers["access-control-request-method"] !== undefined &&
  origins.includes(headers["origin"] ?? "")

// ---------------------------------------------------------------------------------------------------------

const noOrigin = (found: string): ConfigError.ConfigError =>
  ConfigError.InvalidData(
    ["KTRDR_API_CORS"],
    `Expected origins such as https://charts.example.org, with commas in between, found ${JSON.stringify(found.slice(0, 60))}`,
  )

const foreign = new Refusal(403, "FORBIDDEN", "Pages of this origin may not use the API", {
  details: { advice: "List the origin in KTRDR_API_CORS of the server" },
})

const misled = new Refusal(
  403,
  "FORBIDDEN",
  "Without a token the API is for this machine only, by its own name",
  {
    details: { advice: "Ask at 127.0.0.1, or set KTRDR_API_TOKEN for the server" },
  },
)

const nobody = (path: string): Refusal =>
  new Refusal(401, "UNAUTHORIZED", "The token is missing or wrong", {
    details: { advice: "Send Authorization: Bearer with the KTRDR_API_TOKEN of the server" },
    headers: { "www-authenticate": path.endsWith("/docs") ? 'Basic realm="ktrdr"' : "Bearer" },
  })

const isOwn = (origin: string, host: string | undefined): boolean =>
  URL.canParse(origin) && new URL(origin).host === host

const shows = (authorization: string | undefined, token: Redacted.Redacted): boolean => {
  const [, scheme = "", given = ""] = /^(\S+) +(.+)$/.exec(authorization ?? "") ?? []
  const shown =
    scheme.toLowerCase() === "bearer"
      ? given
      : scheme.toLowerCase() === "basic"
        ? Buffer.from(given, "base64")
            .toString("utf8")
            .replace(/^[^:]*:/, "")
        : ""
  return timingSafeEqual(digest(shown), digest(Redacted.value(token)))
}

/** Of the same length whatever the text is. */
const digest = (text: string): Uint8Array => createHash("sha256").update(text).digest()
