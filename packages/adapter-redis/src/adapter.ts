/** Redis as an adapter: what `use: redis` chooses in platform.yaml, for caches of projects, wake-ups and shared limits. */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { RateLimiter } from "@rdev/core/ports/infra/RateLimiter"
import { TenantCache } from "@rdev/core/ports/infra/TenantCache"
import { Notifier } from "@rdev/core/ports/stores/Notifier"
import { Effect, Layer, Redacted, Schema } from "effect"
import { type Address, expected, parse } from "./Address.ts"
import * as RedisHealth from "./RedisHealth.ts"
import * as RedisNotifier from "./RedisNotifier.ts"
import * as RedisRateLimiter from "./RedisRateLimiter.ts"
import * as RedisTenantCache from "./RedisTenantCache.ts"
import { prefixPattern } from "./TenantAcl.ts"

const url = Adapter.Secret.annotate({
  description:
    "redis://user:password@host:6379/0; rediss:// with TLS, redis+sentinel://…@host,host/0?master=NAME, redis+cluster://…@host,host."
})
const namespace = Schema.optionalKey(
  Schema.String.check(
    Schema.isPattern(/^[a-z][a-z0-9]{0,14}$/, { message: "expected up to 15 lower-case letters and digits" })
  ).annotate({
    description: "Stands before every key and channel; tells installations on one server apart. Default rdev."
  })
)
const refused = <A>(slot: string) =>
  Adapter.refuse<A>(
    `Redis.${slot}`,
    { _tag: "Invalid", field: "url", message: `it is no URL of Redis: ${expected}` },
    "Correct the URL"
  )
const addressOf = (text: Redacted.Redacted): Address | null => parse(Redacted.value(text))
const healthOf = (text: Redacted.Redacted, look: (address: Address) => Effect.Effect<Adapter.Health>) => {
  const address = addressOf(text)
  return address === null ? Effect.succeed({ ok: false, detail: `it is no URL of Redis: ${expected}` }) : look(address)
}

const Cache = Schema.Struct({
  url,
  prefix: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(prefixPattern, {
        message: "expected up to 15 lower-case letters and digits, and an underscore at the end"
      })
    ).annotate({ description: "Stands before every user; tells installations on one server apart. Default rdev_." })
  ),
  tenantsAt: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^[A-Za-z0-9._-]{1,253}:\d{1,5}$/, { message: "expected host:port" })
    ).annotate({ description: "Where projects reach the server, as host:port, if not where rdev does." })
  ),
  overlapSeconds: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 86_400 })).annotate({
      description: "How long the password before still opens connections after a rotation. Default 0."
    })
  ),
  keep: Schema.optionalKey(
    Schema.Literals(["file", "memory"]).annotate({
      description: "Whether users must outlive the server: file needs its aclfile. Default file."
    })
  ),
  names: Schema.optionalKey(
    Schema.Literals(["hidden", "visible"]).annotate({
      description:
        "Whether projects may use SCAN and RANDOMKEY, which show the names of everybody's keys. Default hidden."
    })
  )
})

export default Adapter.define({
  api: 1,
  name: "redis",
  slots: {
    cache: {
      config: Cache,
      layer: ({ url: text, ...options }) => {
        const address = addressOf(text)
        return address === null
          ? refused<TenantCache>("cache")
          : Layer.effect(TenantCache, RedisTenantCache.make({ ...options, address }))
      },
      health: ({ keep = "file", url: text }) => healthOf(text, (address) => RedisHealth.cache(address, keep)),
      probe: ({ keep = "file", url: text }) => healthOf(text, (address) => RedisHealth.cache(address, keep))
    },
    limits: {
      config: Schema.Struct({ url, namespace }),
      layer: ({ url: text, ...options }) => {
        const address = addressOf(text)
        return address === null
          ? refused<RateLimiter>("limits")
          : Layer.effect(RateLimiter, RedisRateLimiter.make({ ...options, address }))
      },
      health: ({ url: text }) => healthOf(text, (address) => RedisHealth.limits(address)),
      probe: ({ url: text }) => healthOf(text, (address) => RedisHealth.limits(address))
    },
    notifier: {
      config: Schema.Struct({ url, namespace }),
      layer: ({ url: text, ...options }) => {
        const address = addressOf(text)
        return address === null
          ? refused<Notifier>("notifier")
          : Layer.effect(Notifier, RedisNotifier.make({ ...options, address }))
      },
      health: ({ url: text }) => healthOf(text, (address) => RedisHealth.notifier(address)),
      probe: ({ url: text }) => healthOf(text, (address) => RedisHealth.notifier(address))
    }
  }
})
