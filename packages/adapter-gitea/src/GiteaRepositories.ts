/**
 * Repositories of one organisation (or user), each marked as a project's by the end of its description, `[rdev:<project id>]`, which is
 * written with its creation; the topic `rdev` is for people who look for them. What has no mark, or another project's, is never touched.
 */
import { ProjectId } from "@rdev/core/domain/Ids"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { Repository } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Schema } from "effect"
import * as GiteaClient from "./GiteaClient.ts"
import { fail, foreign, type GiteaError, notFound } from "./GiteaError.ts"

export const Found = Schema.Struct({
  id: Schema.Int,
  name: Schema.String,
  full_name: Schema.String,
  description: Schema.String,
  empty: Schema.Boolean,
  default_branch: Schema.String,
  clone_url: Schema.String,
  /** Actions are a unit of a repository; not said by a server without them. */
  has_actions: Schema.optionalKey(Schema.Boolean),
  created_at: Schema.String
})
export type Found = typeof Found.Type

/** A repository that is the project's. */
export interface Ours {
  readonly found: Found
  readonly projectId: ProjectId
  readonly adopted: boolean
}

export const topic = "rdev"
const mark = /\s*\[rdev:(proj_[0-9A-Z]{26})(:adopted)?\]\s*$/
const isProjectId = Schema.is(ProjectId)

export const read = (found: Found): Ours | null => {
  const [, projectId, adopted] = mark.exec(found.description) ?? []
  return projectId !== undefined && isProjectId(projectId) ? { found, projectId, adopted: adopted !== undefined } : null
}
/** The description that people wrote, with the mark behind it; null takes the mark away. */
export const described = (description: string, projectId: ProjectId | null, adopted: boolean): string => {
  const own = description.replace(mark, "")
  if (projectId === null) return own
  return `${own.slice(0, 1900)}${own === "" ? "" : " "}[rdev:${projectId}${adopted ? ":adopted" : ""}]`
}

/** Path of a repository in the API. */
export const pathOf = ({ full_name }: Found): string =>
  `/repos/${full_name.split("/").map(encodeURIComponent).join("/")}`
export const view = ({ found }: Ours, created: boolean): Repository => ({
  externalId: String(found.id),
  cloneUrl: found.clone_url,
  defaultBranch: found.default_branch,
  created
})

/** The repository of a name, also where it was renamed: then Gitea says where it is now, until the name is taken again. */
export const byName = Effect.fn("GiteaRepositories.byName")(function* (
  client: GiteaClient.GiteaClient,
  owner: string,
  name: string
) {
  const path = `/repos/${encodeURIComponent(owner)}/${encodeURIComponent(name)}`
  const decoded = GiteaClient.decode(Found, path)
  const first = yield* client.call("GET", path, { accept: [200, 301, 307, 404] })
  if (first.status === 404) return null
  if (first.status === 200) return yield* decoded(first.json)
  const at = first.location === null ? null : new URL(first.location, `${client.url}/`)
  const api = new URL(`${client.url}/api/v1`)
  if (at === null || at.origin !== api.origin || !at.pathname.startsWith(`${api.pathname}/`))
    return yield* fail({ _tag: "Unavailable", message: `Gitea sends ${path} to another server` })
  const next = yield* client.call("GET", at.pathname.slice(api.pathname.length), { accept: [200, 404] })
  return next.status === 404 ? null : yield* decoded(next.json)
})

export const list = (client: GiteaClient.GiteaClient, owner: string, isOrganisation: boolean) =>
  Effect.map(client.all(`/${isOrganisation ? "orgs" : "users"}/${encodeURIComponent(owner)}/repos`, Found), (found) =>
    found.flatMap((one) => read(one) ?? [])
  )

const Search = Schema.Struct({ data: Schema.Array(Found) })
/** By the mark, whatever it is called. */
const byMark = Effect.fn("GiteaRepositories.byMark")(function* (client: GiteaClient.GiteaClient, projectId: ProjectId) {
  const { json } = yield* client.call("GET", "/repos/search", {
    query: { q: projectId, includeDesc: "true", limit: 50 }
  })
  const { data } = yield* GiteaClient.decode(Search, "/repos/search")(json)
  return data.flatMap((one) => read(one) ?? []).find((one) => one.projectId === projectId) ?? null
})

/** The project's repository; null when there is none. Foreign when another has its name. */
export const observe = Effect.fn("GiteaRepositories.observe")(function* (
  client: GiteaClient.GiteaClient,
  owner: string,
  { name, projectId }: RepositoryTarget
) {
  const there = yield* byName(client, owner, name)
  const ours = there === null ? null : read(there)
  if (ours?.projectId === projectId) return ours
  // Somebody renamed it and gave its name to another, or it was adopted under its own name.
  const elsewhere = yield* byMark(client, projectId)
  if (elsewhere !== null) return elsewhere
  if (there === null) return null
  return yield* foreign(
    ours === null
      ? `${there.full_name} exists at the forge and was not made by rdev; rename it, choose another project name, or adopt it`
      : `${there.full_name} belongs to ${ours.projectId}`
  )
})

/** By its number, or as `owner/name`. */
export const byExternalId = (client: GiteaClient.GiteaClient, externalId: string): Effect.Effect<Found, GiteaError> => {
  const [owner = "", name = "", ...more] = externalId.split("/")
  const asked = /^\d{1,15}$/.test(externalId)
    ? client.find(`/repositories/${externalId}`, Found)
    : owner !== "" && name !== "" && more.length === 0
      ? byName(client, owner, name)
      : Effect.succeed(null)
  return Effect.flatMap(asked, (found) =>
    found === null
      ? Effect.fail(notFound(`there is no repository ${externalId} at the forge that the token may see`))
      : Effect.succeed(found)
  )
}
