/**
 * A forge in memory with real, content-addressed commits (their names are git's), branches, three-way merges by path and pull
 * requests. It serves no HTTP: its clone URLs cannot be cloned. A bundle is JSON of its own (see `makeBundle`), not git's format.
 */
import { Context, Effect, Layer } from "effect"
import { GitObjects } from "../../ports/infra/GitObjects.ts"
import { ForgeIssues } from "../../ports/forge/ForgeIssues.ts"
import { RepositoryHost } from "../../ports/infra/RepositoryHost.ts"
import * as ForgeDesk from "./forge/ForgeDesk.ts"
import * as Host from "./forge/Host.ts"
import * as Issues from "./forge/Issues.ts"
import type { Repositories } from "./forge/Model.ts"
import * as Git from "./forge/Objects.ts"

export { ForgeDesk } from "./forge/ForgeDesk.ts"
export { makeBundle } from "./forge/Bundle.ts"

const made = Layer.effectContext(
  Effect.sync(() => {
    const repositories: Repositories = new Map()
    return Context.make(GitObjects, Git.make(repositories)).pipe(
      Context.add(RepositoryHost, Host.make(repositories)),
      Context.add(ForgeDesk.ForgeDesk, ForgeDesk.make(repositories)),
      Context.add(ForgeIssues, Issues.make(repositories))
    )
  })
)
/** Empty, and forgotten when the layer closes. */
export const layer: Layer.Layer<GitObjects | RepositoryHost> = Layer.effectContext(
  Effect.map(Layer.build(made), (all) =>
    Context.make(GitObjects, Context.get(all, GitObjects)).pipe(
      Context.add(RepositoryHost, Context.get(all, RepositoryHost))
    )
  )
)
/** The same with issues, and with people who write some (see ForgeDesk). */
export const layerIssues: Layer.Layer<GitObjects | RepositoryHost | ForgeDesk.ForgeDesk> = made
