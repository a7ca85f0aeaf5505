/**
 * A whole installation in memory whose processes can be killed at any call. The stores and providers outlive a process; what a process
 * calls is counted, logged and, once it is dead, never answered.
 */
import { Context, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Definition from "@rdev/core/operations/Definition"
import * as OperationRunner from "@rdev/core/operations/OperationRunner"
import * as Operations from "@rdev/core/operations/Operations"
import * as MemoryAuditStore from "@rdev/core/memory/stores/AuditStore"
import * as AuditStore from "@rdev/core/ports/stores/AuditStore"
import * as MemoryCi from "@rdev/core/memory/infra/Ci"
import * as Ci from "@rdev/core/ports/infra/Ci"
import * as MemoryCredentialStore from "@rdev/core/memory/stores/CredentialStore"
import * as CredentialStore from "@rdev/core/ports/stores/CredentialStore"
import * as MemoryBuilder from "@rdev/core/memory/infra/Builder"
import * as MemoryDeployer from "@rdev/core/memory/infra/Deployer"
import * as MemoryRouter from "@rdev/core/memory/infra/Router"
import * as Builder from "@rdev/core/ports/infra/Builder"
import * as Router from "@rdev/core/ports/infra/Router"
import * as Deployer from "@rdev/core/ports/infra/Deployer"
import * as MemoryDns from "@rdev/core/memory/infra/Dns"
import * as Dns from "@rdev/core/ports/infra/Dns"
import type { ForgeStore } from "@rdev/core/ports/stores/ForgeStore"
import type { IssueStore } from "@rdev/core/ports/stores/IssueStore"
import * as MemoryForgeStore from "@rdev/core/memory/stores/ForgeStore"
import * as MemoryIssueStore from "@rdev/core/memory/stores/IssueStore"
import * as MemoryEnvironmentStore from "@rdev/core/memory/stores/EnvironmentStore"
import type * as EnvironmentStore from "@rdev/core/ports/stores/EnvironmentStore"
import * as MemoryEventLog from "@rdev/core/memory/stores/EventLog"
import * as EventLog from "@rdev/core/ports/stores/EventLog"
import * as MemoryFeatureStore from "@rdev/core/memory/stores/FeatureStore"
import * as FeatureStore from "@rdev/core/ports/stores/FeatureStore"
import * as MemoryForge from "@rdev/core/memory/infra/Forge"
import * as Forge from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { type Call, type Fault, type ProviderProbe, watched } from "@rdev/core/memory/infra/ProviderProbe"
import * as MemoryNotifier from "@rdev/core/memory/stores/Notifier"
import * as Notifier from "@rdev/core/ports/stores/Notifier"
import * as MemoryOperationStore from "@rdev/core/memory/stores/OperationStore"
import * as OperationStore from "@rdev/core/ports/stores/OperationStore"
import * as MemoryOutputStore from "@rdev/core/memory/stores/OutputStore"
import * as OutputStore from "@rdev/core/ports/stores/OutputStore"
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import * as MemoryPolicyStore from "@rdev/core/memory/stores/PolicyStore"
import * as PolicyStore from "@rdev/core/ports/stores/PolicyStore"
import * as MemoryProjectStore from "@rdev/core/memory/stores/ProjectStore"
import * as ProjectStore from "@rdev/core/ports/stores/ProjectStore"
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Installed, ResourceError } from "@rdev/core/adapter/ResourceProvider"
import { Templates } from "@rdev/core/ports/infra/Templates"
import * as MemoryTenantCache from "@rdev/core/memory/infra/TenantCache"
import * as TenantCache from "@rdev/core/ports/infra/TenantCache"
import * as MemoryTenantDatabase from "@rdev/core/memory/infra/TenantDatabase"
import * as TenantDatabase from "@rdev/core/ports/infra/TenantDatabase"
import * as MemoryTls from "@rdev/core/memory/infra/Tls"
import * as Tls from "@rdev/core/ports/infra/Tls"
import * as MemoryUnitOfWork from "@rdev/core/memory/stores/UnitOfWork"
import * as UnitOfWork from "@rdev/core/ports/stores/UnitOfWork"
import * as MemoryWorkspaceHost from "@rdev/core/memory/infra/WorkspaceHost"
import * as WorkspaceHost from "@rdev/core/ports/infra/WorkspaceHost"
import * as Projects from "@rdev/core/services/Projects"
import { definitions, type Infrastructure } from "@rdev/core/services/projects/ProjectOperations"

const templates = Layer.succeed(Templates, {
  list: Effect.succeed([{ name: "default", title: "Default", kind: "static" as const, description: "" }]),
  files: (_name, variables) =>
    Effect.succeed([
      { path: "README.md", content: `# ${variables.project}\n` },
      { path: ".sdlc/policy.yaml", content: "version: 1\n" }
    ])
})

const stores = Layer.mergeAll(
  MemoryAuditStore.layer,
  MemoryCredentialStore.layer,
  MemoryEnvironmentStore.layer,
  MemoryForgeStore.layer,
  MemoryIssueStore.layer,
  MemoryEventLog.layer,
  MemoryFeatureStore.layer,
  MemoryNotifier.layer,
  MemoryOperationStore.layer,
  MemoryOutputStore.layer,
  MemoryPolicyStore.layer,
  MemoryProjectStore.layer,
  MemoryUnitOfWork.layer
)
export const providers = Layer.mergeAll(
  MemoryCi.layer,
  MemoryBuilder.layer,
  MemoryDeployer.layer,
  MemoryRouter.layer,
  MemoryDns.layer,
  MemoryForge.layer,
  MemoryTenantCache.layer,
  MemoryTenantDatabase.layer,
  MemoryTls.layer,
  MemoryWorkspaceHost.layer,
  templates
)

/** Everything but a runner; `replaced` replaces providers, or brings kinds of resources. */
export const world = (
  replaced:
    | Layer.Layer<never>
    | Layer.Layer<Tls.Tls | TenantDatabase.TenantDatabase | TenantCache.TenantCache> = Layer.empty
) =>
  Projects.layer.pipe(
    Layer.provideMerge(Operations.layer),
    Layer.provideMerge(Definition.layer(definitions)),
    Layer.provideMerge(Layer.mergeAll(stores, Layer.merge(providers, replaced)))
  )

export type Everything =
  | Infrastructure
  | AuditStore.AuditStore
  | EnvironmentStore.EnvironmentStore
  | EventLog.EventLog
  | ForgeStore
  | IssueStore
  | FeatureStore.FeatureStore
  | Notifier.Notifier
  | OperationStore.OperationStore
  | OutputStore.OutputStore
  | PolicyStore.PolicyStore
  | ProjectStore.ProjectStore
  | UnitOfWork.UnitOfWork
  | WorkspaceHost.WorkspaceHost

/** One created or deleted thing, as the provider saw it. */
export interface Effected {
  readonly port: string
  readonly verb: string
  readonly name: string
  readonly what: "created" | "deleted"
}

/** What all processes together did to the providers. */
export class Oracle {
  readonly effects: Array<Effected> = []
  readonly calls: Array<string> = []
  created(port: string): ReadonlyArray<string> {
    return this.effects.filter((one) => one.port === port && one.what === "created").map((one) => one.name)
  }
}

const nameOf = (args: ReadonlyArray<unknown>): string => {
  const [first, second] = args
  if (typeof first === "object" && first !== null) {
    if ("project" in first && "id" in first) return String(first.id)
    if ("host" in first) return String(first.host)
    const environment =
      typeof second === "object" && second !== null && "environment" in second ? `/${String(second.environment)}` : ""
    if ("name" in first) return `${String(first.name)}${environment}`
  }
  return args.map(String).join("/")
}

export interface Options {
  /** The call (counted from 1) at which the process dies; each call counts twice: when it arrives and when it is answered. */
  readonly dieAt?: number
  readonly fault?: (call: Call, number: number) => Fault | null
  readonly runner?: OperationRunner.RunnerOptions
}

/** Calls that only look are not worth dying at twice; all are counted. */
class Life implements ProviderProbe {
  count = 0
  dead = false
  readonly oracle: Oracle
  readonly options: Options
  constructor(oracle: Oracle, options: Options) {
    this.oracle = oracle
    this.options = options
  }
  tick(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.count += 1
      if (this.count === this.options.dieAt) this.dead = true
      return this.dead ? Effect.interruptible(Effect.never) : Effect.void
    })
  }
  arrives = (call: Call): Effect.Effect<Fault | null> =>
    Effect.map(this.tick(), () => {
      this.oracle.calls.push(`${call.port}.${call.verb}`)
      return this.options.fault?.(call, this.count) ?? null
    })
  answers = (call: Call, result: unknown): Effect.Effect<void> =>
    Effect.suspend(() => {
      const name = nameOf(call.args)
      const made = typeof result === "object" && result !== null && "created" in result && result.created === true
      if (made) this.oracle.effects.push({ port: call.port, verb: call.verb, name, what: "created" })
      if (
        call.port === "Deployer" &&
        call.verb === "deploy" &&
        typeof result === "object" &&
        result !== null &&
        "id" in result
      ) {
        const release = `${name}=${String(result.id)}`
        if (!this.oracle.effects.some((one) => one.name === release))
          this.oracle.effects.push({ port: call.port, verb: call.verb, name: release, what: "created" })
      }
      if (call.verb === "remove" || call.verb === "deleteRepository")
        this.oracle.effects.push({ port: call.port, verb: call.verb, name, what: "deleted" })
      return this.tick()
    })
}

const storeFailure = (operation: string, reason: PortReason) =>
  new StoreError({ operation, reason: { _tag: "Unavailable", message: reason._tag } })

export interface Process {
  readonly life: Life
  readonly isDead: () => boolean
  readonly stop: Effect.Effect<void>
  readonly kill: Effect.Effect<void>
}

/** Starts a process: a runner over the shared world, watched. */
export const boot = (oracle: Oracle, options: Options = {}): Effect.Effect<Process, never, Everything> =>
  Effect.gen(function* () {
    const base = yield* Effect.context<Everything>()
    const life = new Life(oracle, options)
    const mine = base.pipe(
      Context.add(
        RepositoryHost,
        watched(
          "RepositoryHost",
          Context.get(base, RepositoryHost),
          (operation, reason) => new Forge.ForgeError({ operation, reason }),
          life
        )
      ),
      Context.add(
        GitObjects,
        watched(
          "GitObjects",
          Context.get(base, GitObjects),
          (operation, reason) => new Forge.ForgeError({ operation, reason }),
          life
        )
      ),
      Context.add(
        Ci.Ci,
        watched("Ci", Context.get(base, Ci.Ci), (operation, reason) => new Ci.CiError({ operation, reason }), life)
      ),
      Context.add(
        Dns.Dns,
        watched("Dns", Context.get(base, Dns.Dns), (operation, reason) => new Dns.DnsError({ operation, reason }), life)
      ),
      Context.add(
        Tls.Tls,
        watched("Tls", Context.get(base, Tls.Tls), (operation, reason) => new Tls.TlsError({ operation, reason }), life)
      ),
      Context.add(
        TenantDatabase.TenantDatabase,
        watched(
          "TenantDatabase",
          Context.get(base, TenantDatabase.TenantDatabase),
          (operation, reason) => new TenantDatabase.TenantDatabaseError({ operation, reason }),
          life
        )
      ),
      Context.add(
        TenantCache.TenantCache,
        watched(
          "TenantCache",
          Context.get(base, TenantCache.TenantCache),
          (operation, reason) => new TenantCache.TenantCacheError({ operation, reason }),
          life
        )
      ),
      Context.add(
        Builder.Builder,
        watched(
          "Builder",
          Context.get(base, Builder.Builder),
          (operation, reason) => new Builder.BuilderError({ operation, reason }),
          life
        )
      ),
      Context.add(
        Router.Router,
        watched(
          "Router",
          Context.get(base, Router.Router),
          (operation, reason) => new Router.RouterError({ operation, reason }),
          life
        )
      ),
      Context.add(
        Deployer.Deployer,
        watched(
          "Deployer",
          Context.get(base, Deployer.Deployer),
          (operation, reason) => new Deployer.DeployerError({ operation, reason }),
          life
        )
      ),
      Context.add(
        CredentialStore.CredentialStore,
        watched("CredentialStore", Context.get(base, CredentialStore.CredentialStore), storeFailure, life)
      ),
      Context.add(
        OperationStore.OperationStore,
        watched("OperationStore", Context.get(base, OperationStore.OperationStore), storeFailure, life)
      ),
      Context.add(
        UnitOfWork.UnitOfWork,
        watched("UnitOfWork", Context.get(base, UnitOfWork.UnitOfWork), storeFailure, life)
      )
    )
    const brought = [...Context.get(base, Installed)].map(
      ([kind, provider]) =>
        [kind, watched(kind, provider, (operation, reason) => new ResourceError({ operation, reason }), life)] as const
    )
    const registry = Definition.registry(
      yield* Effect.provideContext(Effect.provideService(Effect.all(definitions), Installed, new Map(brought)), mine)
    )
    const scope = yield* Scope.make()
    const work = OperationRunner.run({ drainMillis: 0, ...options.runner }).pipe(
      Effect.provideService(Definition.OperationDefinitions, registry),
      Effect.provideContext(mine)
    )
    const fiber = yield* Effect.forkIn(work, scope)
    const stop = Effect.gen(function* () {
      const ending = yield* Effect.forkChild(Effect.andThen(Fiber.interrupt(fiber), Scope.close(scope, Exit.void)))
      // Waits in the end of a runner are on the clock that we move.
      for (let i = 0; i < 200 && ending.pollUnsafe() === undefined; i++) yield* TestClock.adjust("100 millis")
      yield* Fiber.join(ending)
    })
    return {
      life,
      isDead: () => life.dead,
      stop,
      kill: Effect.andThen(
        Effect.sync(() => {
          life.dead = true
        }),
        stop
      )
    }
  })
