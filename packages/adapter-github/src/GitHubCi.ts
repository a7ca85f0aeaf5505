/** The Ci port at GitHub Actions, over the connection of the forge: its repositories, and its App or token. */
import { AdapterError } from "@rdev/core/adapter/Adapter"
import { Ci } from "@rdev/core/ports/infra/Ci"
import type { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import type { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as ActionsCi from "@rdev/runtime-node/actions/ActionsCi"
import { Effect, Layer } from "effect"
import type { Account } from "./Access.ts"
import * as GitHubActions from "./GitHubActions.ts"
import { Connection, GitHubAccount } from "./GitHubForge.ts"

/** What the App must be granted besides what the forge needs. Variables, which it needs as well, GitHub's description of grants does not name. */
export const needed = ["actions"]

export const layer = (options: ActionsCi.Options): Layer.Layer<Ci, AdapterError, GitObjects | RepositoryHost> =>
  Layer.effect(
    Ci,
    Effect.gen(function* () {
      const forge = yield* Connection
      if (forge === null)
        return yield* new AdapterError({
          operation: "GitHubCi.layer",
          reason: {
            _tag: "Invalid",
            field: "ci",
            message:
              "pipelines run at GitHub Actions for repositories that lie at GitHub, and the forge of this installation is another"
          },
          fix: "Write forge: { use: github, … }"
        })
      return yield* ActionsCi.make(GitHubActions.make(forge.client, forge.repositories), options)
    })
  )

export const lacking = ({ app }: Account): ReadonlyArray<string> =>
  app === null ? [] : needed.filter((name) => app.permissions[name] !== "write").map((name) => `${name}: write`)

/** Whether GitHub answers, and lets us. Whether runners are there, only a run shows: GitHub's own always are. */
export const health = Effect.gen(function* () {
  const looked = yield* Effect.result((yield* GitHubAccount).look)
  if (looked._tag === "Failure") return { ok: false, detail: looked.failure.message }
  const missing = lacking(looked.success.account)
  return {
    ok: missing.length === 0,
    detail:
      missing.length === 0
        ? `Actions, as ${looked.success.account.login}`
        : `grant the App ${missing.join(", ")}, and accept it where it is installed`
  }
})
