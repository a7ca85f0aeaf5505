/**
 * LISTEN on PostgreSQL: one connection for all channels of the process, opened on first use, watched by a heartbeat and opened
 * again for ever when it breaks. After a break every subscriber is told `MayHaveMissed`, as it may have missed messages.
 */
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Deferred, Effect, Latch, PubSub, type Scope, Semaphore, Stream } from "effect"
import { classifyError } from "../classifyError.ts"
import { farewell } from "./ClientPool.ts"
import { Client, type ClientConfig, escapeIdentifier } from "./Driver.ts"

export type Signal = { readonly _tag: "Message"; readonly payload: string } | { readonly _tag: "MayHaveMissed" }

export interface Listener {
  /** From the moment this effect succeeds; at most 1024 signals wait for a slow subscriber, then the oldest are dropped. */
  listen(channel: string): Effect.Effect<Stream.Stream<Signal>, StoreError, Scope.Scope>
}

export const capacity = 1024
/** A peer that vanished without a word is noticed after this plus the query timeout. */
const heartbeat = "10 seconds"
const patience = "10 seconds"

export const make = (config: ClientConfig): Effect.Effect<Listener, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const channels = new Map<string, PubSub.PubSub<Signal>>()
    const connected = yield* Latch.make(false)
    const state: { client: Client | null; started: boolean; everConnected: boolean; readonly listening: Set<string> } =
      {
        client: null,
        started: false,
        everConnected: false,
        listening: new Set()
      }

    // The driver takes one statement at a time.
    const turn = yield* Semaphore.make(1)
    const send = (client: Client, sql: string) =>
      turn.withPermits(1)(
        Effect.tryPromise({
          try: () => client.query(sql),
          catch: (cause) => classifyError("Database.listen", cause)
        })
      )
    const listenOn = (client: Client, channel: string) =>
      send(client, `LISTEN ${escapeIdentifier(channel)}`).pipe(
        Effect.andThen(
          Effect.sync(() => {
            state.listening.add(channel)
          })
        )
      )

    const open = Effect.acquireRelease(
      Effect.tryPromise({
        try: async () => {
          const client = new Client(config)
          client.on("error", () => {})
          await client.connect()
          return client
        },
        catch: (cause) => classifyError("Database.listen", cause)
      }),
      (client) => Effect.promise(() => Promise.race([client.end().catch(() => undefined), farewell()]))
    )

    const session = Effect.scoped(
      Effect.gen(function* () {
        const client = yield* open
        const services = yield* Effect.context<never>()
        const lost = yield* Deferred.make<void>()
        const lose = () => {
          Deferred.doneUnsafe(lost, Effect.void)
        }
        client.on("error", lose)
        client.on("end", lose)
        client.on("notification", (message) => {
          const channel = channels.get(message.channel)
          if (channel !== undefined)
            Effect.runSyncWith(services)(PubSub.publish(channel, { _tag: "Message", payload: message.payload ?? "" }))
        })
        state.listening.clear()
        for (const channel of channels.keys()) yield* listenOn(client, channel)
        state.client = client
        yield* connected.open
        if (state.everConnected)
          for (const channel of channels.values()) yield* PubSub.publish(channel, { _tag: "MayHaveMissed" })
        state.everConnected = true
        const beat = Effect.sleep(heartbeat).pipe(Effect.andThen(send(client, "SELECT 1")), Effect.forever)
        yield* Effect.raceFirst(Deferred.await(lost), beat)
      })
    ).pipe(
      Effect.ensuring(
        Effect.suspend(() => {
          state.client = null
          return connected.close
        })
      )
    )

    const loop = session.pipe(
      Effect.catch((error) => Effect.logDebug("the LISTEN connection failed and is opened again", error)),
      Effect.andThen(Effect.sleep("250 millis")),
      Effect.forever
    )

    const channelOf = (name: string) =>
      Effect.suspend(() => {
        const known = channels.get(name)
        if (known !== undefined) return Effect.succeed(known)
        return Effect.map(PubSub.sliding<Signal>(capacity), (made) => {
          const raced = channels.get(name)
          if (raced !== undefined) return raced
          channels.set(name, made)
          return made
        })
      })

    const unavailable = () =>
      new StoreError({
        operation: "Database.listen",
        reason: { _tag: "Unavailable", message: `no connection for notifications could be opened in ${patience}` }
      })

    return {
      listen: (channel) =>
        Effect.gen(function* () {
          const subscription = yield* Effect.flatMap(channelOf(channel), PubSub.subscribe)
          if (!state.started) {
            state.started = true
            yield* Effect.forkIn(loop, scope)
          }
          yield* connected.await.pipe(
            Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail(unavailable()) })
          )
          const client = state.client
          if (client !== null && !state.listening.has(channel)) yield* listenOn(client, channel)
          return Stream.fromSubscription(subscription)
        })
    }
  })
