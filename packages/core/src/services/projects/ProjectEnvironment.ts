/** The variables that a project's deployments and workspaces get: its credentials, under their names. */
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
