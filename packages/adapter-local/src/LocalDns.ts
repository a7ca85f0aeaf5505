/**
 * The Dns port for names under `localhost`, which every browser resolves to this machine: a record is a file
 * `<dataDir>/dns/<host>.json`, and the Edge answers for it. `HostRoutes` is the same table for reading without waiting.
 */
import * as Ids from "@rdev/core/domain/Ids"
import { Dns, DnsError, type DnsRecord } from "@rdev/core/ports/Dns"
import { Clock, Context, Effect, Layer, Option, Schema, Semaphore } from "effect"
import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { attempt, foreign, invalid, type LocalFailure } from "./LocalFailure.ts"
import * as RecordFile from "./RecordFile.ts"

export interface Options {
  readonly dataDir: string
  /** Default `localhost`. */
  readonly domain?: string
}

const Stored = Schema.Struct({ projectId: Ids.ProjectId, host: Schema.String, target: Schema.String, createdAtMillis: Schema.Int })
type Stored = typeof Stored.Type
const decode = Schema.decodeUnknownSync(Stored)

export class HostRoutes extends Context.Service<HostRoutes, {
  readonly domain: string
  find(host: string): DnsRecord | null
}>()("rdev/adapter-local/HostRoutes") {}

const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
const host = new RegExp(`^(?:${label}\\.)+${label}$`)
export const isHost = (name: string, domain: string): boolean => name.length <= 200 && host.test(name) && name.endsWith(`.${domain}`)

/** This machine: an address or name of loopback, or an HTTP URL on it with a port. */
export const isTarget = (target: string): boolean => /^(?:127\.0\.0\.1|::1|localhost|http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost):\d{1,5}\/?)$/.test(target)

const view = ({ projectId, host: name, target }: Stored): DnsRecord => ({ projectId, host: name, target })

export const make = Effect.fn("LocalDns.make")(function*(options: Options) {
  const domain = options.domain ?? "localhost"
  const folder = join(options.dataDir, "dns")
  const lock = yield* Semaphore.make(1)
  const records = new Map<string, Stored>()
  const fileOf = (name: string) => join(folder, `${name}.json`)
  yield* attempt(async () => {
    const names = await readdir(folder).catch((cause: unknown) => {
      if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return []
      throw cause
    })
    for (const name of names.filter((one) => one.endsWith(".json"))) {
      const record = await RecordFile.read(join(folder, name), decode)
      if (record !== null && `${record.host}.json` === name) records.set(record.host, record)
    }
  })
  const verb = <A>(operation: string, effect: Effect.Effect<A, LocalFailure>): Effect.Effect<A, DnsError> =>
    lock.withPermit(effect).pipe(
      Effect.mapError((failure) => new DnsError({ operation: `Dns.${operation}`, reason: failure.reason, cause: failure.cause })),
      Effect.withSpan(`Dns.${operation}`)
    )

  const dns = Dns.of({
    hostFor: (name) => `${name}.${domain}`,
    ensure: (record) =>
      verb("ensure", Effect.gen(function*() {
        if (!isHost(record.host, domain)) return yield* invalid("host", `${JSON.stringify(record.host)} is not a host name under ${domain}`)
        if (!isTarget(record.target)) return yield* invalid("target", `${JSON.stringify(record.target)} is not this machine; expected 127.0.0.1, ::1, localhost or http://127.0.0.1:PORT`)
        const there = records.get(record.host)
        if (there !== undefined && there.projectId !== record.projectId) return yield* foreign(`${record.host} belongs to ${there.projectId}`)
        const stored: Stored = { ...record, createdAtMillis: there?.createdAtMillis ?? (yield* Clock.currentTimeMillis) }
        if (there?.target !== record.target) yield* attempt(() => RecordFile.write(fileOf(record.host), stored))
        records.set(record.host, stored)
        return { externalId: record.host, created: there === undefined }
      })),
    observe: (name) => Effect.sync(() => Option.map(Option.fromNullishOr(records.get(name)), view)),
    remove: (projectId, name) =>
      verb("remove", Effect.gen(function*() {
        const there = records.get(name)
        if (there === undefined) return
        if (there.projectId !== projectId) return yield* foreign(`${name} belongs to ${there.projectId}`)
        yield* attempt(() => rm(fileOf(name), { force: true }))
        records.delete(name)
      })),
    list: Effect.sync(() => [...records.values()].map(view).sort((a, b) => a.host < b.host ? -1 : 1))
  })
  const routes = HostRoutes.of({
    domain,
    find: (name) => {
      const there = records.get(name)
      return there === undefined ? null : view(there)
    }
  })
  return Context.make(Dns, dns).pipe(Context.add(HostRoutes, routes))
})

export const layer = (options: Options): Layer.Layer<Dns | HostRoutes, DnsError> =>
  Layer.effectContext(Effect.mapError(make(options), (failure) => new DnsError({ operation: "LocalDns.layer", reason: failure.reason, cause: failure.cause })))
