/** What a model comes from against what there is now. */
import * as Series from "../../data/Series.js"
import type { CandleFile, Receipt, Split } from "../Receipt.js"
import { show } from "./Sha256.js"

export interface Difference {
  readonly of: "strategy" | "candles" | "dataset" | "split" | "weights" | "file"
  /** `AAPL 1h 2024.parquet`, `weights.bin`, `strategy mean_reversion`. */
  readonly place: string
  readonly expected: string
  readonly found: string
}

/** What could be computed anew; what is left out is not compared. */
export interface Found {
  readonly strategy?: string | undefined
  /** The files that the store has of each series now; none of a series that is not there any more. */
  readonly series?:
    | ReadonlyArray<{ readonly series: Series.Series; readonly files: ReadonlyArray<CandleFile> }>
    | undefined
  readonly dataset?: string | undefined
  readonly split?: Split | undefined
  readonly weights?: string | undefined
  /** The model's other files: the hash that was written down, and that of the bytes; none where there is no file. */
  readonly files?:
    | ReadonlyArray<{ readonly name: string; readonly written: string; readonly found: string | null }>
    | undefined
}

export interface Verification {
  /** What was compared, and what was not as it was not given or the receipt says nothing of it. */
  readonly compared: ReadonlyArray<string>
  readonly skipped: ReadonlyArray<string>
  /** None where all that was compared is what it was. */
  readonly differences: ReadonlyArray<Difference>
}

/**
 * Names everything that is not what it was. Files of bars that were not read are none of it, so that a store may grow
 * by new ones.
 */
export const verify = (receipt: Receipt, found: Found): Verification => {
  const compared: Array<string> = []
  const skipped: Array<string> = []
  const differences: Array<Difference> = []

  const look = (what: string, isGiven: boolean, check: () => ReadonlyArray<Difference>): void => {
    if (!isGiven) return void skipped.push(what)
    compared.push(what)
    differences.push(...check())
  }

  look("strategy", found.strategy !== undefined, () =>
    hashes("strategy", `strategy ${receipt.strategy.name}`, receipt.strategy.sha256, found.strategy),
  )
  for (const { series, files } of receipt.series) {
    const place = Series.format(series)
    const now = found.series?.find((one) => Series.format(one.series) === place)?.files ?? []
    look(`candles of ${place}`, found.series !== undefined && files.length > 0, () =>
      files.flatMap((file) => candleFile(place, file, now)),
    )
  }
  look("dataset", found.dataset !== undefined, () =>
    hashes("dataset", "dataset", receipt.dataset, found.dataset),
  )
  look("split", found.split !== undefined, () =>
    found.split === undefined ? [] : splits(receipt.split, found.split),
  )
  look("weights", found.weights !== undefined, () =>
    hashes("weights", "weights", receipt.weights, found.weights),
  )
  look("files", found.files !== undefined, () =>
    (found.files ?? []).flatMap((file) => hashes("file", file.name, file.written, file.found)),
  )
  return { compared, skipped, differences }
}

// ---------------------------------------------------------------------------------------------------------

const hashes = (
  of: Difference["of"],
  place: string,
  expected: string,
  found: string | null | undefined,
): ReadonlyArray<Difference> =>
  expected === found
    ? []
    : [{ of, place, expected: show(expected), found: found == null ? "no such file" : show(found) }]

const candleFile = (
  series: string,
  { name, rows, sha256 }: CandleFile,
  now: ReadonlyArray<CandleFile>,
): ReadonlyArray<Difference> => {
  const file = now.find((one) => one.name === name)
  if (file?.sha256 === sha256) return []
  return [
    {
      of: "candles",
      place: `${series} ${name}`,
      expected: `${rows} bars, ${show(sha256)}`,
      found: file === undefined ? "no such file" : `${file.rows} bars, ${show(file.sha256)}`,
    },
  ]
}

/** The numbers that differ, by their path: `split purged.train`. */
const splits = (expected: Split, found: Split): ReadonlyArray<Difference> =>
  (Object.keys(expected) as ReadonlyArray<keyof Split>).flatMap((section) => {
    const [then, now] = [new Map(Object.entries(expected[section])), new Map(Object.entries(found[section]))]
    return [...then].flatMap(([name, number]): ReadonlyArray<Difference> => {
      const other = now.get(name)
      if (other === number) return []
      const place = `split ${section}.${name}`
      return [{ of: "split", place, expected: `${number}`, found: `${other}` }]
    })
  })
