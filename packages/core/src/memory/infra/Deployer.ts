/** Releases as records. Nothing is served; a test decides which commits can be released and which are healthy. */
import { Clock, Effect, Layer, Option } from "effect"
import * as Hosts from "../../domain/hosts/Hosts.ts"
import * as Ids from "../../domain/Ids.ts"
import * as NewId from "../../ids/NewId.ts"
import type { EnvironmentName, Health, Release } from "../../ports/infra/Deployer.ts"
import { Deployer, DeployerError } from "../../ports/infra/Deployer.ts"
import type { RepositoryTarget, Sha } from "../../ports/infra/Forge.ts"
import type { PortReason } from "../../ports/infra/PortReason.ts"

export interface FakeOutcomes {
  /** Why a commit cannot be released, or null. */
  readonly refuse: (sha: Sha, environment: EnvironmentName) => string | null
  /** What `verify` says of a live release. */
  readonly health: (release: Release) => Health
}
const healthy: FakeOutcomes = {
  refuse: () => null,
  health: () => ({ healthy: true, checks: [{ name: "http", ok: true, detail: "200" }] })
}
const kept = 5

interface Deployed {
  readonly createdAtMillis: number
  readonly releases: Map<EnvironmentName, Array<Release>>
  readonly keys: Map<string, Release>
}
const error = (operation: string, reason: PortReason) =>
  new DeployerError({ operation: `Deployer.${operation}`, reason })

const make = (outcomes: FakeOutcomes) =>
  Effect.sync(() => {
    const projects = new Map<Ids.ProjectId, Deployed>()
    const releasesOf = (target: RepositoryTarget, environment: EnvironmentName) =>
      projects.get(target.projectId)?.releases.get(environment) ?? []
    const live = (target: RepositoryTarget, environment: EnvironmentName) =>
      releasesOf(target, environment).find((r) => r.status === "live")
    const put = (target: RepositoryTarget, environment: EnvironmentName, releases: ReadonlyArray<Release>) =>
      projects.get(target.projectId)?.releases.set(environment, [...releases])

    return Deployer.of({
      deploy: Effect.fnUntraced(function* (target, request) {
        const now = yield* Clock.currentTimeMillis
        const project = projects.get(target.projectId) ?? { createdAtMillis: now, releases: new Map(), keys: new Map() }
        projects.set(target.projectId, project)
        const key = `${request.environment} ${request.key}`
        const there = project.keys.get(key)
        if (there !== undefined) return releasesOf(target, request.environment).find((r) => r.id === there.id) ?? there
        const why = outcomes.refuse(request.artifact.sha, request.environment)
        if (why !== null) return yield* error("deploy", { _tag: "Invalid", field: "health", message: why })
        const release: Release = {
          id: yield* NewId.make("rel"),
          environment: request.environment,
          sha: request.artifact.sha,
          status: "live",
          url: `http://${Hosts.hostOf(Hosts[request.environment](target.name), "localhost")}/`,
          deployedAtMillis: now,
          backend: { _tag: "Server" }
        }
        const before = releasesOf(target, request.environment).map((r): Release =>
          r.status === "live" ? { ...r, status: "superseded" } : r
        )
        put(target, request.environment, [...before, release].slice(-kept))
        project.keys.set(key, release)
        return release
      }),
      observe: (target, environment) => Effect.sync(() => Option.fromNullishOr(live(target, environment))),
      verify: (target, environment) =>
        Effect.sync(() => {
          const release = live(target, environment)
          return release === undefined
            ? {
                healthy: false,
                checks: [{ name: "release", ok: false, detail: `nothing is released to ${environment}` }]
              }
            : outcomes.health(release)
        }),
      rollback: (target, environment) =>
        Effect.suspend(() => {
          const releases = releasesOf(target, environment)
          const at = releases.findIndex((r) => r.status === "live")
          const before = releases[at - 1]
          if (at < 0 || before === undefined)
            return Effect.fail(
              error("rollback", {
                _tag: "NotFound",
                message: `there is no release before the live one in ${environment}`
              })
            )
          const back: Release = { ...before, status: "live" }
          put(
            target,
            environment,
            releases.map((r, i): Release => (i === at - 1 ? back : i === at ? { ...r, status: "superseded" } : r))
          )
          return Effect.succeed(back)
        }),
      remove: (target) => Effect.sync(() => void projects.delete(target.projectId)),
      list: Effect.sync(() =>
        [...projects].map(([projectId, p]) => ({
          projectId,
          externalId: projectId,
          createdAtMillis: p.createdAtMillis
        }))
      )
    })
  })

export const layerWith = (outcomes: Partial<FakeOutcomes>): Layer.Layer<Deployer> =>
  Layer.suspend(() => Layer.effect(Deployer, make({ ...healthy, ...outcomes })))
/** Every commit is released and healthy at once. */
export const layer: Layer.Layer<Deployer> = layerWith({})
