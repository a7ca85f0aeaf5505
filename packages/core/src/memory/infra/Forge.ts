/**
 * A forge in memory with real, content-addressed commits (their names are git's), branches, three-way merges by path and pull
 * requests. It serves no HTTP: its clone URLs cannot be cloned. A bundle is JSON of its own (see `makeBundle`), not git's format.
 */
import { Effect, Layer } from "effect"
import { GitObjects } from "../../ports/infra/GitObjects.ts"
import { RepositoryHost } from "../../ports/infra/RepositoryHost.ts"
import * as Host from "./forge/Host.ts"
import type { Repositories } from "./forge/Model.ts"
import * as Git from "./forge/Objects.ts"

export { makeBundle } from "./forge/Bundle.ts"

/** Empty, and forgotten when the layer closes. */
export const layer: Layer.Layer<GitObjects | RepositoryHost> = Layer.unwrap(
  Effect.sync(() => {
    const repositories: Repositories = new Map()
    return Layer.merge(
      Layer.succeed(GitObjects, Git.make(repositories)),
      Layer.succeed(RepositoryHost, Host.make(repositories))
    )
  })
)
