/**
 * Which project a host name belongs to, for the edge. With the local Dns its records say it; with any other one they may lie in a zone
 * far away, which must not be asked for every request: then a name is taken apart and its project looked up in the stores.
 */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { Host } from "@rdev/core/adapter/Host"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import type { ProjectName } from "@rdev/core/domain/Project"
import { Effect, Layer, Option } from "effect"
import { LiveReleases } from "../release/Place.ts"
import { HostRoutes } from "./LocalDns.ts"

const staging = "staging."

const fromProjects = Effect.gen(function* () {
  const { domain } = yield* Host
  const dns = yield* Dns
  const projects = yield* ProjectStore
  const run = Effect.runPromiseWith(yield* Effect.context<never>())
  return HostRoutes.of({
    domain,
    find: async (host) => {
      if (!host.endsWith(`.${domain}`)) return null
      const label = host.slice(0, -domain.length - 1)
      const name = (label.startsWith(staging) ? label.slice(staging.length) : label) as ProjectName
      if (dns.hostFor(label) !== host || name.includes(".")) return null
      const found = Option.getOrNull(await run(projects.byName(name)))
      return found === null || found.status === "deleted" ? null : { projectId: found.id, host, target: "127.0.0.1" }
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

export const layer = Layer.merge(releases, routes)
