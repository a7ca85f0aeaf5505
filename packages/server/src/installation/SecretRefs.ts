/**
 * Secrets of a configuration are only named in it: `{ env: VARIABLE }` or `{ file: PATH }`. Here such a reference becomes the secret, and
 * anything else that stands where a secret belongs is refused without being repeated.
 */
import * as Redacted from "effect/Redacted"
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { type Fault, fault } from "./Fault.ts"
import { join } from "./PlatformYaml.ts"

export interface Source {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Relative paths of files are below this folder. */
  readonly folder: string
  readonly lineOf: (path: string) => number | null
}

const maxBytes = 65_536
const example = "{ env: VARIABLE } or { file: PATH }"

const ofVariable = (name: unknown, path: string, { env, lineOf }: Source): Redacted.Redacted<string> | Fault => {
  const line = lineOf(path)
  if (typeof name !== "string" || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    return fault(path, line, "this is not the name of an environment variable", "Write a name such as GITEA_TOKEN")
  const value = env[name]?.trim() ?? ""
  return value === ""
    ? fault(
        path,
        line,
        `the environment variable ${name} is not set`,
        `Set ${name} for the server, or name another one`
      )
    : Redacted.make(value)
}

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : cause instanceof Error ? cause.name : "unknown"
const reasons: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EISDIR: "is a folder",
  EACCES: "may not be read by this user",
  ENOTDIR: "lies below a file"
}

const ofFile = (name: unknown, path: string, { folder, lineOf }: Source): Redacted.Redacted<string> | Fault => {
  const line = lineOf(path)
  if (typeof name !== "string" || name.trim() === "" || name.includes("\0"))
    return fault(path, line, "this is not the path of a file", "Write a path such as /run/secrets/token")
  const file = resolve(folder, name)
  const wrong = (problem: string) =>
    fault(
      path,
      line,
      `${file} ${problem}`,
      "Write the secret into that file, readable for the server, or name another one"
    )
  try {
    const bytes = readFileSync(file)
    if (bytes.byteLength > maxBytes) return wrong(`has more than ${maxBytes} bytes`)
    const value = bytes.toString("utf8").trim()
    return value === "" ? wrong("is empty") : Redacted.make(value)
  } catch (cause) {
    return wrong(reasons[codeOf(cause)] ?? `cannot be read (${codeOf(cause)})`)
  }
}

/** `value`: what the file says where a secret belongs. */
export const resolveSecret = (value: unknown, path: string, source: Source): Redacted.Redacted<string> | Fault => {
  const line = source.lineOf(path)
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return value === null
      ? fault(path, line, "the reference to a secret is missing", `Write ${example}`)
      : fault(
          path,
          line,
          "a secret is not written into this file",
          `Write ${example}, and consider what stands here known to everybody who could read the file`
        )
  const keys = Object.keys(value)
  const [key] = keys
  if (keys.length !== 1 || (key !== "env" && key !== "file"))
    return fault(path, line, "a reference to a secret has exactly one key, env or file", `Write ${example}`)
  const inner = Reflect.get(value, key)
  return key === "env" ? ofVariable(inner, join(path, key), source) : ofFile(inner, join(path, key), source)
}
