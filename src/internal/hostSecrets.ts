/**
 * Keeps what a host was sent as a secret out of what is told of its answers.
 */
import * as Redacted from "effect/Redacted"
import type { HostConfig } from "../HostConfig.js"

/** For texts of a host that may repeat the token or the headers of its configuration. */
export const hider = ({
  headers,
  token,
}: Pick<HostConfig, "headers" | "token">): ((text: string) => string) => {
  const secrets = [...(token === undefined ? [] : [Redacted.value(token)]), ...long(Object.values(headers))]
    .filter((secret) => secret !== "")
    .sort((one, other) => other.length - one.length)
  return (text) => secrets.reduce((hidden, secret) => hidden.replaceAll(secret, "<redacted>"), text)
}

/** URLs as people may see them: of each, all between its scheme and the last `@` is left out. */
export const withoutSecret = (urls: string): string =>
  urls.replace(/(\w+:\/\/)(?:(?!,\s*\w+:\/\/).)*@/gs, "$1...@")

// -----------------------------------------------------------------------------

/** Shorter ones are no secrets, and stand in any text. */
const long = (values: ReadonlyArray<string>): ReadonlyArray<string> =>
  values.filter(({ length }) => length >= 4)
