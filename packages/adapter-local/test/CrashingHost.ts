/** A server that starts a command in a workspace and waits to be killed. Arguments: data folder, project id. */
import * as Ids from "@rdev/core/domain/Ids"
import { WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import { Effect } from "effect"
import * as LocalWorkspaceHost from "../src/workspaces/LocalWorkspaceHost.ts"

const [dataDir = "", projectId = ""] = process.argv.slice(2)
const main = Effect.gen(function* () {
  const host = yield* WorkspaceHost
  const workspace = yield* host.ensure({ projectId: Ids.ProjectId.make(projectId), name: "main", network: "none" })
  yield* host.start(workspace, {
    argv: [
      "sh",
      "-c",
      "trap '' TERM; (setsid sh -c 'while :; do echo x >> beat; sleep 0.05; done' &); while :; do echo y >> beat; sleep 0.05; done"
    ]
  })
  yield* Effect.sync(() => process.stdout.write("started\n"))
  return yield* Effect.never
}).pipe(Effect.scoped, Effect.provide(LocalWorkspaceHost.layer({ dataDir })))
await Effect.runPromise(main)
