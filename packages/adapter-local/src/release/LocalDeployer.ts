/**
 * The Deployer port on one machine: brings a folder up, checks it, switches a link. Static sites are copied to a folder of the server's
 * own and served from there by the Edge; Node services run in the sandbox, sleep when nobody asks for them, and are woken by the next
 * request.
 */
import { Deployer, DeployerError, type Release } from "@rdev/core/ports/infra/Deployer"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { Context, Effect, Layer, Option, Semaphore } from "effect"
import * as FileLock from "../records/FileLock.ts"
import { attempt, type LocalFailure } from "../LocalFailure.ts"
import * as Sandbox from "../sandbox/Sandbox.ts"
import * as Deploying from "./Deploying.ts"
import { Entries } from "./Entries.ts"
import * as Keeping from "./Keeping.ts"
import { type DeployOptions, LiveReleases, make as makePlace } from "./Place.ts"
import * as Releases from "./Releases.ts"
import * as Records from "./ReleaseRecords.ts"
import * as Waking from "./Waking.ts"

export { type DeployOptions, type LiveRelease, LiveReleases } from "./Place.ts"
export type Options = DeployOptions & Sandbox.Options

const verb = <A>(operation: string, effect: Effect.Effect<A, LocalFailure>): Effect.Effect<A, DeployerError> =>
  effect.pipe(
    Effect.mapError(
      (failure) =>
        new DeployerError({ operation: `Deployer.${operation}`, reason: failure.reason, cause: failure.cause })
    ),
    Effect.withSpan(`Deployer.${operation}`)
  )

/** One change of a project's releases at a time, in all processes. */
const locks = (dataDir: string) => {
  const held = new Map<string, Semaphore.Semaphore>()
  return <A, E>({ projectId }: RepositoryTarget, effect: Effect.Effect<A, E>) => {
    const lock = held.get(projectId) ?? Semaphore.makeUnsafe(1)
    held.set(projectId, lock)
    return lock.withPermit(FileLock.exclusively(dataDir, `deploy-${projectId}`)(effect))
  }
}

export const make = Effect.fn("LocalDeployer.make")(function* (options: DeployOptions) {
  const place = yield* makePlace(options)
  const { dataDir } = place
  const entries = new Entries()
  const exclusive = locks(dataDir)
  const reach = yield* Waking.make(place, entries)
  yield* Effect.addFinalizer(() => entries.endAll)
  yield* Keeping.make(place, entries)
  const projects = Effect.flatMap(
    attempt(() => Records.projectIds(dataDir)),
    (ids) => Releases.marks(place, ids)
  )
  const deployer = Deployer.of({
    deploy: (target, request) => verb("deploy", exclusive(target, Deploying.deploy(place, entries, target, request))),
    observe: (target, environment) =>
      verb(
        "observe",
        Effect.map(
          attempt(() => Releases.readable(place, target.projectId, environment)),
          (record) => Option.map(Option.fromNullishOr(record), (one): Release => Records.view(one, true))
        )
      ),
    verify: (target, environment) => verb("verify", Releases.verify(place, entries, target.projectId, environment)),
    rollback: (target, environment) =>
      verb("rollback", exclusive(target, Deploying.rollback(place, entries, target, environment))),
    remove: (target) => verb("remove", exclusive(target, Deploying.remove(place, entries, target))),
    list: verb(
      "list",
      Effect.map(projects, (found) =>
        found.map(({ createdAtMillis, name, projectId }) => ({ projectId, externalId: name, createdAtMillis }))
      )
    )
  })
  const releases = LiveReleases.of({ find: Releases.find(place, entries, reach) })
  return Context.make(Deployer, deployer).pipe(Context.add(LiveReleases, releases))
})

const asError = (failure: LocalFailure) =>
  new DeployerError({ operation: "LocalDeployer.layer", reason: failure.reason, cause: failure.cause })

export const layerNoDeps = (
  options: DeployOptions
): Layer.Layer<Deployer | LiveReleases, DeployerError, Sandbox.Sandbox> =>
  Layer.effectContext(Effect.mapError(make(options), asError))

/** With a sandbox of its own. */
export const layer = (options: Options): Layer.Layer<Deployer | LiveReleases, DeployerError> =>
  Layer.provide(layerNoDeps(options), Layer.effect(Sandbox.Sandbox, Effect.mapError(Sandbox.make(options), asError)))
