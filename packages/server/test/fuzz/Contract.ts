/** What the OpenAPI document says of a request and its answers: its operations, and whether a value is of a schema. */
import * as OpenApiDocument from "@rdev/api/OpenApiDocument"

export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }
export type Schema = { readonly [keyword: string]: Json }
interface Parameter {
  readonly name: string
  readonly in: "path" | "query" | "header"
  readonly schema: Schema
}
export interface Operation {
  readonly method: string
  readonly path: string
  readonly parameters: ReadonlyArray<Parameter>
  readonly body: Schema | null
  /** Status → schema of its JSON; null when the answer has no body. */
  readonly answers: ReadonlyMap<number, Schema | null>
  /** Statuses whose answer is a file of JSON lines. */
  readonly lines: ReadonlySet<number>
  /** Offers `text/event-stream` too. */
  readonly streams: boolean
}
interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
  readonly $ref?: string
}
interface Described {
  readonly parameters?: ReadonlyArray<Parameter>
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content>>
  readonly "x-event-stream"?: string
}

const document = JSON.parse(OpenApiDocument.text()) as Json
/** What a `$ref` of this document points at. */
const resolve = (ref: string): Json =>
  ref
    .slice(2)
    .split("/")
    .reduce<Json>((at, key) => (at as { readonly [key: string]: Json })[key] ?? null, document)
const typesOf = (content: Content) =>
  (content.$ref === undefined ? content : (resolve(content.$ref) as Content)).content ?? {}
const schemaOf = (content: Content): Schema | null => {
  const types = typesOf(content)
  return (types["application/json"] ?? types["application/problem+json"])?.schema ?? null
}

export const operations: ReadonlyArray<Operation> = Object.entries(
  OpenApiDocument.make().paths as unknown as Readonly<Record<string, Readonly<Record<string, Described>>>>
).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, described]) => ({
    method: method.toUpperCase(),
    path,
    parameters: described.parameters ?? [],
    body: described.requestBody === undefined ? null : schemaOf(described.requestBody),
    answers: new Map(
      Object.entries(described.responses).map(([status, content]) => [Number(status), schemaOf(content)])
    ),
    lines: new Set(
      Object.entries(described.responses).flatMap(([status, content]) =>
        typesOf(content)["application/x-ndjson"] === undefined ? [] : [Number(status)]
      )
    ),
    streams: described["x-event-stream"] !== undefined
  }))
)

export const dereferenced = (schema: Schema): Schema =>
  typeof schema["$ref"] === "string" ? dereferenced(resolve(schema["$ref"]) as Schema) : schema

const kindOf = (value: Json): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value)
const isObject = (value: Json): value is { readonly [key: string]: Json } => kindOf(value) === "object"
/** Say nothing about a value. */
const words = new Set(["title", "description", "format", "default", "examples", "$ref"])

type Check = (wanted: Json, value: Json, at: string, schema: Schema) => ReadonlyArray<string>
const unless = (ok: boolean, problem: string): ReadonlyArray<string> => (ok ? [] : [problem])
const schemas = (wanted: Json) => wanted as ReadonlyArray<Schema>
const checks: Readonly<Record<string, Check>> = {
  type: (wanted, value, at) =>
    unless(
      [wanted].flat().some((type) => type === kindOf(value) || (type === "integer" && Number.isInteger(value))),
      `${at}: ${kindOf(value)} is not ${String(wanted)}`
    ),
  enum: (wanted, value, at) =>
    unless(
      (wanted as ReadonlyArray<Json>).includes(value),
      `${at}: ${JSON.stringify(value)} is none of ${JSON.stringify(wanted)}`
    ),
  const: (wanted, value, at) => unless(wanted === value, `${at}: is not ${JSON.stringify(wanted)}`),
  pattern: (wanted, value, at) =>
    unless(
      typeof value !== "string" || new RegExp(String(wanted), "u").test(value),
      `${at}: ${JSON.stringify(value)} does not match ${String(wanted)}`
    ),
  minLength: (wanted, value, at) =>
    unless(typeof value !== "string" || [...value].length >= Number(wanted), `${at}: shorter than ${String(wanted)}`),
  maxLength: (wanted, value, at) =>
    unless(typeof value !== "string" || [...value].length <= Number(wanted), `${at}: longer than ${String(wanted)}`),
  minItems: (wanted, value, at) =>
    unless(!Array.isArray(value) || value.length >= Number(wanted), `${at}: fewer than ${String(wanted)}`),
  maxItems: (wanted, value, at) =>
    unless(!Array.isArray(value) || value.length <= Number(wanted), `${at}: more than ${String(wanted)}`),
  minimum: (wanted, value, at) =>
    unless(typeof value !== "number" || value >= Number(wanted), `${at}: below ${String(wanted)}`),
  maximum: (wanted, value, at) =>
    unless(typeof value !== "number" || value <= Number(wanted), `${at}: above ${String(wanted)}`),
  required: (wanted, value, at) =>
    isObject(value)
      ? (wanted as ReadonlyArray<string>)
          .filter((name) => !Object.hasOwn(value, name))
          .map((name) => `${at}/${name}: missing`)
      : [],
  properties: (wanted, value, at) =>
    isObject(value)
      ? Object.entries(wanted as Readonly<Record<string, Schema>>).flatMap(([name, schema]) =>
          Object.hasOwn(value, name) ? problemsOf(schema, value[name] ?? null, `${at}/${name}`) : []
        )
      : [],
  additionalProperties: (wanted, value, at, schema) => {
    if (!isObject(value)) return []
    const known = (schema["properties"] ?? {}) as Readonly<Record<string, Schema>>
    const others = Object.keys(value).filter((name) => !Object.hasOwn(known, name))
    return wanted === false
      ? others.map((name) => `${at}/${name}: not in the document`)
      : wanted === true
        ? []
        : others.flatMap((name) => problemsOf(wanted as Schema, value[name] ?? null, `${at}/${name}`))
  },
  propertyNames: (wanted, value, at) =>
    isObject(value) ? Object.keys(value).flatMap((name) => problemsOf(wanted as Schema, name, `${at}/${name}`)) : [],
  items: (wanted, value, at) =>
    Array.isArray(value)
      ? (value as ReadonlyArray<Json>).flatMap((item, i) => problemsOf(wanted as Schema, item, `${at}/${i}`))
      : [],
  allOf: (wanted, value, at) => schemas(wanted).flatMap((schema) => problemsOf(schema, value, at)),
  anyOf: (wanted, value, at) =>
    unless(
      schemas(wanted).some((schema) => problemsOf(schema, value, at).length === 0),
      `${at}: fits none of anyOf`
    )
}

/** Why the value is not of the schema, each with its place. A keyword that is not known here is a problem too: nothing goes unchecked. */
export const problemsOf = (schema: Schema, value: Json, at = ""): ReadonlyArray<string> => {
  if (typeof schema["$ref"] === "string") return problemsOf(dereferenced(schema), value, at)
  return Object.entries(schema).flatMap(([keyword, wanted]) =>
    words.has(keyword)
      ? []
      : (checks[keyword]?.(wanted, value, at, schema) ?? [`${at}: the keyword ${keyword} is not checked`])
  )
}
