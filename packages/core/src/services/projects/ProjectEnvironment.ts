/** The variables that a project's deployments and workspaces get: its credentials, under their names. In the clear, and for people. */
import { Effect, Option, Redacted } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import { CredentialStore } from "../../ports/CredentialStore.ts"

/** Names of the credentials that provisioning stores; each is the name of the variable too. */
export const databaseUrl = "DATABASE_URL"
export const cacheUrl = "CACHE_URL"

/** Values in the clear: for the process that is started with them, not for logs, rows or answers. */
export const variables = Effect.fn("ProjectEnvironment.variables")(function*(projectId: ProjectId) {
  const store = yield* CredentialStore
  const found = yield* Effect.forEach(yield* store.list(projectId), ({ name }) => Effect.map(store.get(projectId, name), (value) => [name, value] as const))
  return Object.fromEntries(found.flatMap(([name, value]) => Option.isSome(value) ? [[name, Redacted.value(value.value)] as const] : []))
})

const hidden = "***"

/** A credential for people: a URL without its password, nothing of anything else. */
export const redacted = (value: string): string => {
  const url = URL.parse(value)
  if (url === null || url.host === "") return hidden
  const login = url.username === "" && url.password === "" ? "" : `${url.username}${url.password === "" ? "" : `:${hidden}`}@`
  return `${url.protocol}//${login}${url.host}${url.pathname}`
}

/** Takes the values, and the passwords in them, out of text that is kept: what a command prints may hold them. */
export const masker = (values: Readonly<Record<string, string>>): (text: string) => string => {
  const secrets = Object.values(values).flatMap((value) => {
    const password = URL.parse(value)?.password ?? ""
    return password.length < 8 ? [value] : [value, password, decodeURIComponent(password)]
  }).filter((secret) => secret !== "").sort((a, b) => b.length - a.length)
  return secrets.length === 0 ? (text) => text : (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, hidden), text)
}

/** Every credential as people may see it. */
export const shown = Effect.fn("ProjectEnvironment.shown")(function*(projectId: ProjectId) {
  const store = yield* CredentialStore
  const values = yield* variables(projectId)
  return (yield* store.list(projectId)).map(({ name, updatedAtMillis }) => ({ name, value: redacted(values[name] ?? ""), updatedAtMillis }))
})
