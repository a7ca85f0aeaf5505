/** Keys of tenants, and passwords of theirs that were replaced and still open connections for a while. */
import { Effect } from "effect"
import type * as RedisClient from "./RedisClient.ts"

/** Keys that are looked at in one step, and removed in one. */
const batch = "1000"

/** Of INFO keyspace: `db3:keys=…`. */
const databasesOf = (info: unknown): ReadonlyArray<number> =>
  [...String(info).matchAll(/^db(\d+):/gm)].map((found) => Number(found[1]))

/** All keys that begin with the prefix, in every numbered database, in batches: no step holds the server up. */
export const remove = (client: RedisClient.Client, prefix: string): Effect.Effect<void, RedisClient.RedisFailure> =>
  Effect.gen(function* () {
    for (const holder of yield* client.holders)
      for (const db of databasesOf(yield* holder.call("INFO", "keyspace")))
        yield* Effect.scoped(Effect.flatMap(client.database(holder, db), (node) => removeFrom(node, prefix)))
  })

const removeFrom = (node: RedisClient.Node, prefix: string) =>
  Effect.gen(function* () {
    let cursor = "0"
    do {
      const answer = yield* node.call("SCAN", cursor, "MATCH", `${prefix}*`, "COUNT", batch)
      const [next, keys] = Array.isArray(answer) ? (answer as ReadonlyArray<unknown>) : []
      const found = Array.isArray(keys) ? keys.map(String).filter((key) => key.startsWith(prefix)) : []
      if (found.length > 0) yield* node.call("UNLINK", ...found)
      cursor = String(next ?? "0")
    } while (cursor !== "0")
  })

const key = "rdev:retiring"
interface Retired {
  readonly user: string
  readonly hash: string
}
/** `user hash` by the time at which it ends. */
export const retiring = (client: RedisClient.Client) => ({
  note: (user: string, hashes: ReadonlyArray<string>, untilMillis: number) =>
    Effect.forEach(hashes, (hash) => client.call("ZADD", key, String(untilMillis), `${user} ${hash}`)),
  over: (nowMillis: number): Effect.Effect<ReadonlyArray<Retired>, RedisClient.RedisFailure> =>
    Effect.map(client.call("ZRANGEBYSCORE", key, "-inf", String(nowMillis), "LIMIT", "0", "100"), (answer) =>
      (Array.isArray(answer) ? answer.map(String) : []).flatMap((one) => {
        const [user, hash] = one.split(" ")
        return user === undefined || hash === undefined ? [] : [{ user, hash }]
      })
    ),
  forget: (user: string, hash: string) => client.call("ZREM", key, `${user} ${hash}`)
})
