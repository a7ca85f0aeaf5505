/**
 * GitHub's published description as a judge: a route, parameter or field that it does not know is a problem, of requests and of what the
 * server of these tests answers alike. And as a source: `sample` makes the smallest value of a schema.
 */
import { Ajv, type ValidateFunction } from "ajv"
import addFormatsDefault from "ajv-formats"
import { readFileSync } from "node:fs"

type Json = unknown
interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly format?: string
  readonly enum?: ReadonlyArray<Json>
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: ReadonlyArray<string>
  readonly items?: Schema
  readonly anyOf?: ReadonlyArray<Schema>
  readonly oneOf?: ReadonlyArray<Schema>
  readonly allOf?: ReadonlyArray<Schema>
  readonly additionalProperties?: boolean | Schema
}
interface Operation {
  readonly query: Readonly<Record<string, Schema>>
  readonly body: Schema | null
  readonly responses: Readonly<Record<string, Schema | null>>
}
const { operations, schemas } = JSON.parse(
  readFileSync(new URL("description/github.json", import.meta.url), "utf8")
) as {
  readonly operations: Readonly<Record<string, Operation>>
  readonly schemas: Readonly<Record<string, Schema>>
}

/** No fields but those that are described. Parts of an `allOf` know half of the fields each, and stay open. */
const strict = (node: Json, open = false): Json => {
  if (Array.isArray(node)) return node.map((one: Json) => strict(one, open))
  if (typeof node !== "object" || node === null) return node
  const kept = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      key === "properties"
        ? Object.fromEntries(Object.entries(value as object).map(([name, schema]) => [name, strict(schema)]))
        : key === "enum"
          ? value
          : strict(value, key === "allOf")
    ])
  ) as { properties?: object; additionalProperties?: Json; type?: string }
  return kept.properties !== undefined && kept.additionalProperties === undefined && !open
    ? { ...kept, additionalProperties: false }
    : kept
}
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true })
const addFormats = addFormatsDefault as unknown as (instance: Ajv) => void
addFormats(ajv)
for (const name of ["uri-template", "repo.nwo", "int64", "timestamp"]) ajv.addFormat(name, true)
ajv.addSchema({ $id: "github", schemas: strict(schemas) as object })

const compiled = new Map<string, ValidateFunction>()
const rooted = (node: Json): Json =>
  JSON.parse(JSON.stringify(node).replaceAll('"$ref":"#/', '"$ref":"github#/')) as Json
const problemsOf = (key: string, schema: Schema, value: Json): ReadonlyArray<string> => {
  let validate = compiled.get(key)
  if (validate === undefined) compiled.set(key, (validate = ajv.compile(rooted(strict(schema)) as object)))
  return validate(value)
    ? []
    : (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${key} ${instancePath} ${message} ${JSON.stringify(params)}`
      )
}

const templates = Object.keys(operations).map((route) => {
  const [method = "", path = ""] = route.split(" ")
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name)
  const pattern = new RegExp(`^${path.replaceAll(/\{\w+\}/g, "([^/]+)")}$`)
  return { route, method, names, pattern }
})
/** Longer literal parts first: `/user/repos` is not `/{a}/{b}`. */
export const match = (
  method: string,
  path: string
): { readonly route: string; readonly parameters: Readonly<Record<string, string>> } | null => {
  for (const one of templates) {
    const found = one.method === method ? one.pattern.exec(path) : null
    if (found !== null)
      return {
        route: one.route,
        parameters: Object.fromEntries(one.names.map((name, at) => [name, decodeURIComponent(found[at + 1] ?? "")]))
      }
  }
  return null
}

export const requestProblems = (route: string, query: URLSearchParams, body: Json): ReadonlyArray<string> => {
  const operation = operations[route]
  if (operation === undefined) return [`no such route: ${route}`]
  const ofQuery = [...query].flatMap(([name, text]) => {
    const schema = operation.query[name]
    if (schema === undefined) return [`${route} has no parameter ${name}`]
    const value = schema.type === "integer" ? Number(text) : schema.type === "boolean" ? text === "true" : text
    return problemsOf(`${route} ?${name}`, schema, value)
  })
  if (body === undefined) return ofQuery
  return operation.body === null
    ? [...ofQuery, `${route} takes no body`]
    : [...ofQuery, ...problemsOf(`${route} request`, operation.body, body)]
}
export const responseProblems = (route: string, status: number, body: Json): ReadonlyArray<string> => {
  const responses = operations[route]?.responses ?? {}
  const described = responses[String(status)]
  // Not every route lists every refusal: those have the shape of all refusals.
  const schema = described ?? (status >= 400 ? { $ref: "#/schemas/validation-error-any" } : undefined)
  if (schema === undefined && described === undefined) return [`${route} never answers ${status}`]
  if (schema?.$ref === "#/schemas/validation-error-any")
    return problemsOf("any refusal", { $ref: "#/schemas/basic-error" }, body).length === 0 ||
      problemsOf("any validation", { $ref: "#/schemas/validation-error" }, body).length === 0
      ? []
      : [`${route} ${status} is no refusal of GitHub's: ${JSON.stringify(body)}`]
  return schema === null || schema === undefined
    ? body === undefined
      ? []
      : [`${route} ${status} has no body`]
    : problemsOf(`${route} ${status}`, schema, body)
}

const named = (name: string): Schema => {
  const schema = schemas[name]
  if (schema === undefined) throw new Error(`the description has no schema ${name}`)
  return schema
}
const isNull = (schema: Schema) => schema.type === "null"
export const sample = (schema: Schema): Json => {
  if (schema.$ref !== undefined) return sample(named(schema.$ref.replace("#/schemas/", "")))
  const choice = schema.anyOf ?? schema.oneOf
  if (choice !== undefined) return choice.some(isNull) ? null : sample(choice[0] ?? {})
  if (schema.allOf !== undefined) return Object.assign({}, ...schema.allOf.map(sample)) as Json
  if (schema.enum !== undefined) return schema.enum[0]
  if (schema.properties !== undefined || schema.type === "object")
    return Object.fromEntries((schema.required ?? []).map((name) => [name, sample(schema.properties?.[name] ?? {})]))
  if (schema.type === "array") return []
  if (schema.type === "integer" || schema.type === "number") return 1
  if (schema.type === "boolean") return false
  if (schema.format === "date-time") return "2026-01-01T00:00:00Z"
  return schema.format === "uri"
    ? "https://github.example.test/"
    : schema.format === "email"
      ? "a@example.test"
      : "text"
}
/** The smallest value of a named schema, with what is told of it instead. */
export const sampleOf = (name: string, told: Readonly<Record<string, Json>> = {}): Record<string, Json> => ({
  ...(sample(named(name)) as Record<string, Json>),
  ...told
})
