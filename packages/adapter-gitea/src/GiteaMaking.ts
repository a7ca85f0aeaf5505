/** How a project's repository begins and ends: made and seeded, or taken over and let go. Every step may be run twice. */
import { type BranchName, type RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import type { Seed } from "@rdev/core/ports/infra/RepositoryHost"
import type { Mirror } from "@rdev/git/mirror/Mirror"
import { Effect } from "effect"
import * as GiteaClient from "./GiteaClient.ts"
import { fail, foreign } from "./GiteaError.ts"
import type { Place } from "./GiteaPlace.ts"
import * as Repositories from "./GiteaRepositories.ts"
import * as GiteaTokens from "./GiteaTokens.ts"

export interface Over {
  readonly place: Place
  readonly git: GitObjects["Service"]
  readonly mirror: Mirror
}

const author = { name: "rdev", email: "rdev@localhost" }

/** Empty where a crash came between the repository and its first commit. */
const seedInto = Effect.fnUntraced(function* (
  { git }: Over,
  target: RepositoryTarget,
  { defaultBranch, files, message }: Seed
) {
  if (files === null) return
  yield* git.commit(target, { branch: defaultBranch, expectedHead: null, changes: files, message, author }).pipe(
    Effect.asVoid,
    Effect.catchIf(
      ({ reason }) => reason._tag === "Conflict",
      () => Effect.void
    ),
    Effect.mapError(({ reason }) => fail(reason))
  )
})

const make = Effect.fnUntraced(function* ({ place }: Over, target: RepositoryTarget, defaultBranch: BranchName) {
  const { isOrganisation, name } = yield* place.owner
  const path = isOrganisation ? `/orgs/${encodeURIComponent(name)}/repos` : "/user/repos"
  const { status } = yield* place.client.call("POST", path, {
    accept: [201, 409],
    body: {
      name: target.name,
      private: true,
      auto_init: false,
      default_branch: defaultBranch,
      description: Repositories.described("", target.projectId, false)
    }
  })
  return status === 201
})

/** For people who look for what rdev keeps; what decides is the description. */
const label = (place: Place, { found }: Repositories.Ours, there: boolean) =>
  place.client.call(there ? "PUT" : "DELETE", `${Repositories.pathOf(found)}/topics/${Repositories.topic}`, {
    accept: [204, 404]
  })

export const ensure = Effect.fn("GiteaMaking.ensure")(function* (over: Over, target: RepositoryTarget, seed: Seed) {
  const { place } = over
  const { name } = yield* place.owner
  const before = yield* Repositories.observe(place.client, name, target)
  const created = before === null && (yield* make(over, target, seed.defaultBranch))
  const ours = yield* place.at(target, true)
  if (ours.found.empty) yield* seedInto(over, target, seed)
  if (created || ours.found.empty) yield* label(place, ours, true)
  return Repositories.view(ours, created)
})

const setDescription = (place: Place, found: Repositories.Found, description: string) =>
  Effect.flatMap(place.client.call("PATCH", Repositories.pathOf(found), { body: { description } }), ({ json }) =>
    GiteaClient.decode(Repositories.Found, found.full_name)(json)
  )

export const adopt = Effect.fn("GiteaMaking.adopt")(function* (
  { place }: Over,
  target: RepositoryTarget,
  externalId: string
) {
  const found = yield* Repositories.byExternalId(place.client, externalId)
  const before = Repositories.read(found)
  if (before !== null && before.projectId !== target.projectId)
    return yield* foreign(`${found.full_name} belongs to ${before.projectId}`)
  if (before === null)
    yield* setDescription(place, found, Repositories.described(found.description, target.projectId, true))
  const ours = yield* place.at(target, true)
  yield* label(place, ours, true)
  return Repositories.view(ours, false)
})

export const release = Effect.fn("GiteaMaking.release")(function* ({ mirror, place }: Over, target: RepositoryTarget) {
  const ours = yield* place.at(target, true)
  if (!ours.adopted)
    return yield* fail({ _tag: "Unsupported", message: `${ours.found.full_name} was made by rdev and not adopted` })
  yield* GiteaTokens.removeUser(place, target.projectId)
  yield* label(place, ours, false)
  yield* setDescription(place, ours.found, Repositories.described(ours.found.description, null, false))
  place.forget(target.projectId)
  yield* Effect.mapError(mirror.forget(target.projectId), ({ reason }) => fail(reason))
})

export const remove = Effect.fn("GiteaMaking.remove")(function* (over: Over, target: RepositoryTarget) {
  const { mirror, place } = over
  const { name } = yield* place.owner
  const ours = yield* Repositories.observe(place.client, name, target)
  if (ours?.adopted === true) return yield* release(over, target)
  if (ours !== null) {
    yield* place.client.call("DELETE", Repositories.pathOf(ours.found), { accept: [204, 404] })
  }
  yield* GiteaTokens.removeUser(place, target.projectId)
  place.forget(target.projectId)
  yield* Effect.mapError(mirror.forget(target.projectId), ({ reason }) => fail(reason))
})
