/** The server over ports in memory, on a free port of this machine: real HTTP, nothing on disk but the key files. */
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
import * as PolicyStore from "@rdev/core/ports/stores/PolicyStore"
import * as OutputStore from "@rdev/core/ports/stores/OutputStore"
import * as ProjectStore from "@rdev/core/ports/stores/ProjectStore"
import * as TenantCache from "@rdev/core/ports/infra/TenantCache"
import * as TenantDatabase from "@rdev/core/ports/infra/TenantDatabase"
import * as Tls from "@rdev/core/ports/infra/Tls"
import * as UnitOfWork from "@rdev/core/ports/stores/UnitOfWork"
import * as WebhookStore from "@rdev/core/ports/stores/WebhookStore"
import * as WebhookTransport from "@rdev/core/ports/infra/WebhookTransport"
import * as WorkQueueStore from "@rdev/core/ports/stores/WorkQueueStore"
import * as WorkspaceHost from "@rdev/core/ports/infra/WorkspaceHost"
import * as Redaction from "@rdev/core/services/redaction/Redaction"
import * as TreeOperation from "@rdev/core/services/trees/TreeOperation"
import type { Scope as KeyScope } from "@rdev/core/domain/Principal"
import { Context, Effect, Layer, type Scope } from "effect"
import * as Core from "../src/Core.ts"
import * as App from "../src/http/App.ts"
import { ApiKeys, type NewApiKey } from "../src/keys/ApiKeys.ts"
import * as Issuers from "../src/keys/Issuers.ts"
import * as Listener from "../src/Listener.ts"
import * as LoopbackTreeActions from "../src/LoopbackTreeActions.ts"
import { fromEnvironment, type ServerConfig } from "../src/ServerConfig.ts"
import * as TemplatesDisk from "../src/TemplatesDisk.ts"

const memory = Layer.mergeAll(
  AgentHarness.layerMemory,
  ApiKeyStore.layerMemory,
  AuditStore.layerMemory,
  Ci.layerMemory,
  CredentialStore.layerMemory,
  Deployer.layerMemory,
  Dns.layerMemory,
  EventLog.layerMemory,
  FeatureStore.layerMemory,
  Forge.layerMemory,
  IdempotencyStore.layerMemory,
  Notifier.layerMemory,
  OperationStore.layerMemory,
  OutputStore.layerMemory,
  PolicyStore.layerMemory,
  ProjectStore.layerMemory,
  TenantCache.layerMemory,
  TenantDatabase.layerMemory,
  Tls.layerMemory,
  UnitOfWork.layerMemory,
  WebhookStore.layerMemory,
  WebhookTransport.layerMemory,
  WorkQueueStore.layerMemory,
  WorkspaceHost.layerMemory,
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
      | ProjectStore.ProjectStore
      | IdempotencyStore.IdempotencyStore
      | ApiKeyStore.ApiKeyStore
      | WebhookTransport.MemoryReceiver
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

export const make = (env: Record<string, string> = {}): Effect.Effect<TestServer, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const config: ServerConfig = yield* fromEnvironment({ RDEV_PORT: "0", ...env })
    const pepper = Buffer.alloc(32, 7)
    const listener = yield* Layer.build(Listener.layer(config))
    const built = yield* Layer.build(
      Layer.mergeAll(
        App.layer(config, App.nothingMounted),
        Core.work({ name: "test", version: "0.0.0", capacity: 2, drainMillis: 100 })
      ).pipe(
        Layer.provideMerge(App.services({ config, version: "0.0.0", pepper })),
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
