/** Releases commits the way the platform does: built, released, routed to. The other verbs are the deployer's own. */
import * as Hosts from "@rdev/core/domain/hosts/Hosts"
import type { Builder } from "@rdev/core/ports/infra/Builder"
import { Deployer } from "@rdev/core/ports/infra/Deployer"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { Router } from "@rdev/core/ports/infra/Router"
import * as Releasing from "@rdev/core/services/releases/Releasing"
import { Context, Effect } from "effect"

export type Ports = Builder | Deployer | Router

export const over = (services: Context.Context<Ports>) => ({
  ...Context.get(services, Deployer),
  deploy: (target: RepositoryTarget, request: Omit<Releasing.Request, "hosts">) =>
    Effect.provideContext(
      Releasing.release(target, {
        ...request,
        hosts: [Hosts.hostOf(Hosts[request.environment](target.name), "localhost")]
      }),
      services
    )
})
export const releaser = Effect.map(Effect.context<Ports>(), over)
