/** The server over ports in memory, on a free port of this machine: real HTTP, nothing on disk but the key files. */
import * as MemoryAgentHarness from "@rdev/core/memory/agents/AgentHarness"
import * as MemoryApiKeyStore from "@rdev/core/memory/stores/ApiKeyStore"
import * as ApiKeyStore from "@rdev/core/ports/stores/ApiKeyStore"
import * as MemoryAuditStore from "@rdev/core/memory/stores/AuditStore"
import * as MemoryCi from "@rdev/core/memory/infra/Ci"
import * as MemoryCredentialStore from "@rdev/core/memory/stores/CredentialStore"
import * as MemoryBuilder from "@rdev/core/memory/infra/Builder"
import * as MemoryDeployer from "@rdev/core/memory/infra/Deployer"
import * as MemoryRouter from "@rdev/core/memory/infra/Router"
import * as MemoryDns from "@rdev/core/memory/infra/Dns"
import * as MemoryEnvironmentStore from "@rdev/core/memory/stores/EnvironmentStore"
import * as MemoryEventLog from "@rdev/core/memory/stores/EventLog"
import type { Dns } from "@rdev/core/ports/infra/Dns"
import type { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import type { TenantDatabase } from "@rdev/core/ports/infra/TenantDatabase"
import * as EventLog from "@rdev/core/ports/stores/EventLog"
import * as MemoryFeatureStore from "@rdev/core/memory/stores/FeatureStore"
import * as MemoryForge from "@rdev/core/memory/infra/Forge"
import * as MemoryForgeStore from "@rdev/core/memory/stores/ForgeStore"
import * as MemoryIssueStore from "@rdev/core/memory/stores/IssueStore"
import * as MemoryIdempotencyStore from "@rdev/core/memory/stores/IdempotencyStore"
import * as IdempotencyStore from "@rdev/core/ports/stores/IdempotencyStore"
import * as MemoryNotifier from "@rdev/core/memory/stores/Notifier"
import * as MemoryOperationStore from "@rdev/core/memory/stores/OperationStore"
import * as MemoryPolicyStore from "@rdev/core/memory/stores/PolicyStore"
import * as MemoryOutputStore from "@rdev/core/memory/stores/OutputStore"
import * as MemoryProjectStore from "@rdev/core/memory/stores/ProjectStore"
import * as MemoryRateLimiter from "@rdev/core/memory/infra/RateLimiter"
import * as ProjectStore from "@rdev/core/ports/stores/ProjectStore"
import * as MemoryTenantCache from "@rdev/core/memory/infra/TenantCache"
import * as MemoryTenantDatabase from "@rdev/core/memory/infra/TenantDatabase"
import * as MemoryTls from "@rdev/core/memory/infra/Tls"
import * as MemoryUnitOfWork from "@rdev/core/memory/stores/UnitOfWork"
import * as MemoryWebhookStore from "@rdev/core/memory/stores/WebhookStore"
import * as MemoryWebhookTransport from "@rdev/core/memory/infra/WebhookTransport"
import * as MemoryWorkQueueStore from "@rdev/core/memory/stores/WorkQueueStore"
import * as MemoryWorkspaceHost from "@rdev/core/memory/infra/WorkspaceHost"
import * as Redaction from "@rdev/core/services/redaction/Redaction"
import * as TreeOperation from "@rdev/core/services/trees/TreeOperation"
import type { Scope as KeyScope } from "@rdev/core/domain/Principal"
import { Context, Effect, Layer, type Scope } from "effect"
import * as Core from "../src/Core.ts"
import * as App from "../src/http/App.ts"
import { ApiKeys, type NewApiKey } from "../src/keys/ApiKeys.ts"
import { SlotHealth } from "../src/installation/SlotHealth.ts"
import * as Issuers from "../src/keys/Issuers.ts"
import * as Listener from "../src/Listener.ts"
import * as LoopbackTreeActions from "../src/LoopbackTreeActions.ts"
import { fromEnvironment, type ServerConfig } from "../src/ServerConfig.ts"
import * as TemplatesDisk from "../src/TemplatesDisk.ts"

const memory = Layer.mergeAll(
  MemoryAgentHarness.layer,
  MemoryApiKeyStore.layer,
  MemoryAuditStore.layer,
  MemoryCi.layer,
  MemoryCredentialStore.layer,
  MemoryBuilder.layer,
  MemoryDeployer.layer,
  MemoryRouter.layer,
  MemoryDns.layer,
  MemoryEnvironmentStore.layer,
  MemoryEventLog.layer,
  MemoryFeatureStore.layer,
  MemoryForge.layer,
  MemoryForgeStore.layer,
  MemoryIssueStore.layer,
  MemoryIdempotencyStore.layer,
  MemoryNotifier.layer,
  MemoryOperationStore.layer,
  MemoryOutputStore.layer,
  MemoryPolicyStore.layer,
  MemoryProjectStore.layer,
  MemoryRateLimiter.layer,
  MemoryTenantCache.layer,
  MemoryTenantDatabase.layer,
  MemoryTls.layer,
  MemoryUnitOfWork.layer,
  MemoryWebhookStore.layer,
  MemoryWebhookTransport.layer,
  MemoryWorkQueueStore.layer,
  MemoryWorkspaceHost.layer,
  TemplatesDisk.layer()
)
const settings = {
  dnsTarget: "127.0.0.1",
  urlOf: (host: string) => `http://${host}/`,
  defaultBranch: "main",
  defaultAgent: "memory",
  defaultTemplate: "default",
  workDir: "/workspace",
  firstRelease: ["production"] as const
}

export interface TestServer {
  readonly url: string
  readonly port: number
  /** A key with every scope. */
  readonly key: string
  readonly makeKey: (
    spec: Partial<NewApiKey> & { readonly scopes: ReadonlyArray<KeyScope> }
  ) => Promise<{ readonly key: string; readonly id: string }>
  readonly call: (method: string, path: string, options?: Call) => Promise<Answer>
  readonly run: <A, E>(
    effect: Effect.Effect<
      A,
      E,
      | EventLog.EventLog
      | Dns
      | GitObjects
      | TenantDatabase
      | ProjectStore.ProjectStore
      | IdempotencyStore.IdempotencyStore
      | ApiKeyStore.ApiKeyStore
      | MemoryWebhookTransport.Receiver
    >
  ) => Promise<A>
}
export interface Call {
  readonly key?: string | null
  readonly body?: unknown
  readonly raw?: string | Uint8Array
  readonly headers?: Record<string, string>
}
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Readonly<Record<string, unknown>>
  readonly text: string
}

const parse = (text: string, type: string | null) =>
  /[/+]json/.test(type ?? "") && text !== "" ? JSON.parse(text) : {}

export const make = (
  env: Record<string, string> = {},
  parts: SlotHealth["Service"]["parts"] = new Map()
): Effect.Effect<TestServer, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const config: ServerConfig = yield* fromEnvironment({ RDEV_PORT: "0", ...env })
    const pepper = Buffer.alloc(32, 7)
    const listener = yield* Layer.build(Listener.layer(config))
    const built = yield* Layer.build(
      Layer.mergeAll(
        App.layer(config, App.nothingMounted),
        Core.work({ name: "test", version: "0.0.0", capacity: 2, drainMillis: 100 })
      ).pipe(
        Layer.provideMerge(App.services({ config, version: "0.0.0", pepper, shared: false })),
        Layer.provideMerge(Core.services(settings, [TreeOperation.definition])),
        Layer.provideMerge(
          LoopbackTreeActions.layerKeys({
            url: Context.get(listener, Listener.Listener).localUrl,
            pepper,
            auth: config.auth
          })
        ),
        Layer.provideMerge(Issuers.layer(config.auth)),
        Layer.provideMerge(Redaction.layer({ values: [] })),
        Layer.provideMerge(Layer.succeed(SlotHealth, { file: null, look: Effect.succeed([]), parts })),
        Layer.provideMerge(memory),
        Layer.provide(Layer.succeedContext(listener))
      )
    )
    const { port } = Context.get(listener, Listener.Listener)
    const url = `http://127.0.0.1:${port}`
    const keys = Context.get(built, ApiKeys)
    const makeKey: TestServer["makeKey"] = async (spec) => {
      const { key, record } = await Effect.runPromise(
        keys.create({ name: "test", type: "human", projects: null, cidrs: [], expiresAtMillis: null, ...spec })
      )
      return { key, id: record.id }
    }
    const { key } = yield* Effect.promise(() => makeKey({ name: "admin", scopes: ["admin"] }))
    return {
      url,
      port,
      key,
      makeKey,
      call: async (method, path, options = {}) => {
        const bearer = options.key === undefined ? key : options.key
        const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
        const response = await fetch(url + path, {
          method,
          headers: {
            ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
            ...(body === undefined ? {} : { "content-type": "application/json" }),
            ...options.headers
          },
          ...(body === undefined ? {} : { body: body as string })
        })
        const text = await response.text()
        return {
          status: response.status,
          headers: response.headers,
          text,
          body: parse(text, response.headers.get("content-type"))
        }
      },
      run: (effect) => Effect.runPromise(Effect.provideContext(effect, built))
    }
  })
