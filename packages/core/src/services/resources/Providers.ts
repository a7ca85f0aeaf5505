/** Every kind of resource that this installation provisions: ours, over the ports, and those that adapters brought (see platform.yaml). */
import { Effect } from "effect"
import { Installed, type ResourceProvider } from "../../adapter/ResourceProvider.ts"
import type { Builder } from "../../ports/infra/Builder.ts"
import type { Ci } from "../../ports/infra/Ci.ts"
import type { Deployer } from "../../ports/infra/Deployer.ts"
import type { Dns } from "../../ports/infra/Dns.ts"
import type { GitObjects } from "../../ports/infra/GitObjects.ts"
import type { RepositoryHost } from "../../ports/infra/RepositoryHost.ts"
import type { Router } from "../../ports/infra/Router.ts"
import type { Templates } from "../../ports/infra/Templates.ts"
import type { TenantCache } from "../../ports/infra/TenantCache.ts"
import type { TenantDatabase } from "../../ports/infra/TenantDatabase.ts"
import type { Tls } from "../../ports/infra/Tls.ts"
import type { CredentialStore } from "../../ports/stores/CredentialStore.ts"
import type { PolicyStore } from "../../ports/stores/PolicyStore.ts"
import { ForgeHooks } from "../../ports/forge/ForgeHooks.ts"
import type { ForgeStore } from "../../ports/stores/ForgeStore.ts"
import { ci, deployment, repository } from "./CodeProviders.ts"
import { webhook } from "./HookProvider.ts"
import { dns, tls } from "./NameProviders.ts"
import { cache, database } from "./TenantProviders.ts"

/** The ports behind our kinds. */
export type Infrastructure =
  | Builder
  | Ci
  | CredentialStore
  | Deployer
  | Dns
  | ForgeStore
  | GitObjects
  | PolicyStore
  | RepositoryHost
  | Router
  | Templates
  | TenantCache
  | TenantDatabase
  | Tls
export type Provider = ResourceProvider<Infrastructure>

export const ours: ReadonlyArray<Provider> = [repository, ci, dns, tls, database, cache, deployment]
/** Of a forge that posts what happens there. */
const posted: ReadonlyArray<Provider> = [webhook]
const byKind = new Map([...ours, ...posted].map((provider) => [provider.kind, provider]))

/** What every project has; the others are for components that need them. */
export const foundation: ReadonlySet<string> = new Set(["repository", "webhook", "ci", "dns", "tls", "deployment"])

export const find = (kind: string): Effect.Effect<Provider | undefined> =>
  Effect.map(Installed, (installed) => installed.get(kind) ?? byKind.get(kind))

/** In the order in which people are told of them. */
export const all: Effect.Effect<ReadonlyArray<Provider>> = Effect.gen(function* () {
  const installed = yield* Installed
  const hooks = yield* ForgeHooks
  return [
    ...[...ours, ...(hooks === null ? [] : posted)].map((provider) => installed.get(provider.kind) ?? provider),
    ...[...installed.values()].filter(({ kind }) => !byKind.has(kind))
  ]
})
