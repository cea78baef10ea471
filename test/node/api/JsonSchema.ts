/** Whether a value fits a JSON schema of an OpenAPI document, as far as such documents use what schemas can say. */

type Schema = { readonly [keyword: string]: unknown }

export interface Document {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly tags: ReadonlyArray<{ readonly name: string }>
  readonly security: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>
    readonly securitySchemes: Readonly<Record<string, Schema>>
  }
}

export interface Operation {
  readonly operationId: string
  readonly summary?: string
  readonly tags: ReadonlyArray<string>
  readonly parameters: ReadonlyArray<{
    readonly name: string
    readonly in: string
    readonly required: boolean
    readonly schema: Schema
  }>
  readonly requestBody?: { readonly content: Content; readonly required?: boolean }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>

const keywords = new Set(
  "$ref type enum const required properties additionalProperties patternProperties items prefixItems minItems maxItems anyOf oneOf allOf not minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern format title description examples default contentMediaType contentSchema".split(
    " ",
  ),
)

/** What is wrong with a schema itself: words that there are not, references that lead nowhere. */
export const faults = (document: Document, schema: unknown, at = "$"): ReadonlyArray<string> => {
  if (typeof schema === "boolean") return []
  if (typeof schema !== "object" || schema === null) return [`${at}: no schema`]
  return Object.entries(schema).flatMap(([keyword, value]) => {
    if (!keywords.has(keyword)) return [`${at}: unknown keyword ${keyword}`]
    switch (keyword) {
      case "$ref":
        return resolve(document, String(value)) === undefined ? [`${at}: ${String(value)} leads nowhere`] : []
      case "properties":
      case "patternProperties":
        return Object.entries(value as Schema).flatMap(([name, inner]) =>
          faults(document, inner, `${at}.${name}`),
        )
      case "items":
      case "additionalProperties":
      case "not":
        return faults(document, value, `${at}.${keyword}`)
      case "anyOf":
      case "oneOf":
      case "allOf":
      case "prefixItems":
        return (value as ReadonlyArray<unknown>).flatMap((inner, index) =>
          faults(document, inner, `${at}.${keyword}.${index}`),
        )
      default:
        return []
    }
  })
}

/** Where a value does not fit a schema. */
export const differences = (
  document: Document,
  schema: Schema | boolean,
  value: unknown,
  at = "$",
): ReadonlyArray<string> => {
  if (typeof schema === "boolean") return schema ? [] : [`${at}: nothing is allowed`]
  const wrong: Array<string> = []
  const { $ref: reference, type, enum: words, anyOf, allOf } = schema
  if (typeof reference === "string") {
    const target = resolve(document, reference)
    return target === undefined
      ? [`${at}: ${reference} leads nowhere`]
      : differences(document, target, value, at)
  }
  const types = type === undefined ? undefined : Array.isArray(type) ? type : [type]
  if (types !== undefined && !types.some((name) => isOf(String(name), value))) {
    wrong.push(`${at}: ${types.join(" or ")} is wanted, ${JSON.stringify(value)?.slice(0, 60)} found`)
  }
  if (Array.isArray(words) && !words.includes(value)) wrong.push(`${at}: one of ${words.join(" ")}`)
  if (Array.isArray(anyOf) && anyOf.every((one) => differences(document, one, value, at).length > 0)) {
    wrong.push(`${at}: fits none of ${JSON.stringify(anyOf).slice(0, 200)}`)
  }
  if (Array.isArray(allOf)) wrong.push(...allOf.flatMap((one) => differences(document, one, value, at)))
  if (typeof value === "number") {
    if (typeof schema["minimum"] === "number" && value < schema["minimum"]) wrong.push(`${at}: too small`)
    if (typeof schema["maximum"] === "number" && value > schema["maximum"]) wrong.push(`${at}: too large`)
  }
  if (typeof value === "string" && typeof schema["pattern"] === "string") {
    if (!new RegExp(schema["pattern"]).test(value)) wrong.push(`${at}: pattern`)
  }
  if (Array.isArray(value)) {
    const items = schema["items"] as Schema | undefined
    if (items !== undefined) {
      wrong.push(...value.flatMap((one, index) => differences(document, items, one, `${at}.${index}`)))
    }
    if (typeof schema["minItems"] === "number" && value.length < schema["minItems"])
      wrong.push(`${at}: too few`)
  } else if (typeof value === "object" && value !== null) {
    const properties = (schema["properties"] ?? {}) as Readonly<Record<string, Schema>>
    const more = schema["additionalProperties"] as Schema | boolean | undefined
    for (const name of (schema["required"] ?? []) as ReadonlyArray<string>) {
      if (!(name in value)) wrong.push(`${at}.${name}: missing`)
    }
    for (const [name, inner] of Object.entries(value)) {
      const known = properties[name]
      if (known !== undefined) wrong.push(...differences(document, known, inner, `${at}.${name}`))
      else if (more === false) wrong.push(`${at}.${name}: not in the schema`)
      else if (typeof more === "object") wrong.push(...differences(document, more, inner, `${at}.${name}`))
    }
  }
  return wrong
}

// ---------------------------------------------------------------------------------------------------------

const resolve = (document: Document, reference: string): Schema | undefined =>
  document.components.schemas[reference.replace("#/components/schemas/", "")]

const isOf = (type: string, value: unknown): boolean => {
  switch (type) {
    case "null":
      return value === null
    case "array":
      return Array.isArray(value)
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value)
    case "integer":
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}
