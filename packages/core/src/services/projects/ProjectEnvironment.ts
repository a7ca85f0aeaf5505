/** The variables that a project's deployments and workspaces get: its credentials, under their names. In the clear, and for people. */
import { Effect, Option, Redacted } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import { CredentialStore } from "../../ports/stores/CredentialStore.ts"
import { isUnreadable } from "../../ports/stores/StoreError.ts"
import { Redaction } from "../redaction/Redaction.ts"

/** Names of the credentials that provisioning stores; each is the name of the variable too. */
export const databaseUrl = "DATABASE_URL"
export const cacheUrl = "CACHE_URL"

/** Values in the clear: for the process that is started with them, not for logs, rows or answers, which mask them from here on. */
export const variables = Effect.fn("ProjectEnvironment.variables")(function* (projectId: ProjectId) {
  const store = yield* CredentialStore
  const found = yield* Effect.forEach(yield* store.list(projectId), ({ name }) =>
    Effect.map(store.get(projectId, name), (value) => [name, value] as const)
  )
  const values = found.flatMap(([name, value]) =>
    Option.isSome(value) ? [[name, Redacted.value(value.value)] as const] : []
  )
  yield* (yield* Redaction).learn(
    projectId,
    values.map(([, value]) => value)
  )
  return Object.fromEntries(values)
})

const hidden = "***"

/** A credential for people: a URL without its password, nothing of anything else. */
export const redacted = (value: string): string => {
  const url = URL.parse(value)
  if (url === null || url.host === "") return hidden
  const login =
    url.username === "" && url.password === "" ? "" : `${url.username}${url.password === "" ? "" : `:${hidden}`}@`
  return `${url.protocol}//${login}${url.host}${url.pathname}`
}

/** Instead of one that is damaged; what is wrong with it stands in the project's conditions. */
const unreadable = "(cannot be read)"

/** Every credential as people may see it. */
export const shown = Effect.fn("ProjectEnvironment.shown")(function* (projectId: ProjectId) {
  const store = yield* CredentialStore
  const found = yield* Effect.forEach(yield* store.list(projectId), ({ name, updatedAtMillis }) =>
    store.get(projectId, name).pipe(
      Effect.map((value) => ({ name, value: Option.map(value, Redacted.value), updatedAtMillis })),
      Effect.catchIf(isUnreadable, () => Effect.succeed({ name, value: null, updatedAtMillis }))
    )
  )
  yield* (yield* Redaction).learn(
    projectId,
    found.flatMap(({ value }) => (value === null ? [] : Option.toArray(value)))
  )
  return found.map(({ name, updatedAtMillis, value }) => ({
    name,
    value: value === null ? unreadable : redacted(Option.getOrElse(value, () => "")),
    updatedAtMillis
  }))
})
