/** A platform of one's own in a page: rdev's stores, forge, sandbox and agents, another keeper of host names, no HTTP at all. */
import * as AgentRegistry from "@rdev/adapter-agents/AgentRegistry"
import * as LocalCi from "@rdev/adapter-local/ci/LocalCi"
import * as LocalDeployer from "@rdev/adapter-local/release/LocalDeployer"
import * as LocalForge from "@rdev/adapter-local/forge/LocalForge"
import * as LocalOutputStore from "@rdev/adapter-local/output/LocalOutputStore"
import * as LocalWebhookTransport from "@rdev/adapter-local/webhooks/LocalWebhookTransport"
import * as LocalWorkspaceHost from "@rdev/adapter-local/workspaces/LocalWorkspaceHost"
import * as Sandbox from "@rdev/adapter-local/sandbox/Sandbox"
import * as Database from "@rdev/adapter-postgres/engine/Database"
import * as PgWorkQueueStore from "@rdev/adapter-postgres/queue/PgWorkQueueStore"
import * as Stores from "@rdev/adapter-postgres/stores/Stores"
import * as TenantCache from "@rdev/core/ports/infra/TenantCache"
import * as TenantDatabase from "@rdev/core/ports/infra/TenantDatabase"
import * as Tls from "@rdev/core/ports/infra/Tls"
import * as Core from "@rdev/server/Core"
import { sdlcProgram } from "@rdev/server/Installation"
import * as TemplatesDisk from "@rdev/server/TemplatesDisk"
import { Layer } from "effect"
import * as HostsFileDns from "./HostsFileDns.ts"

export const layer = (dataDir: string) => {
  const zone = "apps.example.test"
  const urlOf = (host: string) => `http://${host}/`
  const stores = Layer.mergeAll(Stores.layer, PgWorkQueueStore.layer).pipe(
    Layer.provide(Database.layerEmbedded({ dataDir }))
  )
  const machine = Layer.mergeAll(
    LocalCi.layerNoDeps({ dataDir }),
    LocalWorkspaceHost.layerNoDeps({ dataDir }),
    LocalWebhookTransport.layerConfig,
    LocalOutputStore.layer({ dataDir }),
    LocalDeployer.layerNoDeps({ dataDir, domain: zone, urlOf })
  ).pipe(
    Layer.provideMerge(LocalForge.layer({ dataDir, baseUrl: "http://git.example.test" })),
    Layer.provide(Sandbox.layer({ dataDir, tools: [{ hostPath: sdlcProgram(), name: "sdlc" }] }))
  )
  const without = Layer.mergeAll(
    TenantDatabase.layerUnsupported("this platform has no databases"),
    TenantCache.layerUnsupported("this platform has no caches"),
    Tls.layerUnsupported("certificates are the load balancer's")
  )
  const names = HostsFileDns.layer({ file: `${dataDir}/hosts`, zone })
  const settings = {
    dnsTarget: "192.0.2.10",
    urlOf,
    defaultBranch: "main",
    defaultAgent: "scripted",
    defaultTemplate: "default",
    workDir: "/workspace",
    firstRelease: ["production"] as const
  }

  return Core.work({ name: "custom", version: "1", capacity: 2, drainMillis: 5_000 }).pipe(
    Layer.provideMerge(Core.services(settings)),
    Layer.provideMerge(AgentRegistry.layer()),
    Layer.provideMerge(Layer.mergeAll(TemplatesDisk.layerConfig, names, without)),
    Layer.provideMerge(machine),
    Layer.provideMerge(stores)
  )
}
