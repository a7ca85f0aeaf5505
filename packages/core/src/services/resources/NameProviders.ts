/** Host names and their certificates as resources: those of an owner together, there when all of them are. */
import { Clock, Effect, Option, Schema } from "effect"
import { type Found, make, type ResourceOwner } from "../../adapter/ResourceProvider.ts"
import { Dns, DnsError } from "../../ports/infra/Dns.ts"
import { Tls, TlsError } from "../../ports/infra/Tls.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import { ownerOf } from "./OwnerOf.ts"

interface Seen {
  readonly projectId: ProjectId
  /** What is wrong with it, or null. */
  readonly drift: string | null
}
const nameOf = ({ hosts }: ResourceOwner) => ({ externalId: hosts.join(" "), attributes: { hosts: [...hosts] } })

/** One observation of several host names: somebody else's when one is, there when one is, as it should be when all are. */
const together = <E>(
  owner: ResourceOwner,
  found: ReadonlyArray<Option.Option<Seen>>,
  foreign: (message: string) => E
): Effect.Effect<Option.Option<Found>, E> => {
  const theirs = owner.hosts.find((_, i) =>
    Option.exists(found[i] ?? Option.none(), (one) => one.projectId !== owner.project.id)
  )
  if (theirs !== undefined) return Effect.fail(foreign(`${theirs} belongs to another project or to somebody else`))
  const there = found.flatMap(Option.toArray)
  if (there.length === 0) return Effect.succeedNone
  const missing = owner.hosts.filter((_, i) => Option.isNone(found[i] ?? Option.none()))
  const drift =
    missing.length > 0
      ? `not all host names are there: ${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} missing`
      : (there.find((one) => one.drift !== null)?.drift ?? null)
  return Effect.succeedSome({ ...nameOf(owner), drift })
}

const each = <A, E, R>(owner: ResourceOwner, verb: (host: string) => Effect.Effect<A, E, R>) =>
  Effect.forEach(owner.hosts, verb)
const nothing = Schema.Struct({})

export const dns = make<typeof nothing.Type, Dns>({
  kind: "dns",
  provider: "dns",
  per: "environment",
  outputs: nothing,
  observe: (owner) =>
    Effect.gen(function* () {
      const service = yield* Dns
      const found = yield* each(owner, (host) => service.observe(host))
      return yield* together(
        owner,
        found.map(
          Option.map(({ host, projectId, target }) => ({
            projectId,
            drift: target === owner.address ? null : `${host} points to ${target}`
          }))
        ),
        (message) => new DnsError({ operation: "Dns.observe", reason: { _tag: "Foreign", message } })
      )
    }),
  ensure: (owner) =>
    Effect.gen(function* () {
      const service = yield* Dns
      const made = yield* each(owner, (host) =>
        service.ensure({ projectId: owner.project.id, host, target: owner.address })
      )
      return { ...nameOf(owner), created: made.some(({ created }) => created), outputs: {} }
    }),
  remove: (owner) =>
    Effect.flatMap(Dns, (service) => Effect.asVoid(each(owner, (host) => service.remove(owner.project.id, host)))),
  list: Effect.map(
    Effect.flatMap(Dns, (service) => service.list),
    (records) =>
      records.map(({ host, projectId }) => ({
        owner: { ...ownerOf(projectId, host), hosts: [host] },
        externalId: host,
        createdAtMillis: null
      }))
  )
})

export const tls = make<typeof nothing.Type, Tls>({
  kind: "tls",
  provider: "tls",
  per: "environment",
  after: ["dns"],
  outputs: nothing,
  observe: (owner) =>
    Effect.gen(function* () {
      const service = yield* Tls
      const found = yield* each(owner, (host) => service.observe(host))
      const now = yield* Clock.currentTimeMillis
      return yield* together(
        owner,
        found.map(
          Option.map(({ host, notAfterMillis, projectId }) => ({
            projectId,
            drift:
              notAfterMillis > now
                ? null
                : `the certificate of ${host} ended at ${new Date(notAfterMillis).toISOString()}`
          }))
        ),
        (message) => new TlsError({ operation: "Tls.observe", reason: { _tag: "Foreign", message } })
      )
    }),
  ensure: (owner) =>
    Effect.gen(function* () {
      const service = yield* Tls
      const made = yield* each(owner, (host) => service.ensure(owner.project.id, host))
      return { ...nameOf(owner), created: made.some(({ created }) => created), outputs: {} }
    }),
  remove: (owner) =>
    Effect.flatMap(Tls, (service) => Effect.asVoid(each(owner, (host) => service.remove(owner.project.id, host)))),
  // The port does not list certificates; they end by themselves when they are not renewed.
  list: Effect.succeed([])
})
