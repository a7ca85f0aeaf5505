/** The Ci port at Gitea Actions, over the connection of the forge or one of its own. Repositories are those of the forge. */
import { AdapterError } from "@rdev/core/adapter/Adapter"
import { Ci } from "@rdev/core/ports/infra/Ci"
import type { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import type { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as ActionsCi from "@rdev/runtime-node/actions/ActionsCi"
import { Effect, Layer, type Redacted } from "effect"
import * as GiteaActions from "./GiteaActions.ts"
import { Connection } from "./GiteaForge.ts"
import * as Place from "./GiteaPlace.ts"

export interface Options extends ActionsCi.Options {
  /** Left out: the forge's. */
  readonly url?: string | undefined
  readonly token?: Redacted.Redacted | undefined
  readonly organisation?: string | undefined
}

/** Where runs are asked for: the forge's connection, unless url and token say another. */
export const place = Effect.fnUntraced(function* ({ organisation, token, url }: Options) {
  if (url !== undefined && token !== undefined) return Place.make({ url, token, organisation })
  const forge = yield* Connection
  if (forge !== null && url === undefined && token === undefined) return forge
  return yield* new AdapterError({
    operation: "GiteaCi.layer",
    reason: {
      _tag: "Invalid",
      field: "ci",
      message:
        forge === null
          ? "pipelines run at Gitea Actions for repositories that lie at Gitea, and the forge of this installation is another"
          : "it has one of url and token without the other"
    },
    fix: "Write forge: { use: gitea, … } and leave url and token out of ci"
  })
})

export const layer = (options: Options): Layer.Layer<Ci, AdapterError, GitObjects | RepositoryHost> =>
  Layer.effect(
    Ci,
    Effect.flatMap(place(options), (at) => ActionsCi.make(GiteaActions.make(at), options))
  )
