/** The installation's own secrets: what its variables hold, and its key files. They are masked wherever text is kept. */
import * as Secrets from "@rdev/core/redaction/Secrets"
import { readFileSync } from "node:fs"
import * as KeyFiles from "../keys/KeyFiles.ts"

type Variables = Readonly<Record<string, string | undefined>>

/** By the variable's name; of rdev's own variables also by their look. */
export const ofVariables = (env: Variables): ReadonlyArray<string> =>
  Object.entries(env).flatMap(([name, value = ""]) => {
    if (Secrets.isSecretName(name) || (URL.parse(value)?.password ?? "") !== "") return [value]
    if (name === "RDEV_AGENTS") return Secrets.partsOf(value).filter((part) => part !== value.trim())
    return name.startsWith("RDEV_") && Secrets.looksSecret(value) ? [value] : []
  })

/** A key that is written as digits is its bytes as well: who prints these, prints it. */
const withBytes = (text: string): ReadonlyArray<string> => {
  const bytes = /^[0-9a-f]{32,}$/i.test(text)
    ? Buffer.from(text, "hex")
    : /^[0-9a-z+/_-]{40,}={0,2}$/i.test(text)
      ? Buffer.from(text, "base64")
      : null
  return bytes === null ? [text] : [text, bytes.toString("hex"), bytes.toString("base64")]
}

const read = (path: string): ReadonlyArray<string> => {
  try {
    const bytes = readFileSync(path)
    const text = bytes.toString("utf8").trim()
    // No text: its digits are what can be printed of it.
    return text.includes("\ufffd") ? [bytes.toString("hex"), bytes.toString("base64")] : withBytes(text)
  } catch (cause) {
    // Not made yet: a key of this installation is known by its look, a file that is made later stays in this process.
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return []
    throw cause
  }
}

export const all = (dataDir: string, env: Variables): ReadonlyArray<string> => [
  ...ofVariables(env),
  ...KeyFiles.secretFiles(dataDir).flatMap(read)
]
