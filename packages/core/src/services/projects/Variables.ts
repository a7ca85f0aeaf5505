/**
 * The variables that what runs for a project gets: the credentials of the project, which all of its environments share, and those of the
 * one environment, under their names. In the clear for processes, and redacted for people.
 */
import { Effect, Option, Redacted } from "effect"
import type { Environment } from "../../domain/Environment.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import type { OwnerId } from "../../domain/Owner.ts"
import { CredentialStore } from "../../ports/stores/CredentialStore.ts"
import { EnvironmentStore } from "../../ports/stores/EnvironmentStore.ts"
import { isUnreadable } from "../../ports/stores/StoreError.ts"
import * as Environments from "./Environments.ts"
import { Redaction } from "../redaction/Redaction.ts"
import { isPlatforms } from "./SourceToken.ts"

export type Needs = CredentialStore | EnvironmentStore

const valuesOf = Effect.fnUntraced(function* (owner: OwnerId) {
  const store = yield* CredentialStore
  const found = yield* Effect.forEach(yield* store.list(owner), ({ name }) =>
    Effect.map(store.get(owner, name), (value) => [name, value] as const)
  )
  return found.flatMap(([name, value]) => (Option.isSome(value) ? [[name, Redacted.value(value.value)] as const] : []))
})

/** Later owners stand above earlier ones. */
const together = Effect.fnUntraced(function* (projectId: ProjectId, owners: ReadonlyArray<OwnerId>) {
  const values = (yield* Effect.forEach(owners, valuesOf)).flat()
  yield* (yield* Redaction).learn(
    projectId,
    values.map(([, value]) => value)
  )
  return Object.fromEntries(values.filter(([name]) => !isPlatforms(name)))
})

const named = (projectId: ProjectId, name: string) =>
  Effect.map(
    Effect.flatMap(EnvironmentStore, (store) => store.ofProjects([projectId])),
    (all) => all.filter((one) => one.name === name).map(({ id }) => id)
  )

/** Values in the clear: for the process that is started with them, not for logs, rows or answers, which mask them from here on. */
export const ofProject = Effect.fn("Variables.ofProject")(function* (projectId: ProjectId) {
  return yield* together(projectId, [projectId])
})
/** Of what is released to the environment. */
export const ofEnvironment = Effect.fn("Variables.ofEnvironment")(function* (projectId: ProjectId, name: string) {
  return yield* together(projectId, [projectId, ...(yield* named(projectId, name))])
})
/** Of workspaces and the commands in them: what staging has, and nothing that is production's alone. */
export const ofWorkspaces = (projectId: ProjectId) => ofEnvironment(projectId, "staging")

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

const shownOf = Effect.fnUntraced(function* (projectId: ProjectId, owner: OwnerId, environment: string | null) {
  const store = yield* CredentialStore
  const listed = (yield* store.list(owner)).filter(({ name }) => !isPlatforms(name))
  const found = yield* Effect.forEach(listed, ({ name, updatedAtMillis }) =>
    store.get(owner, name).pipe(
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
    environment,
    value: value === null ? unreadable : redacted(Option.getOrElse(value, () => "")),
    updatedAtMillis
  }))
})

/** Every credential as people may see it: those that all environments share (environment null), then those of each. */
export const shown = Effect.fn("Variables.shown")(function* (projectId: ProjectId) {
  const environments = Environments.sorted(yield* (yield* EnvironmentStore).ofProjects([projectId]))
  const shared = yield* shownOf(projectId, projectId, null)
  const own = yield* Effect.forEach(environments, ({ id, name }) => shownOf(projectId, id, name))
  return [...shared, ...own.flat()]
})

/** Names alone, without a look at the values. */
export const namesOf = Effect.fn("Variables.namesOf")(function* ({
  id,
  projectId
}: Pick<Environment, "id" | "projectId">) {
  const store = yield* CredentialStore
  const found = yield* Effect.forEach([projectId, id], (owner) => store.list(owner))
  return [...new Set(found.flat().map(({ name }) => name))].filter((name) => !isPlatforms(name)).sort()
})
