/**
 * The configuration of one slot from what the file says and, for keys that it does not say, from the variables that they are marked
 * with. All that is wrong comes back at once. No fault repeats a value: what was written at a wrong place may be a secret.
 */
import { type AnySlot, isSecret, secretInput, variableOf } from "@rdev/core/adapter/Adapter"
import * as Secrets from "@rdev/core/redaction/Secrets"
import * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { type Fault, fault, nearest, oneOf } from "./Fault.ts"
import { join } from "./PlatformYaml.ts"
import { resolveSecret, type Source } from "./SecretRefs.ts"

export interface Decoded {
  readonly config: unknown
  readonly faults: ReadonlyArray<Fault>
  /** To be masked wherever text is kept. */
  readonly secrets: ReadonlyArray<string>
}

export interface Key {
  readonly name: string
  readonly required: boolean
  readonly secret: boolean
  readonly variable: string | null
  readonly description: string
  /** e.g. `text`, `a whole number`, `one of auto, direct`. */
  readonly kind: string
}

const record = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Annotations of a field, wherever helpers put them: on the type, on the key, or on a member of a union. */
const marks = (ast: SchemaAST.AST): unknown => ({
  ...(SchemaAST.isUnion(ast) ? Object.assign({}, ...ast.types.map(marks)) : {}),
  ...ast.context?.annotations,
  ...SchemaAST.resolve(ast)
})
const fieldsOf = (ast: SchemaAST.AST): ReadonlyMap<string, SchemaAST.AST> => {
  if (SchemaAST.isUnion(ast)) return new Map(ast.types.flatMap((type) => [...fieldsOf(type)]))
  return SchemaAST.isObjects(ast)
    ? new Map(ast.propertySignatures.map(({ name, type }) => [String(name), type]))
    : new Map()
}
const at = (ast: SchemaAST.AST, path: ReadonlyArray<PropertyKey>): SchemaAST.AST | null => {
  const [head, ...rest] = path
  if (head === undefined) return ast
  if (SchemaAST.isUnion(ast)) {
    for (const type of ast.types) {
      const found = at(type, path)
      if (found !== null) return found
    }
    return null
  }
  if (SchemaAST.isArrays(ast)) {
    const item = ast.rest[0]
    return item === undefined ? null : at(item, rest)
  }
  const field = fieldsOf(ast).get(String(head))
  return field === undefined ? null : at(field, rest)
}

const kindOf = (ast: SchemaAST.AST): string => {
  if (isSecret(marks(ast))) return "a reference to a secret"
  if (SchemaAST.isUnion(ast)) {
    const literals = ast.types.map((type) => (SchemaAST.isLiteral(type) ? String(type.literal) : null))
    if (literals.every((text) => text !== null)) return oneOf(literals)
    return [...new Set(ast.types.filter((type) => !SchemaAST.isUndefined(type)).map(kindOf))].join(" or ")
  }
  if (SchemaAST.isLiteral(ast)) return String(ast.literal)
  if (SchemaAST.isArrays(ast)) return "a list"
  if (SchemaAST.isObjects(ast)) return "keys"
  if (SchemaAST.isNumber(ast)) return "a number"
  if (SchemaAST.isBoolean(ast)) return "true or false"
  return SchemaAST.isString(ast) ? "text" : "a value"
}

/** What a schema's Struct takes beside `use`, for lists and documents. */
export const keysOf = (schema: Schema.Top): ReadonlyArray<Key> =>
  [...fieldsOf(schema.ast)].map(([name, ast]) => {
    const annotations = marks(ast) as { readonly description?: unknown }
    return {
      name,
      required: !SchemaAST.isOptional(ast),
      secret: isSecret(annotations),
      variable: variableOf(annotations)?.name ?? null,
      description: typeof annotations.description === "string" ? annotations.description : "",
      kind: kindOf(ast)
    }
  })

/** Text of a variable as the value of its key; null = it does not have that form. */
const formed = (text: string, form: string): unknown => {
  switch (form) {
    case "number":
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
    case "flag":
      return text === "1" || text === "true" ? true : text === "0" || text === "false" ? false : text
    case "list":
      return text
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "")
    case "secret":
      return secretInput(text)
    default:
      return text
  }
}

class Collector {
  readonly faults: Array<Fault> = []
  readonly secrets: Array<string> = []
  /** Paths at which something was found wrong already. */
  readonly told = new Set<string>()
  /** Keys that a variable gave, and its name. */
  readonly given = new Map<string, string>()

  readonly source: Source
  readonly root: string

  constructor(source: Source, root: string) {
    this.source = source
    this.root = root
  }

  add(path: string, problem: string, fix: string): void {
    this.told.add(path)
    this.faults.push(fault(path, this.source.lineOf(path), problem, fix))
  }

  secretAt(value: unknown, path: string): unknown {
    const found = resolveSecret(value, path, this.source)
    if (!Redacted.isRedacted(found)) {
      this.told.add(path)
      this.faults.push(found as Fault)
      return undefined
    }
    this.secrets.push(Redacted.value(found))
    return secretInput(Redacted.value(found))
  }

  /** Replaces references by secrets, and refuses what looks like one at any other place. */
  walk(ast: SchemaAST.AST | null, value: unknown, path: string): unknown {
    if (ast !== null && isSecret(marks(ast))) return this.secretAt(value, path)
    if (typeof value === "string") {
      if (Secrets.looksSecret(value))
        this.add(
          path,
          "this looks like a secret, and no secret is written into this file",
          "Keep it where secrets are kept and name it at a key that takes one: { env: VARIABLE } or { file: PATH }"
        )
      return value
    }
    if (Array.isArray(value)) {
      const item = ast === null ? null : at(ast, [0])
      return value.map((one, i) => this.walk(item, one, join(path, i)))
    }
    if (!record(value)) return value
    const fields = ast === null ? new Map<string, SchemaAST.AST>() : fieldsOf(ast)
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, inner]) => {
        const walked = this.walk(fields.get(name) ?? null, inner, join(path, name))
        return walked === undefined ? [] : [[name, walked]]
      })
    )
  }

  variables(ast: SchemaAST.AST, said: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    const given: Record<string, unknown> = { ...said }
    for (const [name, field] of fieldsOf(ast)) {
      const variable = variableOf(marks(field))
      if (variable === null || Object.hasOwn(said, name) || this.told.has(join(this.root, name))) continue
      const text = this.source.env[variable.name]?.trim() ?? ""
      if (text === "") continue
      given[name] = formed(text, variable.form)
      this.given.set(name, variable.name)
      if (variable.form === "secret") this.secrets.push(text)
    }
    return given
  }

  /** A fault of the schema: at the variable where it gave the value. */
  issue(schema: Schema.Top, path: ReadonlyArray<PropertyKey>, said: string): void {
    const full = path.reduce<string>((all, key) => join(all, typeof key === "number" ? key : String(key)), this.root)
    if ([...this.told].some((told) => full === told || full.startsWith(`${told}.`) || full.startsWith(`${told}[`)))
      return
    const variable = this.given.get(String(path[0]))
    const ast = at(schema.ast, path)
    const kind = ast === null ? "" : kindOf(ast)
    if (said === "unknown") return this.unknown(schema.ast, path, full)
    const problem =
      said === "missing"
        ? "this key is missing"
        : /^expected /i.test(said)
          ? said.replace(/^E/, "e")
          : `it is not as it should be: ${said}`
    const own = ast === null ? null : variableOf(marks(ast))
    const fix =
      said === "missing"
        ? `Write ${String(path.at(-1))}: ${kind === "a reference to a secret" ? "{ env: VARIABLE } or { file: PATH }" : `<${kind}>`}${own === null ? "" : `, or set ${own.name}`}`
        : kind === "" || kind === "a value"
          ? "Correct it"
          : `Write ${kind}`
    if (variable === undefined) this.add(full, problem, fix)
    else this.faults.push(fault(variable, null, problem, `${fix}, or unset it`))
  }

  private unknown(ast: SchemaAST.AST, path: ReadonlyArray<PropertyKey>, full: string): void {
    const parent = at(ast, path.slice(0, -1))
    const known = parent === null ? [] : [...fieldsOf(parent).keys()]
    const near = nearest(String(path.at(-1)), known)
    this.add(
      full,
      "this key is not known here",
      near !== null
        ? `Write ${near}, or remove it`
        : known.length === 0
          ? "Remove it: nothing is configured here"
          : `Remove it, or write ${oneOf(known)}`
    )
  }
}

/** `said`: the keys beside `use`; `root`: where they stand. */
export const decode = (
  { config: schema, decode }: Pick<AnySlot, "config" | "decode">,
  said: Readonly<Record<string, unknown>>,
  root: string,
  source: Source
): Decoded => {
  const collector = new Collector(source, root)
  const walked = collector.walk(schema.ast, said, root)
  const input = collector.variables(schema.ast, record(walked) ? walked : {})
  // A struct without fields takes any keys.
  if (fieldsOf(schema.ast).size === 0) for (const name of Object.keys(said)) collector.issue(schema, [name], "unknown")
  const decoded = decode?.(input) ?? {
    ok: false,
    issues: [{ path: [], message: "expected a slot that Adapter.define made" }]
  }
  if (!decoded.ok) for (const { message, path } of decoded.issues) collector.issue(schema, path, message)
  return {
    config: decoded.ok && collector.faults.length === 0 ? decoded.value : null,
    faults: collector.faults,
    secrets: collector.secrets
  }
}
