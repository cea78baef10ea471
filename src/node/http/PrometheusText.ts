/**
 * Metrics as Prometheus' text format 0.0.4 writes them down.
 */

export type Type = "counter" | "gauge" | "histogram" | "summary"

export type Labels = ReadonlyArray<readonly [name: string, value: string]>

/** One line of a series: `_sum`, or a bucket with its `le`. */
export interface Sample {
  readonly suffix?: "_bucket" | "_sum" | "_count"
  /** `le` or `quantile`, besides the labels of the series. */
  readonly label?: readonly [name: "le" | "quantile", value: number]
  readonly value: number | bigint
}

export interface Series {
  readonly labels: Labels
  readonly samples: ReadonlyArray<Sample>
}

export interface Metric {
  /** Of a counter without its `_total`. */
  readonly name: string
  readonly type: Type
  readonly help: string
  readonly series: ReadonlyArray<Series>
}

export const contentType = "text/plain; version=0.0.4; charset=utf-8"

/**
 * The text, in an order that does not depend on theirs. Names are made to fit; metrics whose names then are
 * equal become one where they are of one type, otherwise the type is added to the later name. Of series with
 * equal labels counters are added up, of others the last counts.
 */
export const render = (metrics: Iterable<Metric>): string => {
  const families = new Map<string, Family>()
  const taken = new Map<string, string>()
  for (const metric of [...metrics].sort(byKey((one) => `${one.name} ${one.type} ${one.help}`))) {
    const name = nameFor(metric, taken)
    const family = families.get(name) ?? { name, type: metric.type, help: metric.help, series: new Map() }
    families.set(name, family)
    for (const { labels, samples } of metric.series) add(family, labels, samples)
  }
  return [...families.values()]
    .sort(byKey(({ name }) => name))
    .map(familyText)
    .join("")
}

/** As Go reads numbers. */
export const number = (value: number | bigint): string => {
  if (value === Number.POSITIVE_INFINITY) return "+Inf"
  if (value === Number.NEGATIVE_INFINITY) return "-Inf"
  return String(value)
}

// ---------------------------------------------------------------------------------------------------------

interface Family {
  readonly name: string
  readonly type: Type
  readonly help: string
  /** Samples by the labels of their series as they are written. */
  readonly series: Map<string, ReadonlyArray<Sample>>
}

/** The family's name, which takes the names of all its samples. */
const nameFor = ({ name, type }: Metric, taken: Map<string, string>): string => {
  const base = metricName(name).replace(type === "counter" ? /_total$/ : /(?!)/, "")
  for (let unique = base; ; unique = `${unique}_${type}`) {
    const family = type === "counter" ? `${unique}_total` : unique
    const names = suffixes[type].map((suffix) => `${family}${suffix}`)
    const owner = `${family} ${type}`
    if (names.some((one) => (taken.get(one) ?? owner) !== owner)) continue
    for (const one of names) taken.set(one, owner)
    return family
  }
}

const suffixes = {
  counter: [""],
  gauge: [""],
  histogram: ["", "_bucket", "_sum", "_count"],
  summary: ["", "_sum", "_count"],
} satisfies Record<Type, ReadonlyArray<string>>

const add = (family: Family, labels: Labels, samples: ReadonlyArray<Sample>): void => {
  const key = labelsText(labels, reserved[family.type])
  const before = family.series.get(key)?.[0]?.value
  family.series.set(
    key,
    before === undefined || family.type !== "counter"
      ? samples
      : samples.map((sample) => ({ ...sample, value: sum(before, sample.value) })),
  )
}

const sum = (one: number | bigint, other: number | bigint): number | bigint =>
  typeof one === "bigint" && typeof other === "bigint" ? one + other : Number(one) + Number(other)

/** Labels that the type itself puts on. */
const reserved: Readonly<Record<Type, string | undefined>> = {
  counter: undefined,
  gauge: undefined,
  histogram: "le",
  summary: "quantile",
}

const familyText = ({ name, type, help, series }: Family): string => {
  const lines = [`# HELP ${name} ${escape(help, /[\\\n]/g)}`, `# TYPE ${name} ${type}`]
  for (const [labels, samples] of [...series].sort(byKey(([labels]) => labels))) {
    for (const { suffix = "", label, value } of samples) {
      const own = label === undefined ? [] : [`${label[0]}="${number(label[1])}"`]
      const all = [...(labels === "" ? [] : [labels]), ...own].join(",")
      lines.push(`${name}${suffix}${all === "" ? "" : `{${all}}`} ${number(value)}`)
    }
  }
  return `${lines.join("\n")}\n`
}

/**
 * `a="x",b="y"` by name. A label without a value is none; one whose name is taken is `exported_`, as Prometheus
 * itself calls it.
 */
const labelsText = (labels: Labels, reserved: string | undefined): string => {
  const names = new Set([reserved])
  const written = labels
    .filter(([, value]) => value !== "")
    .sort(byKey(([name, value]) => `${name}\u0000${value}`))
    .map(([given, value]) => {
      let name = labelName(given)
      while (names.has(name)) name = `exported_${name}`
      names.add(name)
      return `${name}="${escape(value, /[\\\n"]/g)}"`
    })
  return written.sort(byKey((text) => text)).join(",")
}

const metricName = (name: string): string => fitting(name, /[^a-zA-Z0-9_:]/g)

/** Names that begin with two underscores belong to Prometheus. */
const labelName = (name: string): string => fitting(name, /[^a-zA-Z0-9_]/g).replace(/^__+/, "_")

const fitting = (name: string, unfit: RegExp): string => name.replace(unfit, "_").replace(/^(?=\d|$)/, "_")

const escape = (text: string, special: RegExp): string =>
  wellFormed(text).replace(special, (character) => (character === "\n" ? "\\n" : `\\${character}`))

/** What UTF-8 makes of it: half a surrogate pair becomes U+FFFD. */
const wellFormed = (text: string): string =>
  text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD")

const byKey =
  <A>(key: (value: A) => string) =>
  (one: A, other: A): number => {
    const [left, right] = [key(one), key(other)]
    return left < right ? -1 : left > right ? 1 : 0
  }
