/**
 * The Dns port for names under `localhost`, which every browser resolves to this machine: a record is a file
 * `<dataDir>/dns/<host>.json`, and the Edge answers for it. Every process of an installation reads the same files at each question: none
 * remembers what another may have changed.
 */
import * as Hosts from "@rdev/core/domain/hosts/Hosts"
import * as Ids from "@rdev/core/domain/Ids"
import { Dns, DnsError, type DnsRecord } from "@rdev/core/ports/infra/Dns"
import { Clock, Context, Effect, Layer, Option, Schema } from "effect"
import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import * as Damaged from "../records/Damaged.ts"
import * as FileLock from "../records/FileLock.ts"
import { attempt, foreign, invalid, type LocalFailure } from "../LocalFailure.ts"
import * as RecordFile from "../records/RecordFile.ts"

export interface Options {
  readonly dataDir: string
  /** Default `localhost`. */
  readonly domain?: string
}

const Stored = Schema.Struct({
  projectId: Ids.ProjectId,
  host: Schema.String,
  target: Schema.String,
  createdAtMillis: Schema.Int
})
type Stored = typeof Stored.Type
const decode = Schema.decodeUnknownSync(Stored)

export class HostRoutes extends Context.Service<
  HostRoutes,
  {
    readonly domain: string
    find(host: string): Promise<DnsRecord | null>
  }
>()("rdev/adapter-local/HostRoutes") {}

/** A name is a file's: `<host>.json` has 255 characters at most. */
export const isHost = (name: string, domain: string): boolean =>
  name.length <= 200 && Hosts.below(name, domain) !== null

/** This machine: an address or name of loopback, or an HTTP URL on it with a port. */
export const isTarget = (target: string): boolean =>
  /^(?:127\.0\.0\.1|::1|localhost|http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost):\d{1,5}\/?)$/.test(target)

const view = ({ projectId, host: name, target }: Stored): DnsRecord => ({ projectId, host: name, target })

export const make = (options: Options) => {
  const domain = options.domain ?? "localhost"
  const folder = join(options.dataDir, "dns")
  const fileOf = (name: string) => join(folder, `${name}.json`)
  const read = async (name: string): Promise<Stored | null> => {
    if (!isHost(name, domain)) return null
    const record = await RecordFile.read(fileOf(name), decode)
    return record?.host === name ? record : null
  }
  const all = Effect.gen(function* () {
    const names = yield* attempt(() =>
      readdir(folder).catch((cause: unknown) => {
        if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return []
        throw cause
      })
    )
    // Whose a record is that cannot be read is not known.
    const found = yield* Damaged.each(
      names
        .filter((name) => name.endsWith(".json"))
        .map((name) => name.slice(0, -".json".length))
        .filter((name) => isHost(name, domain)),
      (name) => ({
        projectId: null,
        part: `the record of host name ${name}`,
        repair:
          "Remove the file that the message names and run project.sync for the project of that name, which writes it anew"
      }),
      async (name) => ({ name, record: await RecordFile.read(fileOf(name), decode) })
    )
    return found.flatMap(({ name, record }) => (record?.host === name ? [record] : []))
  })
  const verb = <A>(operation: string, effect: Effect.Effect<A, LocalFailure>): Effect.Effect<A, DnsError> =>
    effect.pipe(
      Effect.mapError(
        (failure) => new DnsError({ operation: `Dns.${operation}`, reason: failure.reason, cause: failure.cause })
      ),
      Effect.withSpan(`Dns.${operation}`)
    )
  const alone = FileLock.exclusively(options.dataDir, "dns")

  const dns = Dns.of({
    hostFor: (name) => `${name}.${domain}`,
    ensure: (record) =>
      verb(
        "ensure",
        alone(
          Effect.gen(function* () {
            if (!isHost(record.host, domain))
              return yield* invalid("host", `${JSON.stringify(record.host)} is not a host name under ${domain}`)
            if (!isTarget(record.target))
              return yield* invalid(
                "target",
                `${JSON.stringify(record.target)} is not this machine; expected 127.0.0.1, ::1, localhost or http://127.0.0.1:PORT`
              )
            const there = yield* attempt(() => read(record.host))
            if (there !== null && there.projectId !== record.projectId)
              return yield* foreign(`${record.host} belongs to ${there.projectId}`)
            const stored: Stored = {
              ...record,
              createdAtMillis: there?.createdAtMillis ?? (yield* Clock.currentTimeMillis)
            }
            if (there?.target !== record.target) yield* attempt(() => RecordFile.write(fileOf(record.host), stored))
            return { externalId: record.host, created: there === null }
          })
        )
      ),
    observe: (name) =>
      verb(
        "observe",
        Effect.map(
          attempt(() => read(name)),
          (there) => Option.map(Option.fromNullishOr(there), view)
        )
      ),
    remove: (projectId, name) =>
      verb(
        "remove",
        alone(
          Effect.gen(function* () {
            const there = yield* attempt(() => read(name))
            if (there === null) return
            if (there.projectId !== projectId) return yield* foreign(`${name} belongs to ${there.projectId}`)
            yield* attempt(() => rm(fileOf(name), { force: true }))
          })
        )
      ),
    list: verb(
      "list",
      Effect.map(all, (found) => found.map(view).sort((a, b) => (a.host < b.host ? -1 : 1)))
    )
  })
  const routes = HostRoutes.of({
    domain,
    find: async (name) => {
      const there = await read(name)
      return there === null ? null : view(there)
    }
  })
  return Context.make(Dns, dns).pipe(Context.add(HostRoutes, routes))
}

export const layer = (options: Options): Layer.Layer<Dns | HostRoutes> => Layer.succeedContext(make(options))
