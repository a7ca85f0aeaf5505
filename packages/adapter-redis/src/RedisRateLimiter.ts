/**
 * Rate limits that replicas share: one script reads, decides and keeps in one step, by the server's own clock. The arithmetic is core's
 * (domain/RateLimit): the script keeps what `take` would, and the answer is `take`'s own on what the script saw. A quota that is whole
 * again is forgotten by itself.
 */
import { intervalMicros, take } from "@rdev/core/domain/RateLimit"
import { checked, RateLimiter, RateLimiterError } from "@rdev/core/ports/infra/RateLimiter"
import { Effect, type Scope } from "effect"
import { createHash } from "node:crypto"
import type { Address } from "./Address.ts"
import * as RedisClient from "./RedisClient.ts"

export interface Options {
  readonly address: Address
  /** Stands before every key of ours. Default `rdev`. */
  readonly namespace?: string
  /** Microseconds; left out: the server's clock, which all replicas share, and by which it forgets. */
  readonly now?: Effect.Effect<number>
}
/** A request waits for its quota; it does not wait for a connection. */
const timing: RedisClient.Timing = { commandMillis: 1_000, waits: false }

const script = `
local interval, limit, cost, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local spare = 0
if now >= 0 then spare = 3600000 else
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local kept = nil
if redis.call('TYPE', KEYS[1]).ok == 'string' then kept = tonumber(redis.call('GET', KEYS[1])) end
local whole = interval * limit
local before = math.min(math.max(kept or now, now), now + whole)
local after = before + interval * cost
local stands = nil
if after - now <= whole then stands = after elseif kept and kept > before then stands = before end
if stands then
  redis.call('SET', KEYS[1], string.format('%.0f', stands), 'PX', spare + math.max(1, math.ceil((stands - now) / 1000)))
end
return { kept and string.format('%.0f', kept) or '', string.format('%.0f', now) }`
const sha = createHash("sha1").update(script).digest("hex")

const failed = (error: RedisClient.RedisFailure) =>
  new RateLimiterError({ operation: "RateLimiter.take", reason: error.reason, cause: error.cause })

export const make = ({
  address,
  namespace = "rdev",
  now
}: Options): Effect.Effect<RateLimiter["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const client = yield* RedisClient.make(address, timing)
    yield* Effect.ignore(client.connect)
    const run = (...args: ReadonlyArray<string>) =>
      client.call("EVALSHA", sha, ...args).pipe(
        // After a restart the server knows no scripts.
        Effect.catchIf(
          (error) => error.cause.message.startsWith("NOSCRIPT"),
          () => client.call("EVAL", script, ...args)
        )
      )
    return RateLimiter.of({
      take: (key, policy, cost = 1) =>
        Effect.gen(function* () {
          yield* checked(key, policy, cost)
          const at = now === undefined ? -1 : yield* now
          const numbers = [intervalMicros(policy), policy.limit, cost, at].map(String)
          const id = `${namespace}:limit:${policy.name}:${key.kind}:${key.id}`
          const answer = yield* Effect.mapError(run("1", id, ...numbers), failed)
          const [kept, seen] = Array.isArray(answer) ? answer.map(String) : []
          return take(policy, kept === undefined || kept === "" ? null : Number(kept), Number(seen), cost).answer
        })
    })
  })
