/**
 * A user of its own for each project on a Redis or Valkey server, held to keys and channels of its prefix (TenantAcl). Users are kept in the
 * server's ACL file after each change. A user that does not carry the project's mark is Foreign and never touched.
 */
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import { TenantCache, TenantCacheError } from "@rdev/core/ports/infra/TenantCache"
import type { Tenant } from "@rdev/core/ports/infra/TenantDatabase"
import { Clock, Effect, Option, Redacted, Schedule, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import { type Address, urlFor } from "./Address.ts"
import * as RedisClient from "./RedisClient.ts"
import * as TenantAcl from "./TenantAcl.ts"
import * as TenantKeys from "./TenantKeys.ts"
import * as TenantLock from "./TenantLock.ts"

export interface Options {
  readonly address: Address
  /** Stands before every user; tells installations on one server apart. Default `rdev_`. */
  readonly prefix?: string
  /** Where projects reach the server, `host:port`, if not where this process does. */
  readonly tenantsAt?: string
  /** How long the password before still opens new connections after a rotation. Default 0. */
  readonly overlapSeconds?: number
  /** Whether users must outlive the server: `file` saves them after each change. Default `file`. */
  readonly keep?: "file" | "memory"
  readonly names?: TenantAcl.Rules["names"]
}
/** When passwords that were replaced are looked at. */
const retireEvery = "5 seconds"

const refuse = (operation: string, reason: PortReason, cause?: unknown) =>
  new TenantCacheError({ operation: `TenantCache.${operation}`, reason, cause })
type Failure = RedisClient.RedisFailure | TenantCacheError
const named =
  (operation: string) =>
  <A, R>(effect: Effect.Effect<A, Failure, R>): Effect.Effect<A, TenantCacheError, R> =>
    effect.pipe(
      Effect.mapError((error) =>
        error._tag === "RedisFailure" ? refuse(operation, error.reason, error.cause) : error
      ),
      Effect.withSpan(`TenantCache.${operation}`)
    )

export type Service = TenantCache["Service"] & {
  /** Everything that carries a mark of ours, by the server's own listing. */
  readonly list: Effect.Effect<ReadonlyArray<TenantAcl.Found>, TenantCacheError>
}

const texts = (answer: unknown): ReadonlyArray<string> => (Array.isArray(answer) ? answer.map(String) : [])
const noFile =
  "this Redis keeps no users: start it with an `aclfile` (or say `keep: memory`, where they are made again after each of its starts)"

export const make = (options: Options): Effect.Effect<Service, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { address, keep = "file", names: seen = "hidden", overlapSeconds = 0, prefix = "rdev_" } = options
    const client = yield* RedisClient.make(address)
    const lines = (server: RedisClient.Node) =>
      Effect.map(server.call("ACL", "LIST"), (answer) => texts(answer).flatMap((line) => TenantAcl.parse(line) ?? []))
    const save = (server: RedisClient.Node) =>
      keep === "memory"
        ? Effect.void
        : Effect.mapError(server.call("ACL", "SAVE"), (error) =>
            error.reason._tag === "Unsupported"
              ? new RedisClient.RedisFailure({ reason: { _tag: "Unsupported", message: noFile }, cause: error.cause })
              : error
          )
    /** The same change on each server, saved; one that lacks it makes the verb fail, and the next one makes it whole. */
    const set = (names: TenantAcl.Names, rules: ReadonlyArray<string>) =>
      Effect.flatMap(client.servers, (all) =>
        Effect.forEach(all, (server) =>
          Effect.andThen(server.call("ACL", "SETUSER", names.user, ...rules), save(server))
        )
      )
    const namesOf = (operation: string, { name }: Tenant) =>
      Effect.suspend(() => {
        const names = TenantAcl.namesOf(prefix, name, address.kind === "cluster")
        return names === null
          ? Effect.fail(
              refuse(operation, { _tag: "Invalid", field: "name", message: `${name} is no name of a project` })
            )
          : Effect.succeed(names)
      })
    /** The project's user as the servers have it: on none, on some, on all; or Foreign. */
    const find = (operation: string, names: TenantAcl.Names, { projectId }: Tenant) =>
      Effect.gen(function* () {
        const all = yield* client.servers
        const found = (yield* Effect.forEach(all, lines)).map((users) => users.find(({ user }) => user === names.user))
        const other = found.find((one) => one !== undefined && one.owner !== projectId)
        if (other !== undefined)
          return yield* refuse(operation, {
            _tag: "Foreign",
            message: `the user ${names.user} of Redis ${other.owner === null ? "was not made by rdev" : `belongs to ${other.owner}`}: remove it, or choose another project name or prefix`
          })
        const there = found.filter((one) => one !== undefined)
        return { hashes: [...new Set(there.flatMap(({ hashes }) => hashes))], some: there.length > 0 }
      })
    const alone = TenantLock.make(client)
    const exclusively =
      (operation: string, tenant: Tenant) =>
      <A>(change: (names: TenantAcl.Names) => Effect.Effect<A, Failure>) =>
        Effect.flatMap(namesOf(operation, tenant), (names) => alone(names.user, change(names))).pipe(named(operation))
    const urlOf = (names: TenantAcl.Names, password: string) =>
      Redacted.make(urlFor(address, names.user, password, options.tenantsAt ?? null))
    const passwords = (hashes: ReadonlyArray<string>) => ["resetpass", ...hashes.map((hash) => `#${hash}`)]
    const info = (names: TenantAcl.Names) => ({ externalId: names.user, keyPrefix: names.prefix })
    const newPassword = () => randomBytes(24).toString("base64url")

    const ensure = (tenant: Tenant) =>
      exclusively(
        "ensure",
        tenant
      )((names) =>
        Effect.gen(function* () {
          const { hashes, some } = yield* find("ensure", names, tenant)
          const password = newPassword()
          const kept = some && hashes.length > 0 ? hashes : [TenantAcl.hashOf(password)]
          const rules = TenantAcl.rights(names, tenant.projectId, { names: seen })
          yield* set(names, ["on", ...passwords(kept), ...rules])
          const created = kept !== hashes
          return { ...info(names), created, url: created ? urlOf(names, password) : null }
        })
      )
    const observe = (tenant: Tenant) =>
      Effect.gen(function* () {
        const names = yield* namesOf("observe", tenant)
        const { some } = yield* find("observe", names, tenant)
        return some ? Option.some(info(names)) : Option.none()
      }).pipe(named("observe"))
    const retiring = TenantKeys.retiring(client)
    const rotate = (tenant: Tenant) =>
      exclusively(
        "rotate",
        tenant
      )((names) =>
        Effect.gen(function* () {
          const { hashes, some } = yield* find("rotate", names, tenant)
          if (!some)
            return yield* refuse("rotate", { _tag: "NotFound", message: `the user ${names.user} does not exist` })
          const password = newPassword()
          const before = overlapSeconds > 0 ? hashes.slice(-1) : []
          const until = (yield* Clock.currentTimeMillis) + overlapSeconds * 1000
          yield* retiring.note(names.user, before, until)
          yield* set(names, ["on", ...passwords([...before, TenantAcl.hashOf(password)])])
          return { url: urlOf(names, password) }
        })
      )
    const remove = (tenant: Tenant) =>
      exclusively(
        "remove",
        tenant
      )((names) =>
        Effect.gen(function* () {
          yield* find("remove", names, tenant)
          const all = yield* client.servers
          // The user first: nobody writes what is being removed. The server ends its connections.
          yield* Effect.forEach(all, (server) =>
            Effect.andThen(server.call("ACL", "DELUSER", names.user), save(server))
          )
          yield* TenantKeys.remove(client, names.prefix)
        })
      )
    const list = Effect.gen(function* () {
      const all = yield* Effect.flatMap(client.servers, (servers) => Effect.forEach(servers, lines))
      const ours = all.flat().filter(({ owner, user }) => owner !== null && user.startsWith(prefix))
      return [...new Map(ours.map((one) => [one.user, one])).values()]
    }).pipe(named("list"))

    const retire = Effect.flatMap(Clock.currentTimeMillis, retiring.over).pipe(
      Effect.flatMap((over) =>
        Effect.forEach(over, ({ hash, user }) =>
          alone(
            user,
            Effect.gen(function* () {
              const all = yield* client.servers
              // A user that is gone must not come back by having a password taken away.
              for (const server of all)
                if ((yield* lines(server)).some((one) => one.user === user && one.hashes.includes(hash)))
                  yield* Effect.andThen(server.call("ACL", "SETUSER", user, `!${hash}`), save(server))
              yield* retiring.forget(user, hash)
            })
          )
        )
      ),
      Effect.catch((error) => Effect.logDebug("passwords that were replaced could not be looked at", error))
    )
    if (overlapSeconds > 0) yield* Effect.forkScoped(Effect.repeat(retire, Schedule.spaced(retireEvery)))
    return { ensure, observe, rotate, remove, list }
  })
