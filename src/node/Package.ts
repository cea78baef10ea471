/**
 * The package that this code is part of, found from wherever it runs: its sources, its build, its bundle.
 */
import { createRequire } from "node:module"

const resolver = createRequire(import.meta.url)

/** As package.json says. */
export const version = (): string => (resolver("ktrdr/package.json") as { readonly version: string }).version

/** The first version of Node that will do, `[20, 19]`, as package.json says. */
export const leastNode = (): ReadonlyArray<number> =>
  (resolver("ktrdr/package.json") as { readonly engines: { readonly node: string } }).engines.node
    .replace(/^>=/, "")
    .split(".")
    .map(Number)

/** Path of the folder with the sample bars. */
export const samples = (): string => resolver.resolve("ktrdr/sample/SPX_1d.csv").replace(/SPX_1d\.csv$/, "")

/** Path of the folder with the example strategies. */
export const strategies = (): string =>
  resolver.resolve("ktrdr/examples/mean_reversion.yaml").replace(/mean_reversion\.yaml$/, "")
