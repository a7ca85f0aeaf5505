/**
 * Connections to Redis: the one file that imports ioredis. A client connects by itself, again after every loss, and never repeats a command
 * by itself: a failure says that it may or may not have happened. What an error carries along holds no arguments: some are secrets.
 */
import * as VendorCalls from "@rdev/core/adapter/VendorCalls"
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import { Data, Effect, Scope } from "effect"
import { Cluster, Redis } from "ioredis"
import type { Address, Host } from "./Address.ts"
import { classifyError } from "./classifyError.ts"

export class RedisFailure extends Data.TaggedError("RedisFailure")<{
  readonly reason: PortReason
  readonly cause: Error
}> {}

export interface Node {
  /** For people: `host:port`. */
  readonly name: string
  call(...command: readonly [string, ...ReadonlyArray<string>]): Effect.Effect<unknown, RedisFailure>
}
export interface Client extends Node {
  /** Waits for the first connection, as long as one may take. Without it the first command opens it. */
  readonly connect: Effect.Effect<void, RedisFailure>
  /** Every server that has users of its own: of a cluster all, of Sentinel the primary and the replicas it has now. */
  readonly servers: Effect.Effect<ReadonlyArray<Node>, RedisFailure>
  /** Those that hold keys, each once. */
  readonly holders: Effect.Effect<ReadonlyArray<Node>, RedisFailure>
  /** A connection of its own to another numbered database of a holder, until the scope ends. */
  database(holder: Node, db: number): Effect.Effect<Node, RedisFailure, Scope.Scope>
}
export interface Subscriber {
  readonly hear: (listener: (channel: string, message: string) => void) => void
}

export interface Timing {
  /** How long a command may take. */
  readonly commandMillis: number
  /** Whether commands wait for a connection that is not there (up to `commandMillis`). */
  readonly waits: boolean
}
const tenants: Timing = { commandMillis: 5_000, waits: true }
const connectMillis = 5_000
const maxPauseMillis = 2_000

const failureOf = (cause: unknown): RedisFailure => {
  const plain = new Error(cause instanceof Error ? cause.message : String(cause))
  return new RedisFailure({ reason: classifyError(cause), cause: plain })
}

const optionsOf = ({ db, kind, password, tls, username }: Address, { commandMillis, waits }: Timing) => ({
  ...(username === null ? {} : { username }),
  ...(password === null ? {} : { password }),
  ...(kind === "cluster" ? {} : { db }),
  ...(tls ? { tls: {} } : {}),
  protocol: 2 as const,
  connectionName: "rdev",
  lazyConnect: true,
  connectTimeout: connectMillis,
  commandTimeout: commandMillis,
  enableOfflineQueue: waits,
  maxRetriesPerRequest: waits ? 1 : 0,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  retryStrategy: (times: number) => Math.min(50 * 2 ** Math.min(times, 6), maxPauseMillis)
})

type Connection = Redis | Cluster
/** An event without a listener would end the process; commands tell the same failure to who waits for it. */
const quiet = <C extends Connection>(connection: C): C => {
  if (connection.listenerCount("error") === 0) connection.on("error", () => undefined)
  return connection
}
const open = (address: Address, timing: Timing): Connection => {
  const options = optionsOf(address, timing)
  const hosts: Array<Host> = [...address.hosts]
  if (address.kind === "cluster")
    return quiet(
      new Cluster(hosts, {
        redisOptions: options,
        lazyConnect: true,
        enableOfflineQueue: timing.waits,
        clusterRetryStrategy: (times) => Math.min(100 * times, maxPauseMillis),
        slotsRefreshTimeout: connectMillis
      })
    )
  if (address.kind === "sentinel")
    return quiet(
      new Redis({
        ...options,
        sentinels: hosts,
        name: address.master ?? "",
        ...(address.tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
        ...(address.sentinelUser === null ? {} : { sentinelUsername: address.sentinelUser }),
        ...(address.sentinelPassword === null ? {} : { sentinelPassword: address.sentinelPassword })
      })
    )
  return quiet(new Redis({ ...options, ...address.hosts[0] }))
}
const scoped = <C extends Connection>(make: () => C): Effect.Effect<C, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.sync(make), (connection) =>
    Effect.sync(() => {
      connection.disconnect()
    })
  )

const nodeOf = (connection: Connection, name: string): Node => ({
  name,
  call: (command, ...args) =>
    Effect.tryPromise({
      // A cluster sends what has no key to any of its nodes.
      try: () => connection.call(command, ...args),
      catch: (cause) => {
        // Answers are told apart by their order alone: after one that did not come, this connection is good for nothing.
        if (cause instanceof Error && cause.message === "Command timed out") connection.disconnect(true)
        return failureOf(cause)
      }
    }).pipe(VendorCalls.counted({ vendor: "redis", call: command.toUpperCase() }))
})
const nameOf = ({ options }: Redis): string => `${options.host ?? ""}:${options.port ?? ""}`

/** A cluster whose nodes do not say where they are is looked for without an end. */
const inTime = (connected: Promise<unknown>): Promise<void> =>
  new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("connect ETIMEDOUT")), connectMillis)
    connected.then(() => resolve(), reject).finally(() => clearTimeout(late))
  })

/** Connects on first use: a server that is away fails commands, not the start. */
export const make = (address: Address, timing: Timing = tenants): Effect.Effect<Client, never, Scope.Scope> =>
  Effect.gen(function* () {
    const connection = yield* scoped(() => open(address, timing))
    const scope = yield* Effect.scope
    const self = nodeOf(connection, address.hosts.map(({ host, port }) => `${host}:${port}`).join(","))
    const replicas = new Map<string, Node>()
    const replica = (host: Host) =>
      Effect.gen(function* () {
        const name = `${host.host}:${host.port}`
        const known = replicas.get(name)
        if (known !== undefined) return known
        const made = yield* scoped(() => quiet(new Redis({ ...optionsOf(address, timing), ...host })))
        const node = nodeOf(made, name)
        replicas.set(name, node)
        return node
      }).pipe(Effect.provideService(Scope.Scope, scope))
    const clusterNodes = (cluster: Cluster, role: "all" | "master") =>
      Effect.tryPromise({
        try: async () => {
          if (cluster.status === "wait") await inTime(cluster.connect())
          const nodes = cluster.nodes(role)
          if (nodes.length === 0) throw new Error("Failed to refresh slots cache.")
          return nodes.map((node) => nodeOf(quiet(node), nameOf(node)))
        },
        catch: failureOf
      })
    const servers =
      connection instanceof Cluster
        ? clusterNodes(connection, "all")
        : address.kind !== "sentinel"
          ? Effect.succeed([self])
          : Effect.flatMap(self.call("ROLE"), (role) =>
              Effect.map(Effect.forEach(replicasOf(role), replica), (others) => [self, ...others])
            )
    return {
      ...self,
      connect: Effect.tryPromise({ try: () => inTime(connection.connect()), catch: failureOf }),
      servers,
      holders: connection instanceof Cluster ? clusterNodes(connection, "master") : Effect.succeed([self]),
      database: (holder, db) =>
        connection instanceof Cluster
          ? Effect.succeed(holder)
          : Effect.map(
              scoped(() => quiet(connection.duplicate({ db, enableOfflineQueue: true }))),
              (made) => nodeOf(made, holder.name)
            )
    }
  })

/** Of the answer to ROLE: `["master", offset, [[host, port, offset], …]]`. */
const replicasOf = (role: unknown): ReadonlyArray<Host> => {
  const list: unknown = Array.isArray(role) ? role[2] : []
  return (Array.isArray(list) ? list : []).flatMap((one: unknown) =>
    Array.isArray(one) ? [{ host: String(one[0]), port: Number(one[1]) }] : []
  )
}

/** Listens to channels, also after a lost connection; what was said meanwhile is lost. */
export const subscribe = (
  address: Address,
  channels: ReadonlyArray<string>
): Effect.Effect<Subscriber, never, Scope.Scope> =>
  Effect.map(
    scoped(() => open(address, tenants)),
    (connection) => {
      // At every connection anew: one that was refused the first time has nothing to take up again.
      connection.on("ready", () => void connection.subscribe(...channels).catch(() => undefined))
      void connection.connect().catch(() => undefined)
      return {
        hear: (listener) => {
          connection.on("message", listener)
        }
      }
    }
  )
