/** Steps about what a project is given besides its repository: host names, certificates, a database, a cache. */
import { Effect, Option, Redacted, Schema } from "effect"
import { type Identity } from "../../operations/Definition.ts"
import * as Step from "../../operations/Step.ts"
import { CredentialStore } from "../../ports/stores/CredentialStore.ts"
import { Dns } from "../../ports/infra/Dns.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import { OutputStore } from "../../ports/stores/OutputStore.ts"
import { TenantCache } from "../../ports/infra/TenantCache.ts"
import { TenantDatabase } from "../../ports/infra/TenantDatabase.ts"
import { Tls } from "../../ports/infra/Tls.ts"
import { WorkspaceHost } from "../../ports/infra/WorkspaceHost.ts"
import { cacheUrl, databaseUrl } from "./ProjectEnvironment.ts"
import { CacheOutput, type DeleteInput, HostsOutput, NamedOutput, type ProvisionInput } from "./ProvisionInput.ts"
import { foreignAware, targetOf } from "./RepositorySteps.ts"

const hostsOf = (input: { readonly hosts: ProvisionInput["hosts"] }) => [input.hosts.production, input.hosts.staging]

/** One observation of several host names: foreign if one is, there if all are. */
const together = (
  projectId: ProjectId,
  hosts: ReadonlyArray<string>,
  found: ReadonlyArray<Option.Option<{ readonly projectId: ProjectId; readonly drift: string | null }>>
): Step.Observed<typeof HostsOutput.Type> => {
  const foreign = hosts.find((_, i) => Option.exists(found[i] ?? Option.none(), (one) => one.projectId !== projectId))
  if (foreign !== undefined)
    return { _tag: "Foreign", detail: `${foreign} belongs to another project or to somebody else` }
  const there = found.flatMap((one) => (Option.isSome(one) ? [one.value] : []))
  if (there.length === 0) return { _tag: "Absent" }
  const drift =
    there.length < hosts.length
      ? "not all host names are there"
      : (there.find((one) => one.drift !== null)?.drift ?? null)
  return {
    _tag: "Present",
    known: false,
    drift,
    detail: `${hosts.join(" and ")} are ours`,
    output: { hosts: [...hosts] }
  }
}

const seenRecords = (projectId: ProjectId, hosts: ReadonlyArray<string>, target: string | null) =>
  foreignAware(
    Effect.gen(function* () {
      const dns = yield* Dns
      const found = yield* Effect.forEach(hosts, (host) => dns.observe(host))
      return together(
        projectId,
        hosts,
        found.map(
          Option.map((record) => ({
            projectId: record.projectId,
            drift: target === null || record.target === target ? null : `${record.host} points to ${record.target}`
          }))
        )
      )
    }),
    Step.fromPort
  )

const removeEach = <E, R>(hosts: ReadonlyArray<string>, remove: (host: string) => Effect.Effect<void, E, R>) =>
  Effect.forEach(hosts, remove, { discard: true })

export const dns = (input: ProvisionInput, identity: Identity) => {
  const { projectId } = targetOf(input, identity)
  const hosts = hostsOf(input)
  return Step.make({
    key: "dns",
    title: "Create the DNS records",
    intent: "create",
    output: HostsOutput,
    resource: { provider: "dns", externalId: hosts.join(" ") },
    observe: () => seenRecords(projectId, hosts, input.dnsTarget),
    do: () =>
      Effect.gen(function* () {
        const service = yield* Dns
        yield* Effect.forEach(
          hosts,
          (host) => Effect.mapError(service.ensure({ projectId, host, target: input.dnsTarget }), Step.fromPort),
          { discard: true }
        )
        return Step.done({ hosts })
      }),
    undo: () =>
      Effect.flatMap(Dns, (service) =>
        removeEach(hosts, (host) => Effect.mapError(service.remove(projectId, host), Step.fromPort))
      )
  })
}

const seenCertificates = (projectId: ProjectId, hosts: ReadonlyArray<string>) =>
  foreignAware(
    Effect.gen(function* () {
      const tls = yield* Tls
      const found = yield* Effect.forEach(hosts, (host) => tls.observe(host))
      return together(
        projectId,
        hosts,
        found.map(Option.map((certificate) => ({ projectId: certificate.projectId, drift: null })))
      )
    }),
    Step.fromPort
  )

export const tls = (input: ProvisionInput, identity: Identity) => {
  const { projectId } = targetOf(input, identity)
  const hosts = hostsOf(input)
  return Step.make({
    key: "tls",
    title: "Obtain the certificates",
    dependsOn: ["dns"],
    intent: "create",
    output: HostsOutput,
    resource: { provider: "tls", externalId: hosts.join(" ") },
    observe: () => seenCertificates(projectId, hosts),
    do: () =>
      Effect.gen(function* () {
        const service = yield* Tls
        yield* Effect.forEach(hosts, (host) => Effect.mapError(service.ensure(projectId, host), Step.fromPort), {
          discard: true
        })
        return Step.done({ hosts })
      }),
    undo: () =>
      Effect.flatMap(Tls, (service) =>
        removeEach(hosts, (host) => Effect.mapError(service.remove(projectId, host), Step.fromPort))
      )
  })
}

/** Keeps the new credential, or makes one when there is none: the answer that carried it may have been lost. */
const keepCredential = <E, R>(
  projectId: ProjectId,
  name: string,
  given: Redacted.Redacted | null,
  rotate: Effect.Effect<{ readonly url: Redacted.Redacted }, E, R>
) =>
  Effect.gen(function* () {
    const store = yield* CredentialStore
    const stored = yield* Effect.mapError(store.get(projectId, name), Step.fromStore)
    if (given === null && Option.isSome(stored)) return
    const url = given ?? (yield* rotate).url
    yield* Effect.mapError(store.put(projectId, name, url), Step.fromStore)
  })
const forgetCredential = (projectId: ProjectId, name: string) =>
  Effect.flatMap(CredentialStore, (store) => Effect.mapError(store.remove(projectId, name), Step.fromStore))
const missingCredential = (projectId: ProjectId, name: string) =>
  Effect.map(
    Effect.flatMap(CredentialStore, (store) => Effect.mapError(store.get(projectId, name), Step.fromStore)),
    (stored) => (Option.isNone(stored) ? "its credential is not stored" : null)
  )

export const database = (input: ProvisionInput, identity: Identity) => {
  const tenant = targetOf(input, identity)
  return Step.make({
    key: "database",
    title: "Create the database",
    intent: "create",
    output: NamedOutput,
    resource: { provider: "database", externalId: input.name },
    observe: () =>
      Effect.gen(function* () {
        const service = yield* TenantDatabase
        const drift = yield* missingCredential(tenant.projectId, databaseUrl)
        return yield* foreignAware(
          Effect.map(
            service.observe(tenant),
            Option.match({
              onNone: (): Step.Observed<typeof NamedOutput.Type> => ({ _tag: "Absent" }),
              onSome: (found) => ({
                _tag: "Present",
                known: false,
                drift,
                detail: `database ${found.externalId} is there`,
                output: { externalId: found.externalId }
              })
            })
          ),
          Step.fromPort
        )
      }),
    do: () =>
      Effect.gen(function* () {
        const service = yield* TenantDatabase
        const made = yield* Effect.mapError(service.ensure(tenant), Step.fromPort)
        yield* keepCredential(
          tenant.projectId,
          databaseUrl,
          made.url,
          Effect.mapError(service.rotate(tenant), Step.fromPort)
        )
        return Step.done({ externalId: made.externalId }, made.externalId)
      }),
    undo: () =>
      Effect.andThen(
        Effect.flatMap(TenantDatabase, (service) => Effect.mapError(service.remove(tenant), Step.fromPort)),
        forgetCredential(tenant.projectId, databaseUrl)
      )
  })
}

export const cache = (input: ProvisionInput, identity: Identity) => {
  const tenant = targetOf(input, identity)
  return Step.make({
    key: "cache",
    title: "Create the cache namespace",
    intent: "create",
    output: CacheOutput,
    resource: { provider: "cache", externalId: input.name },
    observe: () =>
      Effect.gen(function* () {
        const service = yield* TenantCache
        const drift = yield* missingCredential(tenant.projectId, cacheUrl)
        return yield* foreignAware(
          Effect.map(
            service.observe(tenant),
            Option.match({
              onNone: (): Step.Observed<typeof CacheOutput.Type> => ({ _tag: "Absent" }),
              onSome: (found) => ({
                _tag: "Present",
                known: false,
                drift,
                detail: `cache ${found.externalId} is there`,
                output: { externalId: found.externalId, keyPrefix: found.keyPrefix }
              })
            })
          ),
          Step.fromPort
        )
      }),
    do: () =>
      Effect.gen(function* () {
        const service = yield* TenantCache
        const made = yield* Effect.mapError(service.ensure(tenant), Step.fromPort)
        yield* keepCredential(
          tenant.projectId,
          cacheUrl,
          made.url,
          Effect.mapError(service.rotate(tenant), Step.fromPort)
        )
        return Step.done({ externalId: made.externalId, keyPrefix: made.keyPrefix }, made.externalId)
      }),
    undo: () =>
      Effect.andThen(
        Effect.flatMap(TenantCache, (service) => Effect.mapError(service.remove(tenant), Step.fromPort)),
        forgetCredential(tenant.projectId, cacheUrl)
      )
  })
}

export const removals = (input: DeleteInput, identity: Identity) => {
  const tenant = targetOf(input, identity)
  const { projectId } = tenant
  const hosts = hostsOf(input)
  const removal = { intent: "delete", output: Schema.Null, repeatable: true } as const
  const gone = <E, R>(effect: Effect.Effect<void, E, R>) => Effect.as(effect, Step.done(null))
  const emptied = <A, E, R>(seen: Effect.Effect<Step.Observed<A>, E, R>) =>
    Effect.map(seen, (one): Step.Observed<null> => (one._tag === "Present" ? { ...one, output: null } : one))
  return [
    Step.make({
      ...removal,
      key: "workspaces",
      title: "End the workspaces",
      // What their commands printed goes with them.
      do: () =>
        Effect.gen(function* () {
          const host = yield* WorkspaceHost
          const mine = (yield* Effect.mapError(host.list, Step.fromPort)).filter(
            (workspace) => workspace.projectId === projectId
          )
          yield* Effect.forEach(
            mine,
            (workspace) => Effect.mapError(host.destroy(projectId, workspace.name), Step.fromPort),
            { discard: true }
          )
          yield* Effect.mapError((yield* OutputStore).remove(projectId), Step.fromPort)
          return Step.done(null)
        })
    }),
    Step.make({
      ...removal,
      key: "tls",
      title: "Revoke the certificates",
      dependsOn: ["deployment"],
      resource: { provider: "tls", externalId: hosts.join(" ") },
      observe: () => emptied(seenCertificates(projectId, hosts)),
      do: () =>
        gone(
          Effect.flatMap(Tls, (service) =>
            removeEach(hosts, (host) => Effect.mapError(service.remove(projectId, host), Step.fromPort))
          )
        )
    }),
    Step.make({
      ...removal,
      key: "dns",
      title: "Delete the DNS records",
      dependsOn: ["tls"],
      resource: { provider: "dns", externalId: hosts.join(" ") },
      observe: () => emptied(seenRecords(projectId, hosts, null)),
      do: () =>
        gone(
          Effect.flatMap(Dns, (service) =>
            removeEach(hosts, (host) => Effect.mapError(service.remove(projectId, host), Step.fromPort))
          )
        )
    }),
    Step.make({
      ...removal,
      key: "database",
      title: "Drop the database",
      dependsOn: ["deployment"],
      resource: { provider: "database", externalId: input.name },
      do: () =>
        gone(Effect.flatMap(TenantDatabase, (service) => Effect.mapError(service.remove(tenant), Step.fromPort)))
    }),
    Step.make({
      ...removal,
      key: "cache",
      title: "Drop the cache namespace",
      dependsOn: ["deployment"],
      resource: { provider: "cache", externalId: input.name },
      do: () => gone(Effect.flatMap(TenantCache, (service) => Effect.mapError(service.remove(tenant), Step.fromPort)))
    }),
    Step.make({
      ...removal,
      key: "credentials",
      title: "Forget the credentials",
      dependsOn: ["database", "cache"],
      do: () =>
        gone(Effect.flatMap(CredentialStore, (store) => Effect.mapError(store.removeAll(projectId), Step.fromStore)))
    })
  ]
}
