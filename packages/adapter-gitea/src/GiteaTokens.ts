/**
 * Tokens of one repository. Gitea's own tokens open all that their user may see, so each project has a user of its own (`rdev-…`), which
 * works together on that repository alone. Gitea makes tokens for nobody but who knows the user's password: it is derived from the
 * platform's token, so that every process knows it and nobody keeps it. Gitea's tokens do not expire: when one does is in its name, and
 * `sweep` takes it away then.
 */
import type { ProjectId } from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { Token } from "@rdev/core/ports/infra/RepositoryHost"
import { Clock, Effect, Redacted, Schema } from "effect"
import { createHmac } from "node:crypto"
import * as GiteaClient from "./GiteaClient.ts"
import { fail, type GiteaError, invalid } from "./GiteaError.ts"
import type { Place } from "./GiteaPlace.ts"
import { pathOf } from "./GiteaRepositories.ts"

/** 50 tokens a page. */
const maxPages = 100
const maxTtlSeconds = 366 * 24 * 3600
const Made = Schema.Struct({ sha1: Schema.String })
const Known = Schema.Struct({ id: Schema.Int, name: Schema.String })
const namePattern = /^rdev-(\d{1,16})-[0-9A-Z]{26}$/

export const userOf = (projectId: ProjectId): string => `rdev-${projectId.slice("proj_".length).toLowerCase()}`
const passwordOf = (place: Place, username: string) =>
  Redacted.make(createHmac("sha256", Redacted.value(place.client.token)).update(`user ${username}`).digest("base64url"))
const as = (place: Place, username: string) => ({ username, password: passwordOf(place, username) })
const tokensOf = (username: string) => `/users/${username}/tokens`

/** The project's user, with the password that this platform's token makes of its name. */
const ensureUser = Effect.fnUntraced(function* (place: Place, username: string) {
  const { isAdmin } = yield* place.owner
  if (!isAdmin)
    return yield* fail({
      _tag: "Unsupported",
      message:
        "tokens of one repository need a user of its own, which only an administrator of the forge makes; give rdev the token of one (docs/adapters/gitea.md)"
    })
  const password = Redacted.value(passwordOf(place, username))
  const made = yield* place.client.call("POST", "/admin/users", {
    accept: [201, 422],
    body: {
      username,
      password,
      email: `${username}@noreply.invalid`,
      must_change_password: false,
      restricted: true,
      visibility: "private",
      send_notify: false
    }
  })
  // It is there: with this password, unless the platform's token is another by now.
  if (made.status === 422)
    yield* place.client.call("PATCH", `/admin/users/${username}`, {
      body: { source_id: 0, login_name: username, password, must_change_password: false }
    })
})

/** Of a user that is not there, or whose password is another, none. */
const known = Effect.fnUntraced(function* (place: Place, username: string) {
  const found: Array<typeof Known.Type> = []
  for (let page = 1; page <= maxPages; page++) {
    const { json, status } = yield* place.client.call("GET", tokensOf(username), {
      accept: [200, 401, 404],
      as: as(place, username),
      query: { page, limit: 50 }
    })
    if (status !== 200) return found
    const rows = yield* GiteaClient.decode(Schema.Array(Known), tokensOf(username))(json)
    found.push(...rows)
    if (rows.length < 50) return found
  }
  return found
})
const drop = (place: Place, username: string, id: number) =>
  place.client.call("DELETE", `${tokensOf(username)}/${id}`, { accept: [204, 404], as: as(place, username) })

/** When a token ends, as its name says; one that is not ours to end has no such name. */
export const endOf = (name: string): number | null => {
  const found = namePattern.exec(name)?.[1]
  return found === undefined ? null : Number(found)
}

/** Takes away those that have ended. */
export const sweep = Effect.fn("GiteaTokens.sweep")(function* (place: Place, projectId: ProjectId) {
  const username = userOf(projectId)
  const now = yield* Clock.currentTimeMillis
  const over = (yield* known(place, username)).filter(({ name }) => (endOf(name) ?? Number.POSITIVE_INFINITY) <= now)
  yield* Effect.forEach(over, ({ id }) => drop(place, username, id))
  return over.length
})

export const issue = Effect.fn("GiteaTokens.issue")(function* (
  place: Place,
  target: RepositoryTarget,
  access: "read" | "write",
  ttlSeconds: number
) {
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > maxTtlSeconds)
    return yield* invalid("ttlSeconds", `expected a whole number of seconds from 1 to ${maxTtlSeconds}`)
  const path = pathOf((yield* place.at(target)).found)
  const username = userOf(target.projectId)
  const expiresAtMillis = (yield* Clock.currentTimeMillis) + ttlSeconds * 1000
  const make = Effect.flatMap(NewId.ulid, (id) =>
    place.client.call("POST", tokensOf(username), {
      as: as(place, username),
      body: { name: `rdev-${expiresAtMillis}-${id}`, scopes: [`${access}:repository`] }
    })
  )
  const { json } = yield* make.pipe(
    Effect.catchIf(
      ({ reason }: GiteaError) => reason._tag === "Unauthorized" || reason._tag === "NotFound",
      () =>
        ensureUser(place, username).pipe(
          Effect.andThen(
            place.client.call("PUT", `${path}/collaborators/${username}`, { body: { permission: "write" } })
          ),
          Effect.andThen(make)
        )
    )
  )
  const { sha1 } = yield* GiteaClient.decode(Made, tokensOf(username))(json)
  return { token: Redacted.make(sha1), username, expiresAtMillis } satisfies Token
})

export const revokeAll = Effect.fn("GiteaTokens.revokeAll")(function* (place: Place, target: RepositoryTarget) {
  yield* place.at(target)
  const username = userOf(target.projectId)
  yield* Effect.forEach(yield* known(place, username), ({ id }) => drop(place, username, id))
})

/** The project's user and all of its tokens. */
export const removeUser = (place: Place, projectId: ProjectId) =>
  place.client.call("DELETE", `/admin/users/${userOf(projectId)}`, {
    query: { purge: "true" },
    accept: [204, 403, 404]
  })
