/**
 * A Gitea (or Forgejo) server as rdev's forge: `RepositoryHost` over its REST API, `GitObjects` over mirrors of its repositories in the
 * data folder. It does not make the organisation, and touches no repository without its mark.
 */
import { ForgeError } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { ForgeHooks } from "@rdev/core/ports/forge/ForgeHooks"
import { ForgeIssues } from "@rdev/core/ports/forge/ForgeIssues"
import { ForgeNews } from "@rdev/core/ports/forge/ForgeNews"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as Git from "@rdev/git/Git"
import type { GitError } from "@rdev/git/GitError"
import * as Objects from "@rdev/git/GitObjects"
import * as Mirror from "@rdev/git/mirror/Mirror"
import { Context, Duration, Effect, Layer, Option, type Redacted, Schedule } from "effect"
import { join } from "node:path"
import type { GiteaError } from "./GiteaError.ts"
import * as GiteaHooks from "./GiteaHooks.ts"
import * as GiteaIssues from "./GiteaIssues.ts"
import * as GiteaPosts from "./GiteaPosts.ts"
import * as Making from "./GiteaMaking.ts"
import * as Place from "./GiteaPlace.ts"
import * as GiteaPulls from "./GiteaPulls.ts"
import * as Repositories from "./GiteaRepositories.ts"
import * as GiteaSpeech from "./GiteaSpeech.ts"
import * as GiteaTokens from "./GiteaTokens.ts"

export interface Options {
  /** Mirrors lie in `<dataDir>/gitea`. */
  readonly dataDir: string
  /** Where people reach Gitea, without a trailing slash. */
  readonly url: string
  readonly token: Redacted.Redacted
  /** Left out: the token's own user. */
  readonly organisation?: string | undefined
}

/** The forge's connection, for a slot of the same installation that works at the same server; null = the forge is none of Gitea's. */
export const Connection = Context.Reference<Place.Place | null>("rdev/adapter-gitea/Connection", {
  defaultValue: () => null
})

/** How often tokens that have ended are taken away. */
const sweepInterval = Duration.minutes(10)

const verb = <A>(operation: string, work: Effect.Effect<A, GiteaError>): Effect.Effect<A, ForgeError> =>
  work.pipe(
    Effect.mapError(
      (failure) =>
        new ForgeError({ operation: `RepositoryHost.${operation}`, reason: failure.reason, cause: failure.answer })
    ),
    Effect.withSpan(`RepositoryHost.${operation}`)
  )

const list = Effect.fnUntraced(function* (place: Place.Place) {
  const { isOrganisation, name } = yield* place.owner
  return yield* Repositories.list(place.client, name, isOrganisation)
})

const host = (over: Making.Over): RepositoryHost["Service"] => {
  const { git, mirror, place } = over
  return RepositoryHost.of({
    ensure: (target, seed) => verb("ensure", Making.ensure(over, target, seed)),
    adopt: (target, externalId) => verb("adopt", Making.adopt(over, target, externalId)),
    release: (target) => verb("release", Making.release(over, target)),
    observe: (target) =>
      verb(
        "observe",
        Effect.flatMap(place.owner, ({ name }) =>
          Effect.map(Repositories.observe(place.client, name, target), (ours) =>
            ours === null ? Option.none() : Option.some(Repositories.view(ours, false))
          )
        )
      ),
    remove: (target) => verb("remove", Making.remove(over, target)),
    list: verb(
      "list",
      Effect.map(list(place), (all) =>
        all.map(({ found, projectId }) => ({
          projectId,
          externalId: String(found.id),
          createdAtMillis: Date.parse(found.created_at)
        }))
      )
    ),
    issueToken: (target, access, ttlSeconds) =>
      verb("issueToken", GiteaTokens.issue(place, target, access, ttlSeconds)),
    revokeTokens: (target) => verb("revokeTokens", GiteaTokens.revokeAll(place, target)),
    ensurePullRequest: (target, request) => verb("ensurePullRequest", GiteaPulls.ensure(place, target, request)),
    pullRequest: (target, number) => verb("pullRequest", GiteaPulls.get(place, target, number)),
    setPullRequestState: (target, number, state) =>
      verb("setPullRequestState", GiteaPulls.setState(place, target, number, state)),
    mergePullRequest: (target, number, expectedHead) =>
      verb(
        "mergePullRequest",
        Effect.ensuring(GiteaPulls.merge(place, git, target, number, expectedHead), mirror.invalidate(target.projectId))
      ),
    setStatus: (target, sha, status) => verb("setStatus", GiteaSpeech.setStatus(place, target, sha, status)),
    statuses: (target, sha) => verb("statuses", GiteaSpeech.statuses(place, target, sha)),
    ensureComment: (target, number, comment) =>
      verb("ensureComment", GiteaSpeech.ensureComment(place, target, number, comment)),
    comments: (target, number) => verb("comments", GiteaSpeech.comments(place, target, number)),
    ensureWebhook: (target, webhook) => verb("ensureWebhook", GiteaHooks.ensure(place, target, webhook)),
    removeWebhook: (target, url) => verb("removeWebhook", GiteaHooks.remove(place, target, url)),
    webhooks: (target) => verb("webhooks", GiteaHooks.list(place, target)),
    protect: (target, protection) => verb("protect", GiteaHooks.protect(place, target, protection))
  })
}

const sweeping = (place: Place.Place) =>
  Effect.flatMap(list(place), (all) =>
    Effect.forEach(all, ({ projectId }) => GiteaTokens.sweep(place, projectId), { concurrency: 2, discard: true })
  ).pipe(
    Effect.catch((failure) => Effect.logWarning("git tokens that have ended could not be taken away", failure.reason)),
    Effect.repeat(Schedule.spaced(sweepInterval))
  )

const make = Effect.fn("GiteaForge.make")(function* (options: Options) {
  const place = Place.make(options)
  const mirror = Mirror.make(yield* Git.GitProgram, {
    root: join(options.dataDir, "gitea"),
    news: yield* ForgeNews,
    remote: (target, anew) =>
      Place.asGitError(
        Effect.gen(function* () {
          const { found } = yield* place.at(target, anew)
          const { me } = yield* place.owner
          return {
            url: found.clone_url,
            defaultBranch: found.default_branch,
            username: me,
            token: options.token
          }
        })
      )
  })
  const git = yield* Objects.make(mirror)
  yield* Effect.forkScoped(Effect.andThen(Effect.sleep(sweepInterval), sweeping(place)))
  // What is posted tells deeds of our own apart by it; where Gitea is away now, the first call asks again.
  yield* Effect.forkScoped(Effect.ignore(place.owner))
  return { git, mirror, place }
})

export const layerNoDeps = (options: Options): Layer.Layer<GitObjects | RepositoryHost, never, Git.GitProgram> =>
  Layer.unwrap(
    Effect.map(make(options), (over) =>
      Layer.mergeAll(
        Layer.succeed(RepositoryHost, host(over)),
        Layer.succeed(GitObjects, over.git),
        Layer.succeed(ForgeHooks, GiteaPosts.make(options.url, over.place.me)),
        Layer.succeed(ForgeIssues, GiteaIssues.make(over.place)),
        Layer.succeed(Connection, over.place)
      )
    )
  )

/** Over the git on PATH. */
export const layer = (options: Options): Layer.Layer<GitObjects | RepositoryHost, GitError> =>
  Layer.provide(layerNoDeps(options), Git.layer)
