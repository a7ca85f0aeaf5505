/** The admin key of a first start: made when no key exists, written to the data folder for the CLI, and shown this once. */
import { Redaction } from "@rdev/core/services/redaction/Redaction"
import * as Effect from "effect/Effect"
import { ApiKeys } from "./ApiKeys.ts"
import * as KeyFiles from "./KeyFiles.ts"

/** The new key, or null when there are keys already. */
export const ensure = Effect.fn("FirstKey.ensure")(function* (dataDir: string) {
  const keys = yield* ApiKeys
  const live = (yield* keys.list).filter(
    (key) => key.revokedAtMillis === null && key.scopes.includes("admin") && key.projects === null
  )
  if (live.length > 0) return null
  const { key } = yield* keys.create({
    name: "admin",
    type: "human",
    scopes: ["admin"],
    projects: null,
    cidrs: [],
    expiresAtMillis: null
  })
  yield* (yield* Redaction).learn(null, [key])
  yield* KeyFiles.writeAdminKey(dataDir, key)
  return { key, file: KeyFiles.adminKeyFile(dataDir) }
})
