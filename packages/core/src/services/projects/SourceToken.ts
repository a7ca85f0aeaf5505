/**
 * The token with which a project's history is read where it lies: kept encrypted from the request until the history has come in. Its name
 * begins with a dot: such credentials are the platform's own, and nothing that runs for the project gets them.
 */
import { Effect, Option, type Redacted } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import { CredentialStore } from "../../ports/stores/CredentialStore.ts"

const name = ".source-token"
export const isPlatforms = (credential: string): boolean => credential.startsWith(".")

export const keep = (projectId: ProjectId, token: Redacted.Redacted) =>
  Effect.flatMap(CredentialStore, (store) => store.put(projectId, name, token))
export const read = (projectId: ProjectId) =>
  Effect.flatMap(CredentialStore, (store) => Effect.map(store.get(projectId, name), Option.getOrNull))
export const forget = (projectId: ProjectId) =>
  Effect.flatMap(CredentialStore, (store) => store.remove(projectId, name))
