/**
 * One change of a tenant at a time, among all processes: two that make a user at once would each set a password, and one of the two URLs
 * would never work. A lock that its holder left behind ends by itself.
 */
import { Effect, Schedule } from "effect"
import { randomBytes } from "node:crypto"
import * as RedisClient from "./RedisClient.ts"

const heldMillis = 15_000
/** Longer than a lock that was left behind stands. */
const patience = { schedule: Schedule.spaced("50 millis"), times: 400 }
const release = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
const busy = (user: string) =>
  new RedisClient.RedisFailure({
    reason: { _tag: "Unavailable", message: `the user ${user} is being changed by another process` },
    cause: new Error("the lock is held")
  })

export const make =
  (client: RedisClient.Client) =>
  <A, E>(user: string, work: Effect.Effect<A, E>): Effect.Effect<A, E | RedisClient.RedisFailure> => {
    const key = `rdev:lock:${user}`
    const token = randomBytes(12).toString("hex")
    const take = Effect.flatMap(client.call("SET", key, token, "NX", "PX", String(heldMillis)), (answer) =>
      answer === "OK" ? Effect.void : Effect.fail(busy(user))
    )
    const isBusy = (error: RedisClient.RedisFailure) => error.cause.message === "the lock is held"
    return Effect.acquireUseRelease(
      Effect.retry(take, { ...patience, while: isBusy }),
      () => work,
      () => Effect.ignore(client.call("EVAL", release, "1", key, token))
    )
  }
