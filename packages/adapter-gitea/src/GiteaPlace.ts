/** What all verbs work over: the client, whose repositories they are, and where each project's lies, remembered for half a minute. */
import { BranchName, type RepositoryTarget, type Sha } from "@rdev/core/ports/infra/Forge"
import { GitError } from "@rdev/git/GitError"
import type { Mirror } from "@rdev/git/mirror/Mirror"
import { Effect, Schema } from "effect"
import * as GiteaClient from "./GiteaClient.ts"
import { type GiteaError, notFound } from "./GiteaError.ts"
import * as GiteaRepositories from "./GiteaRepositories.ts"

const Me = Schema.Struct({ login: Schema.String, is_admin: Schema.Boolean })
const Version = Schema.Struct({ version: Schema.String })

export interface Owner {
  /** An organisation, or the token's own user. */
  readonly name: string
  readonly isOrganisation: boolean
  /** Who the token belongs to. */
  readonly me: string
  readonly isAdmin: boolean
}
export interface Place {
  readonly client: GiteaClient.GiteaClient
  readonly owner: Effect.Effect<Owner, GiteaError>
  /** Login that the token belongs to; null until it was asked for. */
  readonly me: () => string | null
  /** The project's repository; NotFound, Foreign. Not asked for again for half a minute, unless `anew`. */
  readonly at: (target: RepositoryTarget, anew?: boolean) => Effect.Effect<GiteaRepositories.Ours, GiteaError>
  readonly forget: (projectId: string) => void
}

const believedMillis = 30_000
/** Of projects; the oldest is forgotten first. */
const maxRemembered = 2_000

export const version = (client: GiteaClient.GiteaClient, timeoutMillis: number) =>
  Effect.flatMap(client.call("GET", "/version", { timeoutMillis }), ({ json }) =>
    GiteaClient.decode(Version, "/version")(json)
  )

/** Asked at the first use and not at the start: a server starts while its forge is away. */
const ownerOf = (client: GiteaClient.GiteaClient, organisation: string | undefined) => {
  let known: Owner | null = null
  const owner = Effect.suspend(() =>
    known !== null
      ? Effect.succeed(known)
      : Effect.gen(function* () {
          const { json } = yield* client.call("GET", "/user")
          const { is_admin, login } = yield* GiteaClient.decode(Me, "/user")(json)
          known = {
            name: organisation ?? login,
            isOrganisation: organisation !== undefined,
            me: login,
            isAdmin: is_admin
          }
          return known
        })
  )
  return { owner, me: () => known?.me ?? null }
}

export const make = (options: GiteaClient.Options & { readonly organisation?: string | undefined }): Place => {
  const client = GiteaClient.make(options)
  const { me, owner } = ownerOf(client, options.organisation)
  const known = new Map<string, { readonly ours: GiteaRepositories.Ours; readonly until: number }>()
  const at: Place["at"] = (target, anew = false) =>
    Effect.gen(function* () {
      const found = known.get(target.projectId)
      if (!anew && found !== undefined && performance.now() < found.until) return found.ours
      const ours = yield* GiteaRepositories.observe(client, (yield* owner).name, target)
      known.delete(target.projectId)
      if (ours === null) return yield* notFound(`repository ${target.name} does not exist`)
      known.set(target.projectId, { ours, until: performance.now() + believedMillis })
      const [oldest] = known.keys()
      if (known.size > maxRemembered && oldest !== undefined) known.delete(oldest)
      return ours
    })
  return { client, owner, me, at, forget: (projectId) => void known.delete(projectId) }
}

/** For `@rdev/git`, which knows its own failure only. */
export const asGitError = <A, R>(work: Effect.Effect<A, GiteaError, R>): Effect.Effect<A, GitError, R> =>
  Effect.mapError(work, ({ reason }) => new GitError({ reason }))

export const isBranch = Schema.is(BranchName)
export type { Mirror, Sha }
