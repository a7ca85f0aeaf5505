/**
 * Wake-ups between processes by Pub/Sub. Hints only: what is told while a process has no connection is lost to it, and its poll covers for
 * it. Hints of this process reach its own subscribers without Redis.
 */
import { AfterCommit } from "@rdev/core/adapter/Host"
import { capacity, Notifier, type Topic } from "@rdev/core/ports/stores/Notifier"
import { Effect, PubSub, type Scope, Stream } from "effect"
import { randomBytes } from "node:crypto"
import type { Address } from "./Address.ts"
import * as RedisClient from "./RedisClient.ts"

export interface Options {
  readonly address: Address
  /** Stands before every channel of ours. Default `rdev`. */
  readonly namespace?: string
}
const topics: ReadonlyArray<Topic> = ["queue", "operation", "event", "feature", "cancel", "webhook"]
const timing: RedisClient.Timing = { commandMillis: 1_000, waits: false }

export const make = ({
  address,
  namespace = "rdev"
}: Options): Effect.Effect<Notifier["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const afterCommit = yield* AfterCommit
    const self = randomBytes(8).toString("hex")
    const channelOf = (topic: Topic) => `${namespace}:hint:${topic}`
    const hubs = new Map<string, PubSub.PubSub<string>>()
    for (const topic of topics)
      hubs.set(channelOf(topic), yield* Effect.acquireRelease(PubSub.sliding<string>(capacity), PubSub.shutdown))
    const client = yield* RedisClient.make(address, timing)
    yield* Effect.ignore(client.connect)
    const subscriber = yield* RedisClient.subscribe(address, topics.map(channelOf))
    const publishHere = (channel: string, key: string): void => {
      const hub = hubs.get(channel)
      if (hub !== undefined) PubSub.publishUnsafe(hub, key)
    }
    subscriber.hear((channel, message) => {
      const space = message.indexOf(" ")
      if (message.slice(0, space) !== self) publishHere(channel, message.slice(space + 1))
    })
    const scope = yield* Effect.scope
    const tell = (channel: string, key: string) =>
      client
        .call("PUBLISH", channel, `${self} ${key}`)
        .pipe(Effect.catch((error) => Effect.logDebug("a wake-up was not sent; the poll covers for it", error)))
    return Notifier.of({
      notify: (topic, key) =>
        afterCommit(
          Effect.suspend(() => {
            publishHere(channelOf(topic), key)
            // Nobody waits for a hint.
            return Effect.asVoid(Effect.forkIn(tell(channelOf(topic), key), scope))
          })
        ),
      subscribe: (topic) => {
        const hub = hubs.get(channelOf(topic))
        return hub === undefined ? Stream.never : Stream.fromPubSub(hub)
      }
    })
  })
