/**
 * Holds the import directions, the absence of cycles, and the length of files.
 */

import * as Fs from "node:fs"
import * as Path from "node:path"
import { describe, expect, it } from "@effect/vitest"

const root = Path.resolve(import.meta.dirname, "../src")

const files = Fs.readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => name.split(Path.sep).join("/"))

const layers = ["core", "data", "training", "hosts", "node"] as const

/** The top folder is the layer; files right under src are the core, its index stands above everything. */
const layerOf = (file: string): number => {
  if (file === "index.ts") return layers.length
  const folder = file.includes("/") ? file.slice(0, file.indexOf("/")) : "core"
  return Math.max(0, layers.indexOf(folder as (typeof layers)[number]))
}

/** Named after a platform: these may touch Node and packages that only run there. */
const platform = /(^|\/)(Parquet|Sql|Local|Worker|HostPool)\w*\.ts$/
const nodeOnly =
  /^(node:|@effect\/platform-node|@effect\/sql-libsql|@duckdb\/|undici|log-update|picocolors|cli-spinners|@effect\/cli)/

/** What training may see of data, besides its ports. */
const seenByTraining =
  /^data\/(Candle|Timeframe|TimeRange|Symbol|Series|Coverage|Quality|CandleStore|CandleSource|CandleReader|DataError)\.ts$/

interface Import {
  readonly from: string
  readonly target: string
  /** Types are gone at run time: they make no cycle. */
  readonly type: boolean
}

const importsOf = (file: string): ReadonlyArray<Import> => {
  const text = Fs.readFileSync(Path.join(root, file), "utf8")
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^"'`;]*?from\s+"([^"]+)"|import\("([^"]+)"\)|(?:^|\n)import\s+"([^"]+)"/g
  return [...text.matchAll(pattern)].map((match) => {
    const specifier = match[2] ?? match[3] ?? match[4] ?? ""
    const target = specifier.startsWith(".")
      ? Path.posix.join(Path.posix.dirname(file), specifier).replace(/\.js$/, ".ts")
      : specifier
    return { from: file, target, type: match[1] !== undefined || match[3] !== undefined }
  })
}

/** Without comments and texts. */
const codeOf = (file: string): string =>
  Fs.readFileSync(Path.join(root, file), "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*|"[^"\n]*"|`[^`]*`/g, "")

const imports = files.flatMap(importsOf)
const internal = imports.filter(({ target }) => files.includes(target))

describe("architecture", () => {
  it("finds the code", () => {
    expect(files).toContain("Progress.ts")
    expect(internal.length).toBeGreaterThan(20)
  })

  it("imports point down: core <- data <- training <- hosts <- node", () => {
    const wrong = internal.filter(({ from, target }) => layerOf(target) > layerOf(from))
    expect(wrong.map(({ from, target }) => `${from} imports ${target}`)).toEqual([])
  })

  it("training sees only the models and ports of data", () => {
    const wrong = internal.filter(
      ({ from, target }) =>
        from.startsWith("training/") && target.startsWith("data/") && !seenByTraining.test(target),
    )
    expect(wrong.map(({ from, target }) => `${from} imports ${target}`)).toEqual([])
  })

  it("training has no infrastructure of its own, but for the files that hold the worker", () => {
    const own = files.filter(
      (file) => file.startsWith("training/") && !/^training\/Trainer\/(Local|Worker)/.test(file),
    )
    const coordination =
      /^effect\/(T?Queue|T?PubSub|T?Deferred|SubscriptionRef|FiberMap|FiberSet|FiberHandle|T?Ref|SynchronizedRef|Mailbox|Schedule|Fiber)$/
    const wrong = imports.filter(
      ({ from, target }) =>
        own.includes(from) &&
        (coordination.test(target) ||
          /Http|Socket|undici|^node:(http|https|net|timers)/.test(target) ||
          /^Host(Client|Pool)/.test(target)),
    )
    expect(wrong.map(({ from, target }) => `${from} imports ${target}`)).toEqual([])
    const timers =
      /\bEffect\.(fork\w*|delay|repeat\w*|retry\w*|schedule\w*|timeout\w*|makeSemaphore|makeLatch|sleep)\(/
    const found = own.flatMap((file) =>
      Fs.readFileSync(Path.join(root, file), "utf8")
        .split("\n")
        .flatMap((line, index) => (timers.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
    )
    expect(found).toEqual([])
    expect(files.filter((file) => /^training\/Trainer\/(Local|Worker)/.test(file))).toContain(
      "training/Trainer/Local.ts",
    )
  })

  it("adapters of hosts have no retry, timeout, pause, polling or pool of their own: that is HostClient's", () => {
    const adapters =
      /^hosts\/(ib\/IbCandleSource|training\/(Remote(Trainer|Session)|HandOver|SessionStatus|StartOrder))\.ts$/
    const own = files.filter((file) => adapters.test(file))
    expect(own.length).toBe(6)
    const mechanics =
      /\b(retr(y|ies)\w*|timeout\w*|schedule\w*|sleep|delay|repeat\w*|debounce|throttle|pool\w*|keepAlive|agent|setTimeout|setInterval)\b/i
    const found = own.flatMap((file) =>
      codeOf(file)
        .split("\n")
        .flatMap((line) => (mechanics.test(line) ? [`${file}: ${line.trim()}`] : [])),
    )
    expect(found).toEqual([])
    const clocks = imports.filter(
      ({ from, target }) =>
        own.includes(from) &&
        /^(effect\/(Schedule|Clock|Duration|Queue|FiberSet)|undici|@effect\/platform\/HttpClient\w*)$/.test(
          target,
        ),
    )
    expect(clocks.map(({ from, target }) => `${from} imports ${target}`)).toEqual([])
  })

  it("only node/ and files named after a platform import Node or packages that only run there", () => {
    const wrong = imports.filter(
      ({ from, target }) => nodeOnly.test(target) && !from.startsWith("node/") && !platform.test(from),
    )
    expect(wrong.map(({ from, target }) => `${from} imports ${target}`)).toEqual([])
  })

  it("every relative import leads to a file, and no package is imported by its barrel", () => {
    const lost = imports.filter(({ target }) => /^\.|\.ts$/.test(target) && !files.includes(target))
    expect(lost.map(({ from, target }) => `${from} imports ${target}`)).toEqual([])
    const barrels = imports.filter(
      ({ target, type }) =>
        !type && /^(effect|@effect\/(platform|platform-node|cli|printer|printer-ansi))$/.test(target),
    )
    expect(barrels.map(({ from, target }) => `${from} imports ${target}`)).toEqual([])
  })

  it("has no import cycle", () => {
    const graph = new Map(files.map((file) => [file, [] as Array<string>]))
    for (const { from, target, type } of internal) if (!type) graph.get(from)?.push(target)
    const state = new Map<string, "open" | "done">()
    const cycles: Array<string> = []
    const visit = (file: string, trail: ReadonlyArray<string>): void => {
      if (state.get(file) === "done") return
      if (state.get(file) === "open") {
        cycles.push([...trail.slice(trail.indexOf(file)), file].join(" -> "))
        return
      }
      state.set(file, "open")
      for (const target of graph.get(file) ?? []) visit(target, [...trail, file])
      state.set(file, "done")
    }
    for (const file of files) visit(file, [])
    expect(cycles).toEqual([])
  })

  it("the core names no domain", () => {
    const core = files.filter((file) => layerOf(file) === 0)
    const words = /\b(bar|bars|candle|candles|symbol|epoch|model|models|timeframe)\b/i
    const found = core.flatMap((file) =>
      Fs.readFileSync(Path.join(root, file), "utf8")
        .split("\n")
        .flatMap((line, index) =>
          words.test(line.replace(/epoch (ms|milliseconds)|unique symbol/gi, ""))
            ? [`${file}:${index + 1}: ${line.trim()}`]
            : [],
        ),
    )
    expect(found).toEqual([])
  })

  it("takes time, randomness and delays from Effect only", () => {
    const banned =
      /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bsetTimeout\(|\bsetInterval\(|\bas any\b|@ts-ignore|@ts-expect-error/
    const found = files.flatMap((file) =>
      Fs.readFileSync(Path.join(root, file), "utf8")
        .split("\n")
        .flatMap((line, index) => (banned.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
    )
    expect(found).toEqual([])
  })

  it("keeps files below 400 lines", () => {
    const long = files.filter(
      (file) => Fs.readFileSync(Path.join(root, file), "utf8").split("\n").length > 400,
    )
    expect(long).toEqual([])
  })
})
