/** The installation that an adapter under test works for: a folder that is thrown away with the layer's scope, and ports in memory. */
import { Host } from "@rdev/core/adapter/Host"
import type { Stores } from "@rdev/core/adapter/Slots"
import * as AgentHarness from "@rdev/core/ports/agents/AgentHarness"
import * as ApiKeyStore from "@rdev/core/ports/stores/ApiKeyStore"
import * as AuditStore from "@rdev/core/ports/stores/AuditStore"
import * as Ci from "@rdev/core/ports/infra/Ci"
import * as CredentialStore from "@rdev/core/ports/stores/CredentialStore"
import * as Deployer from "@rdev/core/ports/infra/Deployer"
import * as Dns from "@rdev/core/ports/infra/Dns"
import * as EventLog from "@rdev/core/ports/stores/EventLog"
import * as FeatureStore from "@rdev/core/ports/stores/FeatureStore"
import * as Forge from "@rdev/core/ports/infra/Forge"
import * as IdempotencyStore from "@rdev/core/ports/stores/IdempotencyStore"
import * as Notifier from "@rdev/core/ports/stores/Notifier"
import * as OperationStore from "@rdev/core/ports/stores/OperationStore"
import * as OutputStore from "@rdev/core/ports/stores/OutputStore"
import * as PolicyStore from "@rdev/core/ports/stores/PolicyStore"
import * as ProjectStore from "@rdev/core/ports/stores/ProjectStore"
import * as TenantCache from "@rdev/core/ports/infra/TenantCache"
import * as TenantDatabase from "@rdev/core/ports/infra/TenantDatabase"
import * as Tls from "@rdev/core/ports/infra/Tls"
import * as UnitOfWork from "@rdev/core/ports/stores/UnitOfWork"
import * as WebhookStore from "@rdev/core/ports/stores/WebhookStore"
import * as WebhookTransport from "@rdev/core/ports/infra/WebhookTransport"
import * as WorkQueueStore from "@rdev/core/ports/stores/WorkQueueStore"
import * as WorkspaceHost from "@rdev/core/ports/infra/WorkspaceHost"
import { Effect, Layer } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** `domain`: host names of projects are below it; default `apps.test`. */
export const layer = (options: { readonly domain?: string } = {}): Layer.Layer<Host> =>
  Layer.effect(
    Host,
    Effect.gen(function* () {
      const dataDir = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "rdev-adapter-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
      )
      return Host.of({
        dataDir,
        domain: options.domain ?? "apps.test",
        url: "http://rdev.test",
        urlOf: (host) => `http://${host}/`,
        projectNetwork: "loopback",
        unsafeHost: true,
        budget: { memoryBytes: null, processes: null, diskBytes: null, files: null, reserveBytes: null },
        programs: [],
        variables: { PATH: process.env["PATH"], HOME: process.env["HOME"] }
      })
    })
  )

const stores: Layer.Layer<Stores> = Layer.mergeAll(
  ApiKeyStore.layerMemory,
  AuditStore.layerMemory,
  CredentialStore.layerMemory,
  EventLog.layerMemory,
  FeatureStore.layerMemory,
  IdempotencyStore.layerMemory,
  Notifier.layerMemory,
  OperationStore.layerMemory,
  PolicyStore.layerMemory,
  ProjectStore.layerMemory,
  UnitOfWork.layerMemory,
  WebhookStore.layerMemory,
  WorkQueueStore.layerMemory
)
/** Every port, in memory. */
export const ports = Layer.mergeAll(
  stores,
  AgentHarness.layerMemory,
  Ci.layerMemory,
  Deployer.layerMemory,
  Dns.layerMemory,
  Forge.layerMemory,
  OutputStore.layerMemory,
  TenantCache.layerMemory,
  TenantDatabase.layerMemory,
  Tls.layerMemory,
  WebhookTransport.layerMemory,
  WorkspaceHost.layerMemory
)
