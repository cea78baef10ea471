/**
 * Hands bytes over to a host that keeps them by their content, in parts, from where it has them already.
 */
import * as HttpBody from "@effect/platform/HttpBody"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { HostClient } from "../../HostClient.js"
import * as HostError from "../../HostError.js"
import { sha256 } from "../../internal/sha256.js"
import { DatasetAnswer, path, paths } from "./TrainingHostApi.js"

/** Of one request: less than a host takes, so that it is through within an attempt on a slow line too. */
export const partBytes = 2 * 1024 * 1024

/**
 * The SHA-256 under which the host has all of the bytes then. What it has is not sent again; a part whose answer was
 * lost may be sent twice without harm.
 */
export const handOver = Effect.fn("HandOver.handOver")(function* (
  host: HostClient,
  bytes: Uint8Array,
): Effect.fn.Return<string, HostError.HostError> {
  const hash = yield* sha256(bytes)
  const place = path(paths.dataset, hash)
  let { received, complete } = yield* host
    .get(place, { response: DatasetAnswer })
    .pipe(Effect.catchIf(isUnknown, () => Effect.succeed({ received: 0, complete: false })))
  while (!complete) {
    const from = received
    const to = Math.min(from + partBytes, bytes.length)
    const answer = yield* host
      .request("PUT", place, {
        response: DatasetAnswer,
        body: HttpBody.uint8Array(bytes.subarray(from, to), "application/octet-stream"),
        headers: { "content-range": `bytes ${from}-${to - 1}/${bytes.length}` },
      })
      .pipe(
        Effect.catchIf(isElsewhere, (error) =>
          Option.match(whereOf(error), {
            onNone: () => Effect.fail(error),
            onSome: Effect.succeed,
          }),
        ),
      )
    if (!answer.complete && (answer.received <= from || answer.received > bytes.length)) {
      return yield* Effect.fail(stuck(host, place, to, answer.received))
    }
    ;({ received, complete } = answer)
  }
  return hash
})

// ---------------------------------------------------------------------------------------------------------

const isUnknown = ({ status }: HostError.HostError): boolean => status === 404

/** The host has another part of the bytes than the one before this. */
const isElsewhere = ({ status }: HostError.HostError): boolean => status === 409

const decodeAnswer = Schema.decodeUnknownOption(Schema.parseJson(DatasetAnswer))

const whereOf = ({ body }: HostError.HostError) => decodeAnswer(body)

const stuck = (host: HostClient, place: string, sent: number, received: number): HostError.HostError =>
  HostError.about({ host: host.config.name, method: "PUT", path: place })({
    reason: "Malformed",
    expected: `a host that has ${sent} bytes then`,
    found: `one that has ${received}`,
    advice: "Look into the host's log",
    attempts: 1,
  })
