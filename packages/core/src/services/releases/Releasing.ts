/**
 * How a commit gets to where people reach it: built, released, routed to, in this order, and taken away in the other one. Names lead to a
 * release from when there is one until before it is taken away. Every function is safe to run again after any of its steps.
 */
import { Effect, Option } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import { Builder } from "../../ports/infra/Builder.ts"
import { Deployer, type EnvironmentName, type Release } from "../../ports/infra/Deployer.ts"
import type { RepositoryTarget, Sha } from "../../ports/infra/Forge.ts"
import { Router, sameBackend } from "../../ports/infra/Router.ts"

export interface Request {
  /** The same for every attempt. */
  readonly key: string
  readonly environment: EnvironmentName
  readonly sha: Sha
  readonly env: Readonly<Record<string, string>>
  /** Host names of the environment. */
  readonly hosts: ReadonlyArray<string>
}

/** Lets the names lead to the release. */
export const route = Effect.fn("Releasing.route")(function* (
  projectId: ProjectId,
  hosts: ReadonlyArray<string>,
  { backend, environment }: Release
) {
  const router = yield* Router
  yield* Effect.forEach(hosts, (host) => router.route({ projectId, environment, host, backend }), { discard: true })
})

/** What keeps the names from leading to the release, in a sentence; null = nothing. */
export const astray = Effect.fn("Releasing.astray")(function* (
  projectId: ProjectId,
  hosts: ReadonlyArray<string>,
  release: Release
) {
  const router = yield* Router
  for (const host of hosts) {
    const there = Option.getOrNull(yield* router.observe(host))
    if (there === null || there.projectId !== projectId) return `${host} does not lead to the release`
    if (there.environment !== release.environment || !sameBackend(there.backend, release.backend))
      return `${host} leads somewhere else than to the release`
  }
  return null
})

/** Builds the commit unless that was done, releases it, and leads the names there. */
export const release = Effect.fn("Releasing.release")(function* (
  target: RepositoryTarget,
  { env, environment, hosts, key, sha }: Request
) {
  const artifact = yield* (yield* Builder).build(target, { sha })
  const made = yield* (yield* Deployer).deploy(target, { key, environment, artifact, env })
  yield* route(target.projectId, hosts, made)
  return made
})

/** The release before the live one is live again. */
export const rollback = Effect.fn("Releasing.rollback")(function* (
  target: RepositoryTarget,
  environment: EnvironmentName,
  hosts: ReadonlyArray<string>
) {
  const back = yield* (yield* Deployer).rollback(target, environment)
  yield* route(target.projectId, hosts, back)
  return back
})

/** Everything that is released of a project, and all that led or belongs to it. The releases last: as long as one is there, this is not done. */
export const remove = Effect.fn("Releasing.remove")(function* (target: RepositoryTarget) {
  const router = yield* Router
  const routes = (yield* router.list).filter(({ projectId }) => projectId === target.projectId)
  yield* Effect.forEach(routes, ({ host }) => router.remove(target.projectId, host), { discard: true })
  yield* (yield* Builder).remove(target)
  yield* (yield* Deployer).remove(target)
})
