/** What models are called, and so which folders they lie in. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Order from "effect/Order"
import * as Schema from "effect/Schema"
import { nearest } from "../../internal/nearest.js"
import { sha256 } from "../../internal/sha256.js"
import * as Strategy from "../Strategy.js"
import { TrainingError } from "../TrainingError.js"

/** `AAPL+MSFT_1h+1d`: what no symbol and no timeframe has stands between them. */
const dataPattern = /^(?!.*\.\.)[A-Z0-9][A-Za-z0-9.+_-]{0,198}_[a-z0-9][a-z0-9+]*$/

export const ModelId = Schema.Struct({
  strategy: Strategy.Strategy.fields.name,
  /** The symbols and timeframes, as `dataName` writes them. */
  data: Schema.String.pipe(
    Schema.filter((text) => text.length <= longestName && dataPattern.test(text), {
      message: () => "expected symbols and timeframes such as AAPL_1h or AAPL+MSFT_1h+1d",
    }),
  ),
  /** From 1; none is used twice. */
  version: Schema.Int.pipe(Schema.between(1, 1e9)),
}).annotations({ identifier: "ModelId" })
export type ModelId = typeof ModelId.Type

/** `mean_reversion/AAPL_1h/v3` */
export const format = ({ strategy, data, version }: ModelId): string => `${strategy}/${data}/v${version}`

/** By strategy, by symbols and timeframes, the oldest version first. */
export const order: Order.Order<ModelId> = Order.combineAll([
  Order.mapInput(Order.string, ({ strategy }: ModelId) => strategy),
  Order.mapInput(Order.string, ({ data }: ModelId) => data),
  Order.mapInput(Order.number, ({ version }: ModelId) => version),
])

/**
 * The name for symbols, whatever order they come in, and timeframes, the base first. Of symbols that are too many for
 * a path the first ones are told, how many more there are, and a hash of all: `AAPL+MSFT+98more-0123456789ab_1h`.
 */
export const dataName = ({
  symbols,
  timeframes,
}: Pick<Strategy.Strategy, "symbols" | "timeframes">): Effect.Effect<string> =>
  Effect.gen(function* () {
    const sorted = [...new Set<string>(symbols)].sort()
    const end = `_${timeframes.join("+")}`
    const whole = sorted.join("+")
    if (whole.length + end.length <= wantedName) return whole + end
    const hash = (yield* sha256(whole)).slice(0, 12)
    const told = sorted.filter((_, index) => sorted.slice(0, index + 1).join("+").length <= toldSymbols)
    return `${told.join("+")}+${sorted.length - told.length}more-${hash}${end}`
  })

/**
 * The model of those in the store that a person means by `mean_reversion`, `mean_reversion/AAPL_1h`, the same with
 * `/latest`, or with `/v3`; without a version the newest. Fails with `NotFound`, telling the nearest name, and with
 * `InvalidInput` where it could be several.
 */
export const find = (text: string, ids: ReadonlyArray<ModelId>): Either.Either<ModelId, TrainingError> => {
  const [strategy = "", data, last, ...more] = text.trim().replace(/\/$/, "").split("/")
  const version = last === undefined || last === "latest" ? undefined : /^v([1-9]\d{0,8})$/.exec(last)?.[1]
  if (more.length > 0 || (last !== undefined && last !== "latest" && version === undefined)) {
    return Either.left(
      refusal("InvalidInput", text, "Give a name such as mean_reversion/AAPL_1h/v3, or leave its end out"),
    )
  }
  const meant = ids.filter(
    (id) =>
      id.strategy === strategy &&
      (data === undefined || id.data === data) &&
      (version === undefined || id.version === Number(version)),
  )
  const groups = [...new Set(meant.map(({ data }) => data))]
  if (groups.length > 1) {
    const names = groups.slice(0, 5).map((group) => `${strategy}/${group}`)
    return Either.left(refusal("InvalidInput", text, `Say which one: ${names.join(", ")}`))
  }
  const newest = meant.reduce<ModelId | undefined>(
    (best, id) => (best === undefined || id.version > best.version ? id : best),
    undefined,
  )
  return newest === undefined ? Either.left(unknown(text, ids)) : Either.right(newest)
}

/** What is not in the store. */
export const notFound = (id: ModelId): TrainingError =>
  refusal("NotFound", format(id), "List the models to see which there are")

// ---------------------------------------------------------------------------------------------------------

/** Some file systems end names after 143 bytes. */
const longestName = 140
const wantedName = 100
const toldSymbols = 40

const unknown = (text: string, ids: ReadonlyArray<ModelId>): TrainingError => {
  const names = ids.flatMap((id) => [id.strategy, `${id.strategy}/${id.data}`, format(id)])
  const suggestion = nearest(text.slice(0, 200), new Set(names))
  return refusal(
    "NotFound",
    text,
    suggestion === undefined ? "List the models to see which there are" : `Did you mean ${suggestion}`,
    suggestion,
  )
}

const refusal = (
  reason: "NotFound" | "InvalidInput",
  name: string,
  advice: string,
  suggestion?: string,
): TrainingError =>
  new TrainingError({
    reason,
    place: `model ${name.slice(0, 200)}`,
    expected: "the name of one model",
    found: reason === "NotFound" ? "no such model" : "another name",
    advice,
    ...(suggestion === undefined ? {} : { suggestion }),
  })
