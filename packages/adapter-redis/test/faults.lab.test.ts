// lab: redis
import { assert, describe, it } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import * as RateLimits from "@rdev/core/services/RateLimits"
import { Effect, Redacted, Schedule } from "effect"
import { Redis } from "ioredis"
import * as Address from "../src/Address.ts"
import * as RedisHealth from "../src/RedisHealth.ts"
import * as RedisNotifier from "../src/RedisNotifier.ts"
import * as RedisRateLimiter from "../src/RedisRateLimiter.ts"
import * as RedisTenantCache from "../src/RedisTenantCache.ts"
import * as OwnRedis from "./OwnRedis.ts"

const addressOf = (url: string): Address.Address => {
  const address = Address.parse(url)
  if (address === null) throw new Error(url)
  return address
}
const newTenant = (name: string) =>
  Effect.map(NewId.make("proj"), (projectId) => ({ projectId, name: ProjectName.make(name) }))
const reasonOf = <A, E extends { readonly reason: { readonly _tag: string } }>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)
const ping = (url: Redacted.Redacted | null) =>
  Effect.tryPromise(async () => {
    const redis = new Redis(Redacted.value(url ?? Redacted.make("")), {
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0
    })
    redis.on("error", () => undefined)
    try {
      await redis.connect()
      return await redis.ping()
    } finally {
      redis.disconnect()
    }
  })
const policy = { name: "key", limit: 3, windowSeconds: 3600 }
const key = { kind: "key", id: "key_1" } as const
/** Until it succeeds: a connection comes back by itself, at a time that nobody promises. */
const eventually = { schedule: Schedule.spaced("50 millis"), times: 1_000 }

describe("a Redis that is stopped and started again", () => {
  it.live("keeps users in its file, is Unavailable meanwhile, and lets requests through without a limit", () =>
    Effect.gen(function* () {
      const own = yield* OwnRedis.make()
      const address = addressOf(own.url)
      const cache = yield* RedisTenantCache.make({ address })
      const limiter = yield* RedisRateLimiter.make({ address })
      const limits = RateLimits.make(limiter)
      const tenant = yield* newTenant("shop")
      const { url } = yield* cache.ensure(tenant)
      for (let i = 0; i < 4; i++) assert.strictEqual((yield* limits.take(key, policy))?.allowed, i < 3)

      yield* Effect.promise(() => own.stop("SIGKILL"))
      assert.strictEqual(yield* reasonOf(cache.ensure(yield* newTenant("other"))), "Unavailable")
      assert.strictEqual(yield* reasonOf(cache.observe(tenant)), "Unavailable")
      assert.strictEqual(yield* reasonOf(limiter.take(key, policy)), "Unavailable")
      assert.isNull(yield* limits.take(key, policy))
      assert.isFalse((yield* RedisHealth.cache(address, "file")).ok)

      yield* Effect.promise(own.start)
      yield* Effect.retry(cache.observe(tenant), eventually)
      assert.strictEqual(yield* ping(url), "PONG")
      assert.deepStrictEqual((yield* cache.ensure(tenant)).created, false)
      yield* Effect.retry(limiter.take(key, policy), eventually)
      assert.isTrue((yield* RedisHealth.cache(address, "file")).ok)
    })
  )

  it.live(
    "is away when the process starts: verbs fail, hints reach their own process, and all work when it comes",
    () =>
      Effect.gen(function* () {
        const own = yield* OwnRedis.make()
        yield* Effect.promise(() => own.stop())
        const address = addressOf(own.url)
        const cache = yield* RedisTenantCache.make({ address })
        const limiter = yield* RedisRateLimiter.make({ address })
        const notifier = yield* RedisNotifier.make({ address })
        assert.strictEqual(yield* reasonOf(limiter.take(key, policy)), "Unavailable")
        yield* notifier.notify("queue", "x")
        yield* Effect.promise(own.start)
        yield* Effect.retry(limiter.take(key, policy), eventually)
        assert.isTrue((yield* Effect.retry(cache.ensure(yield* newTenant("late")), eventually)).created)
      })
  )

  it.live("that keeps no users is told so before a project relies on one", () =>
    Effect.gen(function* () {
      const own = yield* OwnRedis.make({ aclFile: false })
      const address = addressOf(own.url)
      const refused = yield* Effect.flip(
        Effect.flatMap(RedisTenantCache.make({ address }), (cache) =>
          Effect.flatMap(newTenant("shop"), (tenant) => cache.ensure(tenant))
        )
      )
      assert.strictEqual(refused.reason._tag, "Unsupported")
      assert.include(refused.message, "aclfile")
      assert.isFalse((yield* RedisHealth.cache(address, "file")).ok)
      assert.isTrue((yield* RedisHealth.cache(address, "memory")).ok)
      const memory = yield* RedisTenantCache.make({ address, keep: "memory" })
      assert.isFalse((yield* memory.ensure(yield* newTenant("other"))).url === null)
    })
  )
})

describe("a line that breaks", () => {
  for (const fault of ["cut", "half", "silence", "refuse"] as const)
    it.live(`${fault}: a verb says that it may have happened, converges when asked again, and leaves nothing`, () =>
      Effect.gen(function* () {
        const own = yield* OwnRedis.make()
        const proxy = yield* OwnRedis.proxy(own.port)
        const address = addressOf(own.url.replace(String(own.port), String(proxy.port)))
        const cache = yield* RedisTenantCache.make({ address })
        const limits = RateLimits.make(yield* RedisRateLimiter.make({ address }))
        const tenant = yield* newTenant("shop")
        assert.isTrue((yield* limits.take(key, policy))?.allowed)
        proxy.fault(fault)
        assert.strictEqual(yield* reasonOf(cache.ensure(tenant)), "Unavailable")
        assert.isNull(yield* limits.take(key, policy))
        proxy.fault("none")
        const made = yield* Effect.retry(cache.ensure(tenant), eventually)
        const url = made.url ?? (yield* cache.rotate(tenant)).url
        assert.strictEqual(yield* ping(url), "PONG")
        proxy.fault(fault)
        assert.strictEqual(yield* reasonOf(cache.remove(tenant)), "Unavailable")
        proxy.fault("none")
        yield* Effect.retry(cache.remove(tenant), eventually)
        assert.deepStrictEqual(yield* cache.list, [])
        yield* Effect.flip(ping(url))
      })
    )
})

describe("other shapes of Redis", () => {
  it.live("a cluster: tenants lie in one slot each, on users that every node has", () =>
    Effect.gen(function* () {
      const own = yield* OwnRedis.make({ cluster: true })
      const admin = new Redis(own.url)
      yield* Effect.promise(() => admin.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383"))
      yield* Effect.promise(async () => {
        while (!String(await admin.call("CLUSTER", "INFO")).includes("cluster_state:ok"))
          await new Promise((resolve) => setTimeout(resolve, 50))
        admin.disconnect()
      })
      const address = addressOf(own.url.replace("redis://", "redis+cluster://").replace(/\/0$/, ""))
      const cache = yield* RedisTenantCache.make({ address })
      const tenant = yield* newTenant("shop")
      const made = yield* cache.ensure(tenant)
      assert.strictEqual(made.keyPrefix, "{rdev_shop}:")
      const user = new Redis(Redacted.value(made.url ?? Redacted.make("")).replace("redis+cluster", "redis"))
      yield* Effect.promise(async () => {
        assert.strictEqual(await user.mset("{rdev_shop}:a", "1", "{rdev_shop}:b", "2"), "OK")
        assert.match(await user.call("CLUSTER", "GETKEYSINSLOT", "1", "1").catch(String).then(String), /NOPERM/)
        user.disconnect()
      })
      const limiter = yield* RedisRateLimiter.make({ address })
      assert.strictEqual((yield* Effect.retry(limiter.take(key, policy), eventually)).remaining, 2)
      yield* cache.remove(tenant)
      assert.deepStrictEqual(yield* cache.list, [])
    })
  )

  it.live("a primary that Sentinel finds: its replicas have the users too, and take over with them", () =>
    Effect.gen(function* () {
      const auth = ["--masteruser", "admin", "--masterauth", "lab-secret"]
      const primary = yield* OwnRedis.make({ arguments: auth })
      const replica = yield* OwnRedis.make({
        arguments: [...auth, "--replicaof", `127.0.0.1 ${primary.port}`]
      })
      const sentinel = yield* OwnRedis.make({ sentinelOf: primary.port })
      const address = addressOf(`redis+sentinel://admin:lab-secret@127.0.0.1:${sentinel.port}/0?master=lab`)
      const admin = new Redis(primary.url)
      yield* Effect.promise(async () => {
        while (!/slave0:.*state=online/.test(await admin.info("replication")))
          await new Promise((resolve) => setTimeout(resolve, 50))
        admin.disconnect()
      })
      const cache = yield* RedisTenantCache.make({ address })
      const tenant = yield* newTenant("shop")
      const { url } = yield* Effect.retry(cache.ensure(tenant), eventually)
      assert.match(Redacted.value(url ?? Redacted.make("")), /^redis\+sentinel:\/\/rdev_shop:.+\?master=lab$/)
      const password = addressOf(Redacted.value(url ?? Redacted.make(""))).password
      for (const { port } of [primary, replica])
        assert.strictEqual(yield* ping(Redacted.make(`redis://rdev_shop:${password}@127.0.0.1:${port}/0`)), "PONG")
      yield* cache.remove(tenant)
      for (const { port } of [primary, replica])
        yield* Effect.flip(ping(Redacted.make(`redis://rdev_shop:${password}@127.0.0.1:${port}/0`)))
    })
  )
})
