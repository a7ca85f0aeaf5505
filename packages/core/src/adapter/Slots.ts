/**
 * The places of an installation that an adapter can fill: for each its services, and what its layer may ask for. An order: a slot may
 * only ask for what stands before it, so that no choice of adapters goes round in circles.
 */
import type { AgentHarness } from "../ports/agents/AgentHarness.ts"
import type { ApiKeyStore } from "../ports/stores/ApiKeyStore.ts"
import type { AuditStore } from "../ports/stores/AuditStore.ts"
import type { Builder } from "../ports/infra/Builder.ts"
import type { Ci } from "../ports/infra/Ci.ts"
import type { CredentialStore } from "../ports/stores/CredentialStore.ts"
import type { Deployer } from "../ports/infra/Deployer.ts"
import type { Dns } from "../ports/infra/Dns.ts"
import type { Edge } from "../ports/infra/Edge.ts"
import type { EnvironmentStore } from "../ports/stores/EnvironmentStore.ts"
import type { EventLog } from "../ports/stores/EventLog.ts"
import type { FeatureStore } from "../ports/stores/FeatureStore.ts"
import type { ForgeStore } from "../ports/stores/ForgeStore.ts"
import type { GitObjects } from "../ports/infra/GitObjects.ts"
import type { IdempotencyStore } from "../ports/stores/IdempotencyStore.ts"
import type { IssueStore } from "../ports/stores/IssueStore.ts"
import type { Notifier } from "../ports/stores/Notifier.ts"
import type { OperationStore } from "../ports/stores/OperationStore.ts"
import type { OutputStore } from "../ports/stores/OutputStore.ts"
import type { PolicyStore } from "../ports/stores/PolicyStore.ts"
import type { ProjectStore } from "../ports/stores/ProjectStore.ts"
import type { RepositoryHost } from "../ports/infra/RepositoryHost.ts"
import type { Templates } from "../ports/infra/Templates.ts"
import type { Router } from "../ports/infra/Router.ts"
import type { RateLimiter } from "../ports/infra/RateLimiter.ts"
import type { TenantCache } from "../ports/infra/TenantCache.ts"
import type { TenantDatabase } from "../ports/infra/TenantDatabase.ts"
import type { Tls } from "../ports/infra/Tls.ts"
import type { UnitOfWork } from "../ports/stores/UnitOfWork.ts"
import type { WebhookStore } from "../ports/stores/WebhookStore.ts"
import type { WebhookTransport } from "../ports/infra/WebhookTransport.ts"
import type { WorkQueueStore } from "../ports/stores/WorkQueueStore.ts"
import type { WorkspaceHost } from "../ports/infra/WorkspaceHost.ts"
import type { Host } from "./Host.ts"

/** All that must be one transaction. */
export type Stores =
  | ApiKeyStore
  | AuditStore
  | CredentialStore
  | EnvironmentStore
  | EventLog
  | FeatureStore
  | ForgeStore
  | IdempotencyStore
  | IssueStore
  | Notifier
  | OperationStore
  | PolicyStore
  | ProjectStore
  | UnitOfWork
  | WebhookStore
  | WorkQueueStore

export interface SlotServices {
  readonly stores: Stores
  readonly credentials: CredentialStore
  readonly notifier: Notifier
  readonly limits: RateLimiter
  readonly templates: Templates
  readonly dns: Dns
  readonly tls: Tls
  readonly outputs: OutputStore
  readonly webhooks: WebhookTransport
  readonly database: TenantDatabase
  readonly cache: TenantCache
  readonly forge: GitObjects | RepositoryHost
  readonly workspaces: WorkspaceHost
  readonly ci: Ci
  readonly builder: Builder
  readonly deployer: Deployer
  readonly router: Router
  readonly agents: AgentHarness
  readonly edge: Edge
}
export type SlotName = keyof SlotServices

type Basis = Host | Stores
type Names = Basis | Dns | Tls
type Code = Names | GitObjects | OutputStore | RepositoryHost
export interface SlotNeeds {
  readonly stores: Host
  readonly credentials: Host | Stores
  readonly notifier: Host | Stores
  readonly limits: Basis
  readonly templates: Host
  readonly dns: Basis
  readonly tls: Basis | Dns
  readonly outputs: Basis
  readonly webhooks: Basis
  readonly database: Basis
  readonly cache: Basis
  readonly forge: Names
  readonly workspaces: Code
  readonly ci: Code
  readonly builder: Code
  readonly deployer: Code
  readonly router: Code
  readonly agents: Code | WorkspaceHost
  readonly edge: Code | Deployer
}

interface Described {
  /** Where it stands in platform.yaml. */
  readonly path: string
  /** What it is for, in a sentence. */
  readonly purpose: string
  /** Other words for it, to be recognised where somebody writes them. */
  readonly alias: ReadonlyArray<string>
}

/** In the order in which they are built. */
export const slots: { readonly [N in SlotName]: Described } = {
  stores: {
    path: "stores",
    purpose: "Everything rdev remembers, in one transaction: projects, events, keys, the work queue, operations.",
    alias: ["store", "postgres", "postgresql", "sql", "queue"]
  },
  credentials: {
    path: "credentials",
    purpose: "Secrets of projects, encrypted. Left out: the stores keep them.",
    alias: ["secrets", "vault", "secret", "credential"]
  },
  notifier: {
    path: "notifier",
    purpose: "Wakes up other processes. A hint that may be lost. Left out: the stores do it.",
    alias: ["notifications", "pubsub", "events"]
  },
  limits: {
    path: "limits",
    purpose: "Counts the requests of each key. Left out: each process counts for itself.",
    alias: ["limit", "ratelimit", "ratelimits", "ratelimiter", "limiter", "quota", "quotas"]
  },
  templates: { path: "templates", purpose: "The files of a new project's repository.", alias: ["template"] },
  dns: { path: "dns", purpose: "Host names of projects.", alias: ["names", "domain", "hosts", "zone"] },
  tls: { path: "tls", purpose: "Certificates for those names.", alias: ["certificates", "certificate", "acme", "ssl"] },
  outputs: {
    path: "outputs",
    purpose: "What commands print, byte for byte.",
    alias: ["output", "logs", "log", "blobs", "artifacts"]
  },
  webhooks: { path: "webhooks", purpose: "Posts events to receivers outside.", alias: ["webhook", "hooks"] },
  database: {
    path: "resources.database",
    purpose: "A database of its own for each project.",
    alias: ["databases", "tenantdatabase", "db"]
  },
  cache: {
    path: "resources.cache",
    purpose: "A cache of its own for each project.",
    alias: ["caches", "redis", "valkey"]
  },
  forge: {
    path: "forge",
    purpose: "Git hosting: repositories, tokens, branches, pull requests.",
    alias: ["git", "scm"]
  },
  workspaces: {
    path: "workspaces",
    purpose: "Where commands and agents run, isolated.",
    alias: ["workspace", "sandbox", "runtime"]
  },
  ci: { path: "ci", purpose: "Runs a repository's pipeline on a commit.", alias: ["pipelines", "builds", "pipeline"] },
  builder: {
    path: "builder",
    purpose: "Makes of a commit what can be released: a folder or an image.",
    alias: ["build", "image", "images", "registry", "buildpack", "buildpacks"]
  },
  deployer: {
    path: "deployer",
    purpose: "Releases what was built to staging and production.",
    alias: ["deploy", "deployment", "deployments", "releases"]
  },
  router: {
    path: "router",
    purpose: "Lets host names lead to releases.",
    alias: ["route", "routes", "routing", "ingress", "gateway"]
  },
  agents: {
    path: "agents",
    purpose: "The coding agents that can be chosen.",
    alias: ["agent", "harness", "harnesses"]
  },
  edge: {
    path: "edge",
    purpose: "Answers for the host names of projects on the server's own port.",
    alias: ["proxy"]
  }
}
export const slotNames = Object.keys(slots) as ReadonlyArray<SlotName>
