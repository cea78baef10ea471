/**
 * What went wrong with a training host, as the one error of the training domain.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as HostError from "../../HostError.js"
import { TrainingError } from "../../training/TrainingError.js"

/** What to look at: `http://127.0.0.1:5002 session op_training_...`. */
export const place = (url: string, session: string): string => `${url} session ${session}`

/**
 * What a refusal means, by its status where that says it, else by its words: KTRDR's host answers 500 to all of these.
 *
 * - `UnknownSession`: the host knows none of that name
 * - `NotRunning`: the session that is to stop has ended already, or has not begun, as `status` says
 * - `Taken`: there is a session of that name
 * - `Busy`: the host trains as many as it can
 * - `Other`: whatever else
 */
export type Meaning =
  | { readonly _tag: "NotRunning"; readonly status: string }
  | { readonly _tag: "UnknownSession" | "Taken" | "Busy" | "Other" }

export const meaning = (error: HostError.HostError): Meaning => {
  const words = detail(error)
  const status = /is not running \(status: (\w+)\)/i.exec(words)?.[1]
  if (status !== undefined) return { _tag: "NotRunning", status }
  if (/\bsession\b.*\bnot found/i.test(words)) return { _tag: "UnknownSession" }
  if (/\bsession\b.*\balready exists/i.test(words)) return { _tag: "Taken" }
  return { _tag: /maximum concurrent sessions/i.test(words) ? "Busy" : "Other" }
}

/** True of a refusal to train one more at once. */
export const isBusy = (error: HostError.HostError | TrainingError): boolean =>
  error._tag === "HostError" && meaning(error)._tag === "Busy"

/** The words of a refusal, on one line; empty where it has none. */
export const detail = ({ body = "" }: HostError.HostError): string =>
  HostError.snippet(
    Option.match(decodeDetail(body), {
      onNone: () => "",
      onSome: ({ detail }) =>
        typeof detail === "string"
          ? detail
          : detail.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; "),
    }),
    500,
  )

/** A call about a session that brought no answer, or a refusal; the cause is the `HostError`. */
export const fromHost = (error: HostError.HostError, url: string, session: string): TrainingError => {
  const words = detail(error)
  return new TrainingError({
    reason: "TrainerFailed",
    place: `${place(url, session)}: ${`${error.method} ${error.path}`.trim()}`,
    expected: error.expected,
    found: words === "" ? error.found : `${error.status}: ${words}`,
    advice: adviceOn(error),
    cause: error,
  })
}

/** The URL of another service. */
export const otherService = (service: string, url: string): TrainingError =>
  new TrainingError({
    reason: "TrainerFailed",
    place: url,
    expected: "a training host",
    found: HostError.snippet(service),
    advice: "Give the URL of a training host, such as one that ktrdr host training starts",
  })

/** A session that failed at its host; `words` are the host's where it says no more. */
export const failed = (
  error: TrainingError | undefined,
  words: string | undefined,
  where: string,
): TrainingError => {
  if (error !== undefined && error.reason !== "TrainerFailed") return error
  return new TrainingError({
    reason: "TrainerFailed",
    place: error === undefined ? where : `${where}: ${error.place}`,
    expected: error?.expected ?? "a session that trains to the end",
    found: error?.found ?? HostError.snippet(words || "one that failed, without a word", 500),
    advice: error?.advice ?? resume,
  })
}

/** A session that somebody stopped at its host, or the host itself, which is no interruption here. */
export const stopped = (where: string, words: string | undefined): TrainingError =>
  new TrainingError({
    reason: "TrainerFailed",
    place: where,
    expected: "a session that trains to the end",
    found: HostError.snippet(`one that was stopped at the host${words ? `: ${words}` : ""}`, 500),
    advice: resume,
  })

/** A host that has trained and hands out no model. */
export const withoutModel = (where: string): TrainingError =>
  new TrainingError({
    reason: "TrainerFailed",
    place: where,
    expected: "a model",
    found: "a host that has trained one, keeps it, and hands out none",
    advice: "Train on a host that ktrdr host training starts, or here",
  })

/** A result that is not what it says. */
export const wrongModel = (where: string, expected: string, found: string): TrainingError =>
  new TrainingError({ reason: "DamagedModel", place: where, expected, found, advice: resume })

// ---------------------------------------------------------------------------------------------------------

const resume = "Resume the training; what was kept is not lost"

const decodeDetail = Schema.decodeUnknownOption(
  Schema.parseJson(
    Schema.Struct({
      detail: Schema.Union(
        Schema.String,
        Schema.Array(
          Schema.Struct({
            loc: Schema.Array(Schema.Union(Schema.String, Schema.Number)),
            msg: Schema.String,
          }),
        ),
      ),
    }),
  ),
)

const adviceOn = (error: HostError.HostError): string => {
  const { _tag } = meaning(error)
  if (_tag === "UnknownSession") return resume
  if (_tag === "Busy") return "Wait until the host has trained what it trains now, then resume the training"
  if (_tag === "Taken") return "Start the training anew, under a name of its own"
  switch (error.reason) {
    case "ConnectionRefused":
    case "ConnectFailed":
    case "ConnectionReset":
    case "AttemptTimeout":
    case "DeadlineExceeded":
    case "Unavailable":
    case "Truncated":
      return "See that the training host runs and can be reached, then resume the training"
    case "RateLimited":
      return "Wait, then resume the training"
    case "TooLarge":
      return "Raise TRAINING_HOST_SERVICE_MAX_BODY_BYTES, then resume the training"
    case "Status":
      return error.status === 401 || error.status === 403
        ? "Set TRAINING_HOST_SERVICE_TOKEN to the token of the host"
        : "Look into the host's log"
    case "InvalidConfig":
    case "InvalidRequest":
    case "Malformed":
      return error.advice
  }
}
