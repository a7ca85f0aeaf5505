/** A connection of its own, and the notifications it hears. */
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Effect, type Scope } from "effect"
import type { ClientBase, PoolConfig } from "pg"
import * as ClientPool from "./ClientPool.ts"
import * as Driver from "./Driver.ts"

/** Statements on one connection, which also hears notifications: whoever was woken by one goes on where it arrived. */
export interface Session extends Driver.Connections {
  /**
   * Calls `heard` with each notification of the channel, until the scope ends; with null when some may have been missed, as the
   * connection was opened again. It must not fail.
   */
  hear(channel: string, heard: (payload: string | null) => void): Effect.Effect<void, StoreError, Scope.Scope>
}
type Hearer = Parameters<Session["hear"]>[1]

/** Callbacks by channel. */
export const hearers = () => {
  const channels = new Map<string, Set<Hearer>>()
  return {
    names: () => channels.keys(),
    tell: (channel: string, payload: string | null) => {
      for (const heard of channels.get(channel) ?? []) heard(payload)
    },
    /** Until the scope ends. The channel stays known: to stop listening would be a statement for nobody. */
    add: (channel: string, heard: Hearer): Effect.Effect<void, never, Scope.Scope> =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => {
            const all = channels.get(channel)
            if (all === undefined) channels.set(channel, new Set([heard]))
            else all.add(heard)
          }),
          () =>
            Effect.sync(() => {
              channels.get(channel)?.delete(heard)
            })
        )
      )
  }
}

/** Each with hearers of its own: what is asked of one is not heard on another. */
export const make = (config: PoolConfig, manner: Driver.Manner): Effect.Effect<Session, never, Scope.Scope> =>
  Effect.suspend(() => {
    const { add, names, tell } = hearers()
    const listenSql = (channel: string) => `LISTEN ${Driver.escapeIdentifier(channel)}`
    const onConnect = async (client: ClientBase) => {
      await config.onConnect?.(client)
      client.on("notification", ({ channel, payload }) => tell(channel, payload ?? ""))
      const channels = [...names()]
      if (channels.length === 0) return
      await client.query(channels.map(listenSql).join("; "))
      for (const channel of channels) tell(channel, null)
    }
    return Effect.map(ClientPool.make({ ...config, max: 1, idleTimeoutMillis: 0, onConnect }), (pool): Session => {
      const connections = Driver.over(pool, manner)
      return {
        ...connections,
        hear: (channel, heard) => Effect.andThen(connections.query(listenSql(channel)), add(channel, heard))
      }
    })
  })
