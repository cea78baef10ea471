/**
 * `ktrdr data import` and `ktrdr data export`
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Candles } from "../../data/Candle.js"
import * as Candle from "../../data/Candle.js"
import * as Csv from "../../data/Csv.js"
import { DataError } from "../../data/DataError.js"
import { DataManager, type ImportReport } from "../../data/DataManager.js"
import * as Instrument from "../../data/Instrument.js"
import * as ParquetFile from "../../data/ParquetFile.js"
import * as Series from "../../data/Series.js"
import type { Symbol } from "../../data/Symbol.js"
import * as Timeframe from "../../data/Timeframe.js"
import { turn } from "../../internal/breathe.js"
import * as Progress from "../../Progress.js"
import * as GivenFile from "../GivenFile.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as TerminalProgress from "../TerminalProgress.js"
import * as DataView from "./DataView.js"
import type { Program } from "./Failure.js"
import * as LoadText from "./LoadText.js"

export interface ImportOptions {
  readonly file: string
  readonly symbol: Symbol
  readonly timeframe: Timeframe.Timeframe
  readonly session: Series.Session
  readonly venue: string | undefined
  readonly type: Instrument.InstrumentType | undefined
  /** Whose clock stamps without an offset read. */
  readonly timeZone: string | undefined
  readonly json: boolean
  readonly noProgress: boolean
}

/**
 * Merges the bars of a CSV or Parquet file, told apart by what is in it, into the series; where both have a
 * bar, the file's wins. What can be read but once, such as a pipe, is CSV. Nothing is stored of a file that has
 * a fault.
 */
export const importFile = (options: ImportOptions): Program =>
  Effect.gen(function* () {
    const { file, symbol, timeframe, session } = options
    const instrument = yield* instrumentOf(options)
    if (options.timeZone !== undefined && !Timeframe.info(timeframe).intraday) {
      return yield* new DataError({
        reason: "InvalidInput",
        place: "--timezone",
        expected: `no time zone for ${timeframe} bars, which are stamped with their date`,
        found: JSON.stringify(options.timeZone),
        advice: "Leave --timezone out",
      })
    }
    const series = { symbol, timeframe, session }
    const observer = yield* TerminalProgress.make({ json: options.json, silent: options.noProgress })
    const report = yield* Progress.plan(importSteps).pipe(
      Effect.zipRight(readFile(file, options.timeZone).pipe(Progress.step("read file"))),
      Effect.flatMap((candles) =>
        Effect.flatMap(DataManager, (manager) => manager.importCandles(series, candles, instrument)),
      ),
      Progress.observe({ observer, name: `Importing ${file}` }),
    )
    for (const warning of report.warnings) yield* Output.note(`warning: ${warning}`)
    yield* Output.line(options.json ? JSON.stringify({ ...series, ...report }) : importText(series, report))
  }).pipe(Effect.scoped, Effect.provide(layers))

export interface ExportOptions extends DataView.Part {
  readonly output: string | undefined
}

/**
 * Writes the part's bars; a file appears under its name only once it is whole. A link stays one, and what is no
 * file, such as a pipe or a device, is written to as it is.
 */
export const exportFile = (options: ExportOptions): Program =>
  Effect.gen(function* () {
    const candles = yield* (yield* DataManager).show(options, DataView.spanOf(options))
    const text = Stream.fromIterable(Csv.format(candles)).pipe(Stream.tap(() => turn))
    const file = options.output
    if (file === undefined || file === "-") {
      const { out } = yield* Output.Output
      return yield* Stream.runForEach(text, out)
    }
    yield* write(file, text)
    yield* Output.note(`${LoadText.amount(Candle.size(candles), "bar")} written to ${file}`)
  }).pipe(Effect.provide(layers))

// ---------------------------------------------------------------------------------------------------------

const layers = Layer.merge(Main.layerLocal, NodeFileSystem.layer)

const importSteps: ReadonlyArray<Progress.PlannedStep> = [
  { name: "read file", weight: 70 },
  { name: "check bars", weight: 10 },
  { name: "store bars", weight: 20 },
]

const readFile = (
  file: string,
  timeZone: string | undefined,
): Effect.Effect<Candles, DataError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const bytes = yield* GivenFile.size(file)
    const source = GivenFile.bytes(file)
    if (bytes === undefined)
      return yield* Csv.fromStream(file, Stream.decodeText(refuseParquet(file, source)), { timeZone })
    if (yield* ParquetFile.isParquet(file)) return yield* ParquetFile.read(file, { timeZone })
    yield* Progress.setTotal(Math.ceil(bytes / megabyte), "MB")
    const text = source.pipe(
      Stream.mapAccumEffect(0, (before, piece) => {
        const after = before + piece.length
        const passed = Math.ceil(after / megabyte) - Math.ceil(before / megabyte)
        return Effect.as(Progress.advance(passed), [after, piece] as const)
      }),
      Stream.decodeText(),
    )
    return yield* Csv.fromStream(file, text, { timeZone, bytes })
  }).pipe(
    Effect.catchTag("SystemError", "BadArgument", (cause) =>
      Effect.fail(fileError(file, "a file of bars to read")(cause)),
    ),
  )

const refuseParquet = <E, R>(file: string, source: Stream.Stream<Uint8Array, E, R>) =>
  Stream.mapAccumEffect(source, true, (isFirst, piece) =>
    isFirst && ParquetFile.begins(piece)
      ? new DataError({
          reason: "InvalidFile",
          place: file,
          expected: "CSV, for this can be read but once",
          found: "a Parquet file",
          advice: "Write it to a disk, and import that file",
        })
      : Effect.succeed([false, piece] as const),
  )

const megabyte = 1_000_000

const instrumentOf = ({
  symbol,
  type,
  venue,
}: ImportOptions): Effect.Effect<Instrument.Instrument | undefined, DataError> => {
  if (type === undefined && venue === undefined) return Effect.succeed(undefined)
  const { instrument } = Instrument.guess(symbol)
  const given = {
    ...instrument,
    ...(type === undefined ? {} : { type }),
    ...(venue === undefined ? {} : { venue }),
  }
  return Schema.is(Instrument.Instrument)(given)
    ? Effect.succeed(given)
    : new DataError({
        reason: "InvalidInput",
        place: "--venue",
        expected: "letters, digits, '-' and '_', at most 20 characters, such as XNYS, FOREX or 24x7",
        found: JSON.stringify(venue?.slice(0, 60)),
        advice: "Give the venue whose calendar the series keeps",
      })
}

const importText = (series: Series.Series, { rows, instrument, unexpected, issues }: ImportReport): string =>
  [
    `${Series.format(series)}: ${LoadText.amount(rows, "bar")} imported`,
    `  ${instrument.type} of venue ${instrument.venue}; ${LoadText.amount(unexpected, "bar")} outside its sessions`,
    ...issues.map(
      ({ kind, severity, count, places }) =>
        `  ${severity} ${kind}: ${LoadText.amount(count, "bar")}, ${places.join(" ")}`,
    ),
  ].join("\n")

const write = (
  file: string,
  text: Stream.Stream<string>,
): Effect.Effect<void, DataError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const there = yield* Effect.option(GivenFile.size(file))
    if (Option.isSome(there) && there.value === undefined) return yield* pour(file, "a", text)
    const target = Option.isNone(there) ? file : yield* fs.realPath(file)
    const part = `${target}.part`
    yield* pour(part, "w", text).pipe(
      Effect.zipRight(fs.rename(part, target)),
      Effect.onError(() => Effect.ignore(fs.remove(part))),
    )
  }).pipe(Effect.mapError(fileError(file, "a file to write")))

/** Writes where the flag says: `a` at no place of its own, for what has none. */
const pour = (file: string, flag: "a" | "w", text: Stream.Stream<string>) =>
  Effect.gen(function* () {
    const open = yield* (yield* FileSystem.FileSystem).open(file, { flag })
    const encoder = new TextEncoder()
    yield* Stream.runForEach(text, (piece) => open.writeAll(encoder.encode(piece)))
    if (flag === "w") yield* open.sync
  }).pipe(Effect.scoped)

const fileError = (file: string, expected: string) => GivenFile.fault("InvalidFile", file, expected)
