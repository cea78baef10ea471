/**
 * Where rows, and states to go on from, are handed over.
 */
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Sha256, show } from "../../training/Receipt/Sha256.js"
import * as HostHttp from "../HostHttp.js"
import * as Answering from "./Answering.js"
import { HandedFiles, Taken } from "./HandedFiles.js"
import { Refused } from "./Refused.js"
import { partBytes, paths } from "./TrainingHostApi.js"

export type Needed = HandedFiles

export const routes: HttpRouter.HttpRouter<never, Needed> = HttpRouter.empty.pipe(
  HttpRouter.get(
    paths.dataset,
    Effect.gen(function* () {
      const sha256 = yield* named
      const received = yield* Effect.flatMap(HandedFiles, (files) => files.received(sha256))
      if (Option.isNone(received)) {
        return yield* new Refused({ status: 404, detail: `${show(sha256)} was not handed over` })
      }
      return Answering.json(received.value)
    }).pipe(Answering.granting("Failed to look for the dataset")),
  ),
  HttpRouter.put(
    paths.dataset,
    Effect.gen(function* () {
      const sha256 = yield* named
      const request = yield* HttpServerRequest.HttpServerRequest
      const bytes = yield* HostHttp.bytes(request, partBytes)
      const { from, total } = yield* placeOf(request.headers["content-range"], bytes.length)
      const files = yield* HandedFiles
      return yield* Taken.$match(yield* files.take(sha256, { from, bytes, total }), {
        Taken: ({ received }) => Answering.json(received),
        Elsewhere: ({ received }) => HostHttp.json(JSON.stringify(received), 409),
        Differs: ({ found }) =>
          HostHttp.detail(`The bytes that came are not those of ${show(sha256)}: ${show(found)}`, 422),
      })
    }).pipe(Answering.granting("Failed to take the dataset")),
  ),
)

// ---------------------------------------------------------------------------------------------------------

/** The most that can be read at once, in bytes. */
const mostBytes = 2 ** 31 - 1

const isSha256 = Schema.is(Sha256)

const named = Effect.filterOrFail(
  Answering.variable("sha256"),
  isSha256,
  () => new Refused({ status: 422, detail: "Datasets are named by 64 hexadecimal digits" }),
)

/** Where a part belongs: `bytes 0-8388607/20000000`, or, without that, all of it. */
const placeOf = (
  range: string | undefined,
  length: number,
): Effect.Effect<{ readonly from: number; readonly total: number }, Refused> => {
  if (range === undefined) return Effect.succeed({ from: 0, total: length })
  const [from, to, total] = (/^bytes (\d{1,12})-(\d{1,12})\/(\d{1,12})$/i.exec(range) ?? [])
    .slice(1)
    .map(Number)
  if (from === undefined || to === undefined || total === undefined) {
    return new Refused({ status: 422, detail: "content-range: expected bytes FIRST-LAST/TOTAL" })
  }
  if (to - from + 1 !== length || to >= total) {
    return new Refused({ status: 422, detail: `content-range: ${length} bytes came, which it does not say` })
  }
  return total > mostBytes
    ? new Refused({ status: 413, detail: `Dataset larger than ${mostBytes} bytes` })
    : Effect.succeed({ from, total })
}
