/**
 * The forge of one machine: bare git repositories in the data folder. Real objects, merges and pull requests; no account and no service.
 * It does not listen: `GitHttp` serves the repositories for cloning and pushing.
 */
import { ForgeError } from "@rdev/core/ports/infra/Forge"
import type { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as Git from "@rdev/git/Git"
import { GitError } from "@rdev/git/GitError"
import * as Objects from "@rdev/git/GitObjects"
import * as GitRefs from "@rdev/git/GitRefs"
import { Effect, Layer } from "effect"
import type { LocalFailure } from "../LocalFailure.ts"
import * as LocalHost from "./LocalHost.ts"
import * as LocalRepositories from "./LocalRepositories.ts"

export interface Options {
  readonly dataDir: string
  /** URL under which `GitHttp` is reached from outside, without a trailing slash, e.g. `http://127.0.0.1:4400/git`. A function when the port is known later. */
  readonly baseUrl: string | (() => string)
}

const asError = ({ cause, reason }: GitError | LocalFailure) =>
  new ForgeError({ operation: "LocalForge.layer", reason, cause })

/** A failure of this adapter's own records, for what `@rdev/git` asks of it. */
const asGitError = <A>(work: Effect.Effect<A, GitError | LocalFailure>): Effect.Effect<A, GitError> =>
  Effect.mapError(work, (failure) =>
    failure._tag === "GitError" ? failure : new GitError({ reason: failure.reason, cause: failure.cause })
  )

/** The folder itself is the truth: nothing to bring up to date, and branches move by one transaction of git's. */
const objects = ({ dataDir }: Options) =>
  Layer.unwrap(
    Effect.map(Git.GitProgram, (git) =>
      Objects.layer({
        open: (target) => asGitError(LocalRepositories.open(dataDir, target)),
        sync: () => Effect.void,
        move: ({ directory }, updates) => GitRefs.updateRefs(git, directory, updates)
      })
    )
  )

export const layerNoDeps = (options: Options): Layer.Layer<GitObjects | RepositoryHost, ForgeError, Git.GitProgram> =>
  Layer.merge(Layer.effect(RepositoryHost, Effect.mapError(LocalHost.make(options), asError)), objects(options))

/** Over the git on PATH. */
export const layer = (options: Options): Layer.Layer<GitObjects | RepositoryHost, ForgeError> =>
  Layer.provide(layerNoDeps(options), Git.layer).pipe(
    Layer.catchTag("GitError", (failure) => Layer.effectContext(Effect.fail(asError(failure))))
  )
