/** Brings a completed release up in a scope that ends it: publishes a site, or takes a service's lock and runs it. */
import type * as Ids from "@rdev/core/domain/Ids"
import { Effect, type Scope } from "effect"
import { attempt, fail, invalid, type LocalFailure } from "../LocalFailure.ts"
import * as FileLock from "../records/FileLock.ts"
import type { Place } from "./Place.ts"
import * as Publishing from "./Publishing.ts"
import * as Records from "./ReleaseRecords.ts"
import * as ServiceProbe from "./ServiceProbe.ts"
import * as ServiceRecords from "./ServiceRecords.ts"
import * as ServiceRunner from "./ServiceRunner.ts"
import * as StaticSite from "./StaticSite.ts"

export type Up =
  | { readonly kind: "static"; readonly root: string }
  | { readonly kind: "node"; readonly service: ServiceRunner.Service }

/** How long a release waits for the process that ran its service before. */
const lockPatience = "10 seconds"

/** Starts the service; whoever calls holds its lock. */
export const service = Effect.fnUntraced(function* (
  { dataDir, sandbox, serviceNetwork }: Place,
  projectId: Ids.ProjectId,
  record: Records.ReleaseRecord,
  start: string
) {
  if (!sandbox.networks.includes(serviceNetwork)) return yield* ServiceRunner.unsupported
  const files = Records.filesOf(dataDir, projectId, record)
  yield* sandbox.adoptTree(files)
  const env = yield* attempt(() => Records.readEnv(dataDir, projectId, record))
  const account = `${projectId}.live`
  return yield* ServiceRunner.supervise(sandbox, dataDir, record.id, {
    account,
    files,
    start,
    env,
    network: serviceNetwork
  })
})

export const bringUp = (
  place: Place,
  projectId: Ids.ProjectId,
  record: Records.ReleaseRecord
): Effect.Effect<Up, LocalFailure, Scope.Scope> =>
  Effect.gen(function* () {
    const { config, environment, id } = record
    if (config.kind === "static") {
      const folder = Records.folderOf(place.dataDir, projectId, environment, id)
      return {
        kind: "static",
        root: yield* Publishing.publish(
          place,
          folder,
          Records.filesOf(place.dataDir, projectId, record),
          config.publish
        )
      }
    }
    // Two processes never run one release: what it writes has one writer.
    yield* FileLock.take(ServiceRecords.lockOf(place.dataDir, projectId, record)).pipe(
      Effect.timeoutOrElse({
        duration: lockPatience,
        orElse: () =>
          Effect.fail(fail({ _tag: "Conflict", message: `the service of release ${id} runs in another process` }))
      })
    )
    return { kind: "node", service: yield* service(place, projectId, record, config.start) }
  })

/** Fails with why the release is not good. */
export const check = (up: Up, health: string, timeoutMillis: number): Effect.Effect<void, LocalFailure> =>
  up.kind === "node"
    ? ServiceProbe.awaitHealthy(up.service, health, timeoutMillis)
    : Effect.flatMap(
        attempt(async () => StaticSite.has(up.root, health)),
        (there) => (there ? Effect.void : invalid("health", `the release has no file for ${health}`))
      )
