/**
 * Placeholders in a tree's strings: `{{ vars.name }}`, `{{ steps.id.outputs.name }}`, `{{ run.id }}`. A string that is one placeholder and
 * nothing else becomes the value itself, whatever its type; elsewhere values are written into the text. There are no expressions.
 */
import { Option, Result, type Schema } from "effect"

export type Reference =
  | { readonly _tag: "Var"; readonly name: string }
  | { readonly _tag: "Output"; readonly step: string; readonly name: string }
  | { readonly _tag: "Run" }

const placeholder = /\{\{\s*([^{}]*?)\s*\}\}/g
const whole = /^\{\{\s*([^{}]*?)\s*\}\}$/

const reference = (text: string): Option.Option<Reference> => {
  const [kind, first = "", word, second = "", ...more] = text.split(".")
  if (more.length > 0) return Option.none()
  if (kind === "vars" && first !== "" && word === undefined) return Option.some({ _tag: "Var", name: first })
  if (kind === "steps" && first !== "" && word === "outputs" && second !== "")
    return Option.some({ _tag: "Output", step: first, name: second })
  return kind === "run" && first === "id" && word === undefined ? Option.some({ _tag: "Run" }) : Option.none()
}

/** Every placeholder in a value, with the field it stands in; a failure is one that means nothing. */
export const references = (
  value: unknown,
  field = ""
): ReadonlyArray<{ readonly field: string; readonly reference: Result.Result<Reference, string> }> => {
  if (typeof value === "string") {
    return [...value.matchAll(placeholder)].map((found) => ({
      field,
      reference: Result.fromOption(
        reference(found[1] ?? ""),
        () => `{{ ${found[1] ?? ""} }} means nothing: write vars.NAME, steps.ID.outputs.NAME or run.id`
      )
    }))
  }
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, one]) => references(one, field === "" ? key : `${field}.${key}`))
}

export type Lookup = (reference: Reference) => Option.Option<Schema.Json>

const write = (value: Schema.Json): string => (typeof value === "string" ? value : JSON.stringify(value))

/**
 * For the path of an API call: what a step answered, or somebody to a question, is one segment of it and never decides which route is
 * called in the name of whoever started the tree. Variables are that one's own text.
 */
export const inPath =
  (lookup: Lookup): Lookup =>
  (found) =>
    found._tag === "Output" ? Option.map(lookup(found), (value) => encodeURIComponent(write(value))) : lookup(found)

/** The value with its placeholders filled in, or the first one that has no value. */
export const render = (value: Schema.Json, lookup: Lookup): Result.Result<Schema.Json, string> => {
  const valueOf = (text: string) => Option.flatMap(reference(text), lookup)
  if (typeof value === "string") {
    const alone = whole.exec(value)
    if (alone !== null) return Result.fromOption(valueOf(alone[1] ?? ""), () => alone[1] ?? "")
    let missing: string | null = null
    const text = value.replaceAll(placeholder, (_, name: string) =>
      Option.match(valueOf(name), {
        onNone: () => {
          missing ??= name
          return ""
        },
        onSome: write
      })
    )
    return missing === null ? Result.succeed(text) : Result.fail(missing)
  }
  if (typeof value !== "object" || value === null) return Result.succeed(value)
  if (Array.isArray(value)) return Result.all(value.map((one: Schema.Json) => render(one, lookup)))
  return Result.map(
    Result.all(
      Object.entries(value).map(([key, one]) => Result.map(render(one, lookup), (rendered) => [key, rendered] as const))
    ),
    (entries) => Object.fromEntries(entries)
  )
}
