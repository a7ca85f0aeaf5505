/**
 * The paths by which outputs are taken from an answer: `$`, `$.name`, `$['any name']`, `$[0]`, `$[-1]`, and any row of them. No wild cards,
 * filters or scripts: a path names exactly one value.
 */
import { Option, type Schema } from "effect"

const segment = /^(?:\.([A-Za-z_][A-Za-z0-9_-]*)|\[(-?\d{1,9})\]|\['([^'\\]{1,200})'\])/

export type Path = ReadonlyArray<string | number>

/** None when it is not such a path. */
export const parse = (text: string): Option.Option<Path> => {
  if (!text.startsWith("$")) return Option.none()
  const path: Array<string | number> = []
  let rest = text.slice(1)
  while (rest !== "") {
    const found = segment.exec(rest)
    if (found === null) return Option.none()
    path.push(found[2] === undefined ? (found[1] ?? found[3] ?? "") : Number(found[2]))
    rest = rest.slice(found[0].length)
  }
  return Option.some(path)
}

const isRecord = (value: unknown): value is Readonly<Record<string, Schema.Json>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const isList = (value: unknown): value is ReadonlyArray<Schema.Json> => Array.isArray(value)

export const at = (value: Schema.Json, path: Path): Option.Option<Schema.Json> => {
  let here: Schema.Json | undefined = value
  for (const key of path) {
    if (typeof key === "number") here = isList(here) ? here.at(key) : undefined
    else here = isRecord(here) && Object.hasOwn(here, key) ? here[key] : undefined
    if (here === undefined) return Option.none()
  }
  return Option.some(here)
}
