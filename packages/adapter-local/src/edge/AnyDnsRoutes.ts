/**
 * Which project a host name belongs to, for the edge. With the local Dns its records say it; with any other one they may lie in a zone
 * far away, which must not be asked for every request: then a name is taken apart and its project looked up in the stores.
 */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { Host } from "@rdev/core/adapter/Host"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import * as Hosts from "@rdev/core/domain/hosts/Hosts"
import { ProjectName } from "@rdev/core/domain/Project"
import { Effect, Layer, Option, Schema } from "effect"
import { LiveReleases } from "../release/Place.ts"
import { HostRoutes } from "./LocalDns.ts"
import { RouteTable } from "./LocalRouter.ts"

const isProjectName = Schema.is(ProjectName)

const fromProjects = Effect.gen(function* () {
  const { domain } = yield* Host
  const dns = yield* Dns
  const projects = yield* ProjectStore
  const run = Effect.runPromiseWith(yield* Effect.context<never>())
  return HostRoutes.of({
    domain,
    find: async (host) => {
      const name = Hosts.below(host, domain)
      if (name === null || dns.hostFor(name) !== host) return null
      for (const place of Hosts.readings(host, domain)) {
        // Only whole projects are released, to staging and production.
        if (place.component !== null || place.kind === "preview" || !isProjectName(place.project)) continue
        const found = Option.getOrNull(await run(projects.byName(place.project)))
        if (found !== null && found.status !== "deleted") return { projectId: found.id, host, target: "127.0.0.1" }
      }
      return null
    }
  })
})

/** The releases of the local deployer: there are no others that this edge could serve. */
const releases = Layer.unwrap(
  Effect.map(
    Effect.serviceOption(LiveReleases),
    Option.match({
      onSome: (service) => Layer.succeed(LiveReleases, service),
      onNone: () =>
        Adapter.refuse<LiveReleases>(
          "Edge.layer",
          {
            _tag: "Unsupported",
            message: "the local edge serves the releases of the local deployer, which is not chosen"
          },
          "Choose edge: { use: none }, or deployer: { use: local }"
        )
    })
  )
)
const routes = Layer.effect(
  HostRoutes,
  Effect.flatMap(
    Effect.serviceOption(HostRoutes),
    Option.match({ onSome: (service) => Effect.succeed(service), onNone: () => fromProjects })
  )
)

/**
 * With another router, what it sends here is for a name that it knows: the policy says of which environment, and the name's project must be
 * there.
 */
const table = Layer.effect(
  RouteTable,
  Effect.flatMap(
    Effect.serviceOption(RouteTable),
    Option.match({
      onSome: (service) => Effect.succeed(service),
      onNone: () =>
        Effect.map(HostRoutes, ({ domain, find }) =>
          RouteTable.of({
            find: async (host) => {
              const found = await find(host)
              const environment = Hosts.readings(host, domain).at(-1)?.kind ?? "production"
              return found === null
                ? null
                : { projectId: found.projectId, host, environment, backend: { _tag: "Server" } }
            }
          })
        )
    })
  )
)

export const layer = Layer.merge(releases, Layer.provideMerge(table, routes))
