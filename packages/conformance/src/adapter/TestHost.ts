/** The installation that an adapter under test works for: a folder that is thrown away with the layer's scope, and ports in memory. */
import { Host } from "@rdev/core/adapter/Host"
import type { Stores } from "@rdev/core/adapter/Slots"
import * as AgentHarness from "@rdev/core/memory/agents/AgentHarness"
import * as ApiKeyStore from "@rdev/core/memory/stores/ApiKeyStore"
import * as AuditStore from "@rdev/core/memory/stores/AuditStore"
import * as Ci from "@rdev/core/memory/infra/Ci"
import * as CredentialStore from "@rdev/core/memory/stores/CredentialStore"
import * as Builder from "@rdev/core/memory/infra/Builder"
import * as Router from "@rdev/core/memory/infra/Router"
import * as Deployer from "@rdev/core/memory/infra/Deployer"
import * as Dns from "@rdev/core/memory/infra/Dns"
import * as ForgeStore from "@rdev/core/memory/stores/ForgeStore"
import * as IssueStore from "@rdev/core/memory/stores/IssueStore"
import * as EnvironmentStore from "@rdev/core/memory/stores/EnvironmentStore"
import * as EventLog from "@rdev/core/memory/stores/EventLog"
import * as FeatureStore from "@rdev/core/memory/stores/FeatureStore"
import * as Forge from "@rdev/core/memory/infra/Forge"
import * as IdempotencyStore from "@rdev/core/memory/stores/IdempotencyStore"
import * as Notifier from "@rdev/core/memory/stores/Notifier"
import * as OperationStore from "@rdev/core/memory/stores/OperationStore"
import * as OutputStore from "@rdev/core/memory/stores/OutputStore"
import * as PolicyStore from "@rdev/core/memory/stores/PolicyStore"
import * as ProjectStore from "@rdev/core/memory/stores/ProjectStore"
import * as RateLimiter from "@rdev/core/memory/infra/RateLimiter"
import * as TenantCache from "@rdev/core/memory/infra/TenantCache"
import * as TenantDatabase from "@rdev/core/memory/infra/TenantDatabase"
import * as Tls from "@rdev/core/memory/infra/Tls"
import * as UnitOfWork from "@rdev/core/memory/stores/UnitOfWork"
import * as WebhookStore from "@rdev/core/memory/stores/WebhookStore"
import * as WebhookTransport from "@rdev/core/memory/infra/WebhookTransport"
import * as WorkQueueStore from "@rdev/core/memory/stores/WorkQueueStore"
import * as WorkspaceHost from "@rdev/core/memory/infra/WorkspaceHost"
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
  ApiKeyStore.layer,
  AuditStore.layer,
  CredentialStore.layer,
  EnvironmentStore.layer,
  ForgeStore.layer,
  IssueStore.layer,
  EventLog.layer,
  FeatureStore.layer,
  IdempotencyStore.layer,
  Notifier.layer,
  OperationStore.layer,
  PolicyStore.layer,
  ProjectStore.layer,
  UnitOfWork.layer,
  WebhookStore.layer,
  WorkQueueStore.layer
)
/** Every port, in memory. */
export const ports = Layer.mergeAll(
  stores,
  AgentHarness.layer,
  Ci.layer,
  Builder.layer,
  Deployer.layer,
  Router.layer,
  Dns.layer,
  Forge.layer,
  OutputStore.layer,
  RateLimiter.layer,
  TenantCache.layer,
  TenantDatabase.layer,
  Tls.layer,
  WebhookTransport.layer,
  WorkspaceHost.layer
)
