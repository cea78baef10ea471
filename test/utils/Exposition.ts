/**
 * A reader of Prometheus' text format 0.0.4 that lets nothing pass: grammar, order of lines, and what a type
 * promises of its samples.
 */

export interface Family {
  readonly type: string
  readonly help: string
  readonly samples: Array<Sample>
}

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const labelName = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/
const goFloat = /^(NaN|[+-]Inf|-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?)$/
const suffixes: Readonly<Record<string, ReadonlyArray<string>>> = {
  counter: [""],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["", "_sum", "_count"],
}

/** Throws at the first thing that is not as the format has it. */
export const parse = (text: string): ReadonlyMap<string, Family> => {
  if (!text.endsWith("\n")) throw new Error("the last line has no end")
  if (text.includes("\n\n")) throw new Error("a line is empty")
  const families = new Map<string, Family>()
  const seen = new Set<string>()
  const helps = new Map<string, string>()
  let current: { readonly name: string; readonly family: Family } | undefined
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/s.exec(line)
    if (comment !== null) {
      const [, keyword = "", name = "", rest = ""] = comment
      check(metricName.test(name), line)
      if (keyword === "HELP") {
        check(!helps.has(name), `second help: ${line}`)
        helps.set(name, unescape(rest, "\\n", line))
      } else {
        check(suffixes[rest] !== undefined, `type: ${line}`)
        check(!families.has(name), `second type: ${line}`)
        check(helps.has(name), `type before help: ${line}`)
        current = { name, family: { type: rest, help: helps.get(name) ?? "", samples: [] } }
        families.set(name, current.family)
      }
      continue
    }
    const sample = readSample(line)
    check(current !== undefined, `sample before type: ${line}`)
    const { name, family } = current!
    check(
      suffixes[family.type]!.some((suffix) => sample.name === name + suffix),
      `not of ${name}: ${line}`,
    )
    const id = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`
    check(!seen.has(id), `twice: ${line}`)
    seen.add(id)
    family.samples.push(sample)
  }
  for (const [name, family] of families) promised(name, family)
  return families
}

/** The value of the one sample with these labels, and no others. */
export const valueOf = (
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined => {
  const wanted = JSON.stringify(Object.entries(labels).sort())
  return [...families.values()]
    .flatMap(({ samples }) => samples)
    .find((one) => one.name === name && JSON.stringify(Object.entries(one.labels).sort()) === wanted)?.value
}

// ---------------------------------------------------------------------------------------------------------

const check = (isRight: boolean, what: string): void => {
  if (!isRight) throw new Error(what)
}

const readSample = (line: string): Sample => {
  const name = /^[^{ ]*/.exec(line)![0]
  check(metricName.test(name), `name: ${line}`)
  let at = name.length
  const labels: Record<string, string> = {}
  if (line[at] === "{") {
    do {
      const label = /^[^=]*/.exec(line.slice(at + 1))![0]
      check(labelName.test(label) && !(label in labels), `label: ${line}`)
      at += 1 + label.length
      check(line.slice(at, at + 2) === '="', `no value: ${line}`)
      const value = /^(?:\\.|[^\\"])*/s.exec(line.slice(at + 2))![0]
      labels[label] = unescape(value, '\\"n', line)
      at += 2 + value.length
      check(line[at] === '"', `open value: ${line}`)
      at += 1
    } while (line[at] === ",")
    check(line[at] === "}", `open labels: ${line}`)
    at += 1
  }
  check(line[at] === " ", `no blank: ${line}`)
  const value = line.slice(at + 1)
  check(goFloat.test(value), `number: ${line}`)
  return { name, labels, value: Number(value.replace("Inf", "Infinity")) }
}

const unescape = (text: string, escapes: string, line: string): string =>
  text.replace(/\\(.?)/gs, (_, character: string) => {
    check(character !== "" && escapes.includes(character), `escape: ${line}`)
    return character === "n" ? "\n" : character
  })

const promised = (name: string, { type, samples }: Family): void => {
  if (type === "counter") {
    check(name.endsWith("_total"), `${name} does not end in _total`)
    check(
      samples.every(({ value }) => value >= 0),
      `${name} is negative`,
    )
  }
  if (type !== "histogram" && type !== "summary") return
  const own = type === "histogram" ? "le" : "quantile"
  const series = new Map<string, Array<Sample>>()
  for (const one of samples) {
    const { [own]: _, ...labels } = one.labels
    const key = JSON.stringify(Object.entries(labels).sort())
    series.set(key, [...(series.get(key) ?? []), one])
  }
  for (const of of series.values()) {
    const points = of.filter((one) => own in one.labels)
    const rest = of.filter((one) => !(own in one.labels)).map((one) => one.name)
    check(rest.join(" ") === `${name}_sum ${name}_count`, `${name}: ${rest}`)
    const at = points.map(({ labels }) => Number(labels[own]!.replace("Inf", "Infinity")))
    check(
      at.every((one, index) => index === 0 || one > at[index - 1]!),
      `${name}: ${own} not ascending`,
    )
    if (type === "summary") {
      check(
        at.every((one) => one >= 0 && one <= 1),
        `${name}: quantile`,
      )
      continue
    }
    check(
      points.every((one, index) => index === 0 || one.value >= points[index - 1]!.value),
      `${name} is not cumulative`,
    )
    check(at.at(-1) === Number.POSITIVE_INFINITY, `${name} has no +Inf`)
    check(points.at(-1)?.value === of.at(-1)?.value, `${name}: count`)
  }
}
