/**
 * Validates plain data against the part of JSON Schema that our files need, with messages that name the field.
 *
 * Promises to stop after a handful of problems, to recurse no deeper than the schema does, and to need nothing at run time.
 * It is held equal to the effect schemas by a property test.
 */

export interface JsonSchema {
  readonly type?: string
  readonly enum?: ReadonlyArray<unknown>
  readonly pattern?: string
  readonly minLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: JsonSchema
  readonly properties?: { readonly [name: string]: JsonSchema }
  readonly required?: ReadonlyArray<string>
  readonly additionalProperties?: boolean | JsonSchema
  readonly anyOf?: ReadonlyArray<JsonSchema>
  readonly allOf?: ReadonlyArray<JsonSchema>
}

const maxProblems = 6

const patterns = new Map<string, RegExp>()
const patternOf = (source: string): RegExp => {
  let found = patterns.get(source)
  if (found === undefined) {
    found = new RegExp(source, "u")
    patterns.set(source, found)
  }
  return found
}

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "undefined"
  return text.length > 60 ? `${text.slice(0, 60)}\u2026` : text
}

const isType = (type: string, value: unknown): boolean => {
  switch (type) {
    case "string":
    case "boolean":
      return typeof value === type
    case "number":
      return typeof value === "number" && Number.isFinite(value)
    case "integer":
      return Number.isSafeInteger(value)
    case "null":
      return value === null
    case "array":
      return Array.isArray(value)
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value)
    default:
      return false
  }
}

/** What a schema wants, in words. */
const wanted = (schema: JsonSchema): string => {
  if (schema.enum !== undefined) return schema.enum.map((one) => JSON.stringify(one)).join(" | ")
  if (schema.anyOf !== undefined) return schema.anyOf.map(wanted).join(" | ")
  if (schema.minimum !== undefined && schema.maximum !== undefined)
    return `a whole number from ${schema.minimum} to ${schema.maximum}`
  return schema.type ?? "another value"
}

/** Whether a scalar fits a scalar schema, decided without building a path. */
const isPlainFit = (schema: JsonSchema, value: unknown): boolean => {
  if (typeof value === "string") {
    if (schema.type !== "string" || (schema.minLength !== undefined && value.length < schema.minLength)) return false
    if (schema.enum !== undefined) return schema.enum.includes(value)
    return schema.pattern === undefined || patternOf(schema.pattern).test(value)
  }
  if (typeof value === "boolean") return schema.type === "boolean" && schema.enum === undefined
  return (
    typeof value === "number" &&
    schema.type === "number" &&
    schema.enum === undefined &&
    schema.minimum === undefined &&
    schema.maximum === undefined &&
    Number.isFinite(value)
  )
}

type Report = (path: string, text: string) => void

const join = (path: string, name: string | number): string => (path === "" ? String(name) : `${path}.${name}`)

const checkObject = (
  schema: JsonSchema,
  value: Readonly<Record<string, unknown>>,
  path: string,
  report: Report
): void => {
  const properties = schema.properties ?? {}
  for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) report(join(path, name), "missing")
  for (const name of Object.keys(value)) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (property !== undefined) {
      // The path is only built for a value that has members or is wrong: that is where most of the time would go.
      if (!isPlainFit(property, value[name])) check(property, value[name], join(path, name), report)
    } else if (schema.additionalProperties === false) report(join(path, name), "unknown field")
    else if (typeof schema.additionalProperties === "object")
      check(schema.additionalProperties, value[name], join(path, name), report)
  }
}

const fits = (schema: JsonSchema, value: unknown): boolean => {
  let good = true
  check(schema, value, "", () => {
    good = false
  })
  return good
}

const check = (schema: JsonSchema, value: unknown, path: string, report: Report): void => {
  if (schema.anyOf !== undefined) {
    if (!schema.anyOf.some((one) => fits(one, value))) report(path, `Expected ${wanted(schema)}, got ${show(value)}`)
    return
  }
  if (schema.type !== undefined && !isType(schema.type, value))
    return report(path, `Expected ${wanted(schema)}, got ${show(value)}`)
  if (schema.enum !== undefined && !schema.enum.includes(value))
    return report(path, `Expected ${wanted(schema)}, got ${show(value)}`)
  if (typeof value === "string") {
    if (schema.minLength !== undefined && value.length < schema.minLength)
      report(path, "Expected a text that is not empty")
    if (schema.pattern !== undefined && !patternOf(schema.pattern).test(value))
      report(path, `Expected a text that matches ${schema.pattern}, got ${show(value)}`)
  }
  if (
    typeof value === "number" &&
    ((schema.minimum !== undefined && value < schema.minimum) ||
      (schema.maximum !== undefined && value > schema.maximum))
  )
    report(path, `Expected ${wanted(schema)}, got ${show(value)}`)
  if (Array.isArray(value) && schema.items !== undefined)
    for (const [index, item] of value.entries()) check(schema.items, item, join(path, index), report)
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    checkObject(schema, value as Readonly<Record<string, unknown>>, path, report)
  for (const one of schema.allOf ?? []) check(one, value, path, report)
}

/** Problems as `field: what is wrong`, joined by semicolons; `null` when the value fits. */
export const problemsOf = (schema: JsonSchema, value: unknown): string | null => {
  const problems: Array<string> = []
  let more = 0
  check(schema, value, "", (path, text) => {
    if (problems.length < maxProblems) problems.push(path === "" ? text : `${path}: ${text}`)
    else more++
  })
  return problems.length === 0 ? null : problems.join("; ") + (more > 0 ? `; and ${more} more` : "")
}
