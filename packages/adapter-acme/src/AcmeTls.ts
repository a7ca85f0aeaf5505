/**
 * Certificates by ACME with DNS-01. A certificate is asked for when the first host name that it covers needs it, and given up with the
 * last. Renewals are listed for the platform, which calls for them; nothing runs by itself here.
 */
import type { ProjectId } from "@rdev/core/domain/Ids"
import * as Renewal from "@rdev/core/queue/Renewal"
import { Dns, isHostName } from "@rdev/core/ports/infra/Dns"
import { type KeyPair, KeyPairs, Tls, TlsError } from "@rdev/core/ports/infra/Tls"
import { CredentialStore } from "@rdev/core/ports/stores/CredentialStore"
import { IdempotencyStore } from "@rdev/core/ports/stores/IdempotencyStore"
import { Clock, Context, Effect, Layer, Option, Redacted } from "effect"
import * as Accounts from "./Accounts.ts"
import type { AcmeClient } from "./AcmeClient.ts"
import { type AcmeFailure, fail } from "./AcmeFailure.ts"
import * as Lease from "./Lease.ts"
import * as Names from "./Names.ts"
import * as Ordering from "./Ordering.ts"
import * as PemFolder from "./PemFolder.ts"
import type { Propagation } from "./Propagation.ts"
import * as Records from "./Records.ts"

export interface Options extends Accounts.Options {
  readonly domain: string
  readonly coverage: Names.Coverage
  readonly profile: string | null
  readonly patienceMillis: number
  readonly propagation: Propagation
  readonly folder: PemFolder.PemFolder
}
/** How it is with certificates, for a slot's health. */
export const AcmeState = Context.Reference<{
  readonly certificates: Effect.Effect<ReadonlyArray<Records.Certificate>, AcmeFailure>
}>("rdev/adapter-acme/AcmeState", { defaultValue: () => ({ certificates: Effect.succeed([]) }) })

type Stored = Records.Certificate
type Publish = NonNullable<Dns["Service"]["publish"]>

interface Parts {
  readonly options: Options
  readonly records: Records.Records
  readonly accounts: Accounts.Accounts
  readonly publish: Publish
}
const worldOf = ({ options, publish, records }: Parts, projectId: ProjectId, client: AcmeClient): Ordering.World => ({
  client,
  profile: options.profile,
  patienceMillis: options.patienceMillis,
  propagation: options.propagation,
  save: records.save,
  publish: (name, values) => publishing(publish, projectId, name, values)
})
const publishing = (publish: Publish, projectId: ProjectId, name: string, values: ReadonlyArray<string>) =>
  Effect.mapError(publish({ projectId, name, values }), (error) => fail(error.reason))

const obtain = (parts: Parts, record: Stored): Effect.Effect<Stored, AcmeFailure> =>
  parts
    .accounts((client) =>
      Effect.flatMap(parts.records.find(record.base), (latest) =>
        Ordering.obtain(
          worldOf(parts, record.projectId, client),
          { ...(latest ?? record), hosts: record.hosts },
          parts.records.find(record.base)
        )
      )
    )
    .pipe(Effect.tap(({ base, issued }) => (issued === null ? Effect.void : parts.options.folder.write(base, issued))))

const owned = (projectId: ProjectId, base: string, found: Stored | null): Effect.Effect<Stored | null, AcmeFailure> =>
  found === null || found.projectId === projectId
    ? Effect.succeed(found)
    : Effect.fail(fail({ _tag: "Foreign", message: `the certificate of ${base} belongs to ${found.projectId}` }))
const isGood = ({ issued }: Stored, now: number) => issued !== null && issued.untilMillis > now
const view = ({ base, issued, projectId }: Stored, host: string) => ({
  projectId,
  host,
  externalId: base,
  notAfterMillis: issued?.untilMillis ?? 0
})

/** With the lease. */
const ensured = (parts: Parts, projectId: ProjectId, host: string, { base, names }: Names.Names) =>
  Effect.gen(function* () {
    const found = yield* owned(projectId, base, yield* parts.records.find(base))
    const now = yield* Clock.currentTimeMillis
    const fresh: Stored = { projectId, base, names: [...names], hosts: [], issued: null, order: null, failure: null }
    const before = found ?? fresh
    const created = !before.hosts.includes(host) || !isGood(before, now)
    const asked = before.hosts.includes(host) ? before : { ...before, hosts: [...before.hosts, host] }
    if (isGood(before, now)) {
      if (created) yield* parts.records.save(asked)
      return { ...view(asked, host), created }
    }
    return { ...view(yield* obtain(parts, asked), host), created }
  }).pipe(Effect.onError(() => Effect.ignore(unused(parts, base))))
/** A record that came to nothing is none. */
const unused = ({ records }: Parts, base: string) =>
  Effect.flatMap(records.find(base), (left) =>
    left !== null && left.issued === null && left.order === null ? records.forget(base) : Effect.void
  )

const renewed = (parts: Parts, projectId: ProjectId, host: string, base: string) =>
  Effect.gen(function* () {
    const found = yield* owned(projectId, base, yield* parts.records.find(base))
    const now = yield* Clock.currentTimeMillis
    if (found === null || found.issued === null)
      return yield* fail({ _tag: "NotFound", message: `there is no certificate of ${base}` })
    if (Records.dueAt(found, found.issued) > now) return view(found, host)
    const term = Records.term(found.issued)
    return view(yield* Effect.tapError(obtain(parts, found), (error) => noted(parts, base, term, error)), host)
  })
/** A failure is told with the certificate, and what is tried again is tried later. */
const noted = ({ records }: Parts, base: string, term: Renewal.Term, error: AcmeFailure) =>
  Effect.gen(function* () {
    const left = yield* records.find(base)
    if (left === null) return
    const now = yield* Clock.currentTimeMillis
    const count = (left.failure?.count ?? 0) + 1
    const asked = error.reason._tag === "RateLimited" ? (error.reason.retryAfterMillis ?? 0) : 0
    const retryAtMillis = Math.max(Renewal.retryAt(count, now, term), now + asked)
    yield* records.save({ ...left, failure: { count, message: error.message, retryAtMillis } })
  })

const removed = (parts: Parts, projectId: ProjectId, host: string, base: string) =>
  Effect.gen(function* () {
    const { options, publish, records } = parts
    const found = yield* owned(projectId, base, yield* records.find(base))
    if (found === null) return
    const hosts = found.hosts.filter((one) => one !== host)
    if (hosts.length > 0) return yield* records.save({ ...found, hosts })
    yield* Ordering.abandoned(
      { save: records.save, publish: (name, values) => publishing(publish, projectId, name, values) },
      found
    )
    yield* options.folder.remove(base)
    yield* records.forget(base)
  })

const told =
  (verb: string) =>
  <A>(work: Effect.Effect<A, AcmeFailure>): Effect.Effect<A, TlsError> =>
    Effect.mapError(work, (cause) => new TlsError({ operation: `Tls.${verb}`, reason: cause.reason, cause })).pipe(
      Effect.withSpan(`Tls.${verb}`)
    )
const renewalOf = (record: Stored) =>
  record.issued === null
    ? []
    : [
        {
          ...view(record, record.hosts[0] ?? record.base),
          hosts: record.hosts,
          dueAtMillis: Records.dueAt(record, record.issued),
          failure: record.failure?.message ?? null
        }
      ]

const serviceOf = (parts: Parts, lease: ReturnType<typeof Lease.make>) => {
  const { options, records } = parts
  const namesOf = (host: string) => Names.of(host, options.domain, options.coverage)
  const service = Tls.of({
    ensure: (projectId, host) => {
      if (!isHostName(host) || !host.endsWith(`.${options.domain}`))
        return told("ensure")(
          Effect.fail(
            fail({
              _tag: "Invalid",
              field: "host",
              message: `${JSON.stringify(host)} is no host name under ${options.domain}`
            })
          )
        )
      const names = namesOf(host)
      return told("ensure")(lease(names.base, ensured(parts, projectId, host, names)))
    },
    observe: (host) =>
      told("observe")(
        Effect.map(records.find(namesOf(host).base), (found) =>
          found !== null && found.issued !== null && found.hosts.includes(host)
            ? Option.some(view(found, host))
            : Option.none()
        )
      ),
    remove: (projectId, host) => {
      const { base } = namesOf(host)
      return told("remove")(lease(base, removed(parts, projectId, host, base)))
    },
    renewals: {
      list: told("renewals")(Effect.map(records.all, (all) => all.flatMap(renewalOf))),
      renew: (projectId, host) => {
        const { base } = namesOf(host)
        return told("renew")(lease(base, renewed(parts, projectId, host, base)))
      }
    }
  })
  const pairs = (host: string): Effect.Effect<Option.Option<KeyPair>, TlsError> =>
    told("keyPair")(
      Effect.map(records.find(namesOf(host).base), (found) =>
        found === null || found.issued === null || !Names.covers(found.issued.names, host)
          ? Option.none()
          : Option.some({ chain: found.issued.chain, key: Redacted.make(found.issued.key) })
      )
    )
  return { service, pairs }
}

export const layer = (
  options: Options,
  publish: Publish
): Layer.Layer<Tls, never, CredentialStore | IdempotencyStore> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const records = Records.make(yield* CredentialStore)
      // A holder may wait for the zone, for validation, and for the certificate.
      const lease = Lease.make(yield* IdempotencyStore, options.patienceMillis * 3)
      const parts = { options, records, publish, accounts: Accounts.make(options, records, lease) }
      const { pairs, service } = serviceOf(parts, lease)
      return Context.make(Tls, service).pipe(
        Context.add(KeyPairs, pairs),
        Context.add(AcmeState, { certificates: records.all })
      )
    })
  )
