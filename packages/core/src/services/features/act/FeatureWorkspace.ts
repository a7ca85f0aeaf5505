/** The workspace of a feature: one per feature, named by its slug. */
import { Effect } from "effect"
import { WorkspaceHost, type WorkspaceSpec } from "../../../ports/infra/WorkspaceHost.ts"
import type { Snapshot } from "../read/FeatureFiles.ts"

/**
 * Ready for use. Who needs no network gets a loopback of its own where the machine can give one, because tests like to listen on
 * a port; nothing outside is reachable either way.
 */
export const ensure = Effect.fn("FeatureWorkspace.ensure")(function* (
  about: Pick<Snapshot, "project" | "index">,
  network: WorkspaceSpec["network"]
) {
  const host = yield* WorkspaceHost
  const spec = { projectId: about.project.id, name: about.index.slug }
  if (network !== "none") return yield* host.ensure({ ...spec, network })
  return yield* host.ensure({ ...spec, network: "loopback" }).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "Unsupported",
      () => host.ensure({ ...spec, network: "none" })
    )
  )
})
