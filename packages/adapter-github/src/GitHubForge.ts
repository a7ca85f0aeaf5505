/**
 * GitHub as a forge: its repositories by its REST API, what is in them by `@rdev/git` over a mirror per project in the data folder.
 * It does not listen: webhooks are told to the platform's own address.
 */
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { ForgeHooks } from "@rdev/core/ports/forge/ForgeHooks"
import { ForgeIssues } from "@rdev/core/ports/forge/ForgeIssues"
import { ForgeNews } from "@rdev/core/ports/forge/ForgeNews"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as Git from "@rdev/git/Git"
import * as Objects from "@rdev/git/GitObjects"
import * as MirrorOf from "@rdev/git/mirror/Mirror"
import { Context, Effect, Layer } from "effect"
import { join } from "node:path"
import * as Access from "./Access.ts"
import * as AppAccess from "./AppAccess.ts"
import * as Client from "./Client.ts"
import { type GitHubFailure, unsupported } from "./GitHubFailure.ts"
import * as GitHubHost from "./GitHubHost.ts"
import * as Issues from "./Issues.ts"
import * as Posts from "./Posts.ts"
import * as Repositories from "./Repositories.ts"

export interface Options {
  readonly dataDir: string
  /** Login of the organisation or person whose repositories they are. */
  readonly owner: string
  readonly credentials: Access.Credentials
  /** Default `https://api.github.com`. */
  readonly url?: string
  /** Of repositories that are made; default private. */
  readonly visibility?: "private" | "public"
  /** How long a look at a repository's branches is believed; default 2 s. */
  readonly freshMillis?: number
  readonly fetch?: typeof fetch
}

export interface Looked {
  readonly account: Access.Account
  readonly allowance: Client.Allowance | null
}
/** In whose name it works and what is left of its allowance, for a slot's health. */
export const GitHubAccount = Context.Reference<{ readonly look: Effect.Effect<Looked, GitHubFailure> }>(
  "rdev/adapter-github/GitHubAccount",
  { defaultValue: () => ({ look: Effect.fail(unsupported("the forge of this installation is not GitHub")) }) }
)

/** The forge's connection, for the slot `ci` of the same installation; null = the forge is none of GitHub's. */
export const Connection = Context.Reference<{
  readonly client: Client.Client
  readonly repositories: Repositories.Repositories
} | null>("rdev/adapter-github/Connection", { defaultValue: () => null })

export const layerNoDeps = (options: Options): Layer.Layer<GitObjects | RepositoryHost, never, Git.GitProgram> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const client = Client.make({
        url: options.url ?? "https://api.github.com",
        ...(options.fetch === undefined ? {} : { fetch: options.fetch })
      })
      const access =
        options.credentials._tag === "App"
          ? AppAccess.make(client, options.owner, options.credentials)
          : Access.make(client, options.owner, options.credentials.token)
      const repositories = Repositories.make(access)
      const mirror = MirrorOf.make(yield* Git.GitProgram, {
        root: join(options.dataDir, "mirrors", "github"),
        remote: repositories.remote,
        news: yield* ForgeNews,
        ...(options.freshMillis === undefined ? {} : { freshMillis: options.freshMillis })
      })
      const objects = yield* Objects.make(mirror)
      const over = { access, repositories, objects, mirror, visibility: options.visibility ?? "private" }
      const host = GitHubHost.make(over)
      let me: string | null = null
      const known = Effect.tap(access.account(), ({ login }) => Effect.sync(() => void (me = login)))
      // What is posted tells deeds of our own apart by it.
      const posts = Posts.make(options.url ?? "https://api.github.com", () => me)
      return Context.make(RepositoryHost, host).pipe(
        Context.add(GitObjects, objects),
        Context.add(ForgeIssues, Issues.make(over)),
        Context.add(ForgeHooks, {
          ...posts,
          read: (posted, secrets) =>
            Effect.andThen(
              me === null ? Effect.forkDetach(Effect.ignore(known)) : Effect.void,
              posts.read(posted, secrets)
            )
        }),
        Context.add(Connection, { client, repositories }),
        Context.add(GitHubAccount, {
          look: Effect.map(Client.soon(access.account(true)), (account) => ({
            account,
            allowance: client.allowance()
          }))
        })
      )
    })
  )
/** Over the git on PATH. */
export const layer = (options: Options) => Layer.provide(layerNoDeps(options), Git.layer)
