// lab: redis
import { assert, describe, it } from "@effect/vitest"
import { suite as adapterSuite } from "@rdev/conformance/adapter/AdapterSuite"
import { suite as limiterSuite } from "@rdev/conformance/infra/RateLimiterSuite"
import { suite as cacheSuite } from "@rdev/conformance/infra/TenantCacheSuite"
import { suite as notifierSuite } from "@rdev/conformance/stores/NotifierSuite"
import * as Samples from "@rdev/conformance/Samples"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { RateLimiter } from "@rdev/core/ports/infra/RateLimiter"
import { TenantCache } from "@rdev/core/ports/infra/TenantCache"
import { Notifier } from "@rdev/core/ports/stores/Notifier"
import { Queue, QueueEvents, Worker } from "bullmq"
import { Clock, Effect, Layer, Redacted, type Scope } from "effect"
import { Redis } from "ioredis"
import * as Address from "../src/Address.ts"
import adapter from "../src/adapter.ts"
import * as RedisNotifier from "../src/RedisNotifier.ts"
import * as RedisRateLimiter from "../src/RedisRateLimiter.ts"
import * as RedisTenantCache from "../src/RedisTenantCache.ts"

const url = process.env["REDIS_URL"]
if (url === undefined) throw new Error("npm run test:lab -- redis")
const address = Address.parse(url)
if (address === null) throw new Error("REDIS_URL is no URL of Redis")
const prefix = `t${(process.pid % 100_000).toString(36)}_`
const namespace = `t${(process.pid % 100_000).toString(36)}`

const client = (at: string): Effect.Effect<Redis, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const redis = new Redis(at, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
      redis.on("error", () => undefined)
      return redis
    }),
    (redis) => Effect.sync(() => redis.disconnect())
  )
const connects = (at: Redacted.Redacted) =>
  Effect.scoped(
    Effect.flatMap(client(Redacted.value(at)), (redis) =>
      Effect.tryPromise(() => redis.connect().then(() => redis.ping()))
    )
  )

cacheSuite("redis", Layer.effect(TenantCache, RedisTenantCache.make({ address, prefix })), {
  supported: true,
  connect: (at) => Effect.asVoid(connects(at))
})
limiterSuite(
  "redis",
  Layer.effect(
    RateLimiter,
    RedisRateLimiter.make({ address, namespace, now: Effect.map(Clock.currentTimeMillis, (millis) => millis * 1000) })
  )
)
notifierSuite("redis", Layer.effect(Notifier, RedisNotifier.make({ address, namespace })))
const wrong = Redacted.make("redis://admin:not-the-password@127.0.0.1:1/0")
const good = { url: Redacted.make(url) }
adapterSuite("redis", adapter, {
  cache: { good, bad: { url: Redacted.make(url), prefix: "Bad*" }, broken: { url: wrong } },
  limits: { good, bad: { url: 1 }, broken: { url: wrong } },
  notifier: { good, bad: { url: 1 }, broken: { url: Redacted.make("http://secret-word@x") } }
})

const fresh = Effect.gen(function* () {
  const cache = yield* RedisTenantCache.make({ address, prefix })
  const tenant = {
    projectId: yield* NewId.make("proj"),
    name: ProjectName.make(
      Samples.unique("cache")
        .toLowerCase()
        .replaceAll(/[^a-z0-9-]/g, "")
    )
  }
  yield* Effect.addFinalizer(() => Effect.ignore(cache.remove(tenant)))
  const made = yield* cache.ensure(tenant)
  return { cache, tenant, made, at: made.url === null ? "" : Redacted.value(made.url) }
})

/** What a tenant tries against its neighbour, whose keys begin with `other`. */
const attacks = (own: string, other: string): ReadonlyArray<readonly [string, ...ReadonlyArray<string>]> => [
  ["GET", `${other}secret`],
  ["SET", `${other}secret`, "x"],
  ["DEL", `${other}secret`],
  ["UNLINK", `${other}secret`],
  ["RENAME", `${other}secret`, `${own}stolen`],
  ["RENAME", `${own}mine`, `${other}planted`],
  ["COPY", `${other}secret`, `${own}stolen`],
  ["COPY", `${own}mine`, `${other}planted`, "DB", "1"],
  ["MOVE", `${other}secret`, "1"],
  ["DUMP", `${other}secret`],
  ["TYPE", `${other}secret`],
  ["EXISTS", `${other}secret`],
  ["TOUCH", `${other}secret`],
  ["EXPIRE", `${other}secret`, "1"],
  ["OBJECT", "ENCODING", `${other}secret`],
  ["MEMORY", "USAGE", `${other}secret`],
  ["MEMORY", "PURGE"],
  ["MGET", `${own}mine`, `${other}secret`],
  ["SUNIONSTORE", `${own}stolen`, `${other}set`],
  ["BITOP", "NOT", `${own}stolen`, `${other}secret`],
  ["SORT", `${own}list`, "BY", `${other}*`, "GET", `${other}*`],
  ["SORT_RO", `${other}list`],
  ["EVAL", `return redis.call('GET', '${other}secret')`, "0"],
  ["EVAL", `return redis.call('GET', KEYS[1])`, "1", `${other}secret`],
  ["EVAL", `return redis.call('KEYS', '*')`, "0"],
  ["EVAL", `return redis.call('SCAN', '0')`, "0"],
  ["EVAL", `return redis.pcall('ACL', 'LIST').err and error('refused')`, "0"],
  ["EVAL_RO", `return redis.call('GET', '${other}secret')`, "0"],
  ["FCALL", "nothing", "0"],
  ["FUNCTION", "LOAD", "#!lua name=stolen\nredis.register_function('f', function() return 1 end)"],
  ["FUNCTION", "FLUSH"],
  ["FUNCTION", "LIST"],
  ["FUNCTION", "DUMP"],
  ["SCRIPT", "FLUSH"],
  ["SCRIPT", "KILL"],
  ["SCRIPT", "DEBUG", "SYNC"],
  ["KEYS", "*"],
  ["SCAN", "0"],
  ["SCAN", "0", "MATCH", `${own}*`],
  ["RANDOMKEY"],
  ["FLUSHDB"],
  ["FLUSHALL"],
  ["SWAPDB", "0", "1"],
  ["CLIENT", "TRACKING", "ON", "BCAST"],
  ["CLIENT", "LIST"],
  ["CLIENT", "KILL", "TYPE", "normal"],
  ["CLIENT", "PAUSE", "1000"],
  ["CLIENT", "UNBLOCK", "1"],
  ["CLIENT", "NO-EVICT", "on"],
  ["MONITOR"],
  ["PUBSUB", "CHANNELS", "*"],
  ["PUBLISH", `${other}news`, "x"],
  ["PUBLISH", "rdev:hint:queue", "x"],
  ["SPUBLISH", `${other}news`, "x"],
  ["SUBSCRIBE", `${other}news`],
  ["PSUBSCRIBE", "*"],
  ["PSUBSCRIBE", `${own}*`, "__key*"],
  ["SSUBSCRIBE", `${other}news`],
  ["GET", "rdev:lock:x"],
  ["SET", "rdev:limit:key:key:key_1", "0"],
  ["ZADD", "rdev:retiring", "0", "x"],
  ["ACL", "LIST"],
  ["ACL", "SETUSER", "evil", "on", "nopass", "~*", "+@all"],
  ["ACL", "SAVE"],
  ["CONFIG", "GET", "*"],
  ["CONFIG", "SET", "maxmemory", "1"],
  ["CONFIG", "REWRITE"],
  ["DEBUG", "SLEEP", "1"],
  ["SHUTDOWN", "NOSAVE"],
  ["SAVE"],
  ["BGSAVE"],
  ["REPLICAOF", "127.0.0.1", "1"],
  ["SLAVEOF", "NO", "ONE"],
  ["FAILOVER"],
  ["PSYNC", "?", "-1"],
  ["SYNC"],
  ["MIGRATE", "127.0.0.1", "1", `${own}mine`, "0", "10"],
  ["RESTORE", `${own}x`, "0", "x"],
  ["MODULE", "LOAD", "/tmp/x.so"],
  ["MODULE", "LIST"],
  ["SLOWLOG", "GET"],
  ["LATENCY", "LATEST"],
  ["CLUSTER", "GETKEYSINSLOT", "0", "10"],
  ["CLUSTER", "RESET"],
  ["LASTSAVE"],
  ["PFSELFTEST"],
  ["ROLE"]
]

describe("tenants of one Redis", () => {
  it.live("do not reach each other by any command", () =>
    Effect.gen(function* () {
      const [mallory, alice] = [yield* fresh, yield* fresh]
      const [own, other] = [mallory.made.keyPrefix, alice.made.keyPrefix]
      const theirs = yield* client(alice.at)
      yield* Effect.promise(() => theirs.mset(`${other}secret`, "s3cret", `${other}other`, "x"))
      yield* Effect.promise(() => theirs.sadd(`${other}set`, "s3cret"))
      yield* Effect.promise(() => theirs.rpush(`${other}list`, "s3cret"))
      for (const [command, ...args] of attacks(own, other)) {
        const redis = yield* client(mallory.at)
        yield* Effect.promise(() => redis.set(`${own}mine`, "1"))
        const answer = yield* Effect.promise(() =>
          redis.call(command, ...args).then(
            (found) => `answered ${JSON.stringify(found)}`,
            (error: Error) => error.message
          )
        )
        redis.disconnect()
        assert.match(
          answer,
          /NOPERM|command not allowed|can't access at least one of the keys|can't run this command|not allowed from script|refused|Function not found|permission|Connection is closed/,
          [command, ...args].join(" ")
        )
        assert.notInclude(answer, "s3cret")
      }
      assert.deepStrictEqual(
        yield* Effect.promise(() => theirs.mget(`${other}secret`, `${other}other`, `${other}planted`)),
        ["s3cret", "x", null]
      )
    })
  )

  it.live("use it with a plain client: values, scripts, transactions, streams, channels, other databases", () =>
    Effect.gen(function* () {
      const { at, made } = yield* fresh
      const redis = yield* client(at)
      const p = made.keyPrefix
      yield* Effect.promise(async () => {
        assert.strictEqual(await redis.set(`${p}a`, "1"), "OK")
        assert.deepStrictEqual(await redis.multi().incr(`${p}a`).expire(`${p}a`, 100).exec(), [
          [null, 2],
          [null, 1]
        ])
        assert.strictEqual(await redis.eval("return redis.call('INCR', KEYS[1])", 1, `${p}a`), 3)
        const id = await redis.xadd(`${p}s`, "*", "k", "v")
        assert.deepStrictEqual(await redis.xrange(`${p}s`, "-", "+"), [[id, ["k", "v"]]])
        await redis.client("SETNAME", "shop")
        assert.include(await redis.info("server"), "redis_version")
      })
      const listener = yield* client(at)
      yield* Effect.promise(async () => {
        const heard = new Promise((resolve) => listener.on("message", (_, message) => resolve(message)))
        await listener.subscribe(`${p}news`)
        assert.strictEqual(await redis.publish(`${p}news`, "hello"), 1)
        assert.strictEqual(await heard, "hello")
        await redis.select(1)
        assert.strictEqual(await redis.set(`${p}elsewhere`, "1"), "OK")
      })
    })
  )

  it.live("use it with BullMQ", () =>
    Effect.gen(function* () {
      const { at, made } = yield* fresh
      yield* Effect.promise(async () => {
        const connection = () => new Redis(at, { maxRetriesPerRequest: null })
        const own = [connection(), connection(), connection()] as const
        const where = { prefix: `${made.keyPrefix}bull` }
        const queue = new Queue<{ n: number }>("mail", { connection: own[0], ...where })
        const events = new QueueEvents("mail", { connection: own[1], ...where })
        const worker = new Worker<{ n: number }, number>("mail", async ({ data }) => data.n * 2, {
          connection: own[2],
          ...where
        })
        await events.waitUntilReady()
        const jobs = await queue.addBulk([1, 2, 3].map((n) => ({ name: "double", data: { n }, opts: { delay: n } })))
        assert.deepStrictEqual(await Promise.all(jobs.map((job) => job.waitUntilFinished(events, 20_000))), [2, 4, 6])
        await queue.add("again", { n: 1 }, { attempts: 2, backoff: 10, delay: 100_000, priority: 3 })
        await queue.obliterate({ force: true })
        await worker.close()
        await events.close()
        await queue.close()
        for (const one of own) one.disconnect()
      })
    })
  )

  it.live("leave nothing behind: no user, no key in any database, no connection", () =>
    Effect.gen(function* () {
      const { at, cache, made, tenant } = yield* fresh
      const redis = yield* client(at)
      const admin = yield* client(url)
      yield* Effect.promise(async () => {
        const pipeline = redis.pipeline()
        for (let i = 0; i < 5_000; i++) pipeline.set(`${made.keyPrefix}k${i}`, "x")
        await pipeline.exec()
        await redis.select(2)
        await redis.set(`${made.keyPrefix}x`, "1")
      })
      yield* cache.remove(tenant)
      yield* Effect.promise(async () => {
        assert.match(
          String(await redis.get(`${made.keyPrefix}x`).catch((error: Error) => error.message)),
          /closed|NOAUTH|NOPERM|writeable|retries/
        )
        for (const db of [0, 1, 2]) {
          await admin.select(db)
          assert.deepStrictEqual(await admin.keys(`${made.keyPrefix}*`), [])
        }
        assert.notInclude(String(await admin.call("ACL", "LIST")), made.externalId)
      })
      assert.isFalse((yield* cache.list).some(({ user }) => user === made.externalId))
    })
  )

  it.live("never take over a user that somebody else made", () =>
    Effect.gen(function* () {
      const cache = yield* RedisTenantCache.make({ address, prefix })
      const admin = yield* client(url)
      const tenant = { projectId: yield* NewId.make("proj"), name: ProjectName.make(`foreign-${process.pid}`) }
      const user = `${prefix}${tenant.name}`
      yield* Effect.promise(() => admin.call("ACL", "SETUSER", user, "on", ">x", "~a:*", "+get"))
      const before = yield* Effect.promise(() => admin.call("ACL", "GETUSER", user))
      for (const verb of [cache.ensure, cache.observe, cache.rotate, cache.remove])
        assert.strictEqual(
          (yield* Effect.flip<unknown, { reason: { _tag: string } }, never>(verb(tenant))).reason._tag,
          "Foreign"
        )
      assert.deepStrictEqual(yield* Effect.promise(() => admin.call("ACL", "GETUSER", user)), before)
      yield* Effect.promise(() => admin.call("ACL", "DELUSER", user))
    })
  )

  it.live("are made once when several processes make them at once", () =>
    Effect.gen(function* () {
      const tenant = { projectId: yield* NewId.make("proj"), name: ProjectName.make(`race-${process.pid}`) }
      const made = yield* Effect.forEach(
        Array.from({ length: 6 }),
        () => Effect.flatMap(RedisTenantCache.make({ address, prefix }), (cache) => cache.ensure(tenant)),
        { concurrency: "unbounded" }
      )
      const urls = made.flatMap((one) => (one.url === null ? [] : [one.url]))
      assert.strictEqual(urls.length, 1)
      for (const one of urls) yield* connects(one)
      yield* Effect.flatMap(RedisTenantCache.make({ address, prefix }), (cache) => cache.remove(tenant))
    })
  )

  it.live("keep the password before for as long as they were told, and no longer", () =>
    Effect.gen(function* () {
      const cache = yield* RedisTenantCache.make({ address, prefix, overlapSeconds: 1 })
      const tenant = { projectId: yield* NewId.make("proj"), name: ProjectName.make(`overlap-${process.pid}`) }
      yield* Effect.addFinalizer(() => Effect.ignore(cache.remove(tenant)))
      const first = (yield* cache.ensure(tenant)).url
      const second = (yield* cache.rotate(tenant)).url
      if (first === null) return assert.fail("no URL was given")
      yield* connects(first)
      yield* connects(second)
      // It is taken away by itself; the test's own time limit is the only bound.
      yield* Effect.repeat(Effect.sleep("100 millis").pipe(Effect.andThen(Effect.exit(connects(first)))), {
        until: (exit) => exit._tag === "Failure"
      })
      yield* connects(second)
    })
  )
})

describe("replicas", () => {
  it.live("share one limit", () =>
    Effect.gen(function* () {
      const one = yield* RedisRateLimiter.make({ address, namespace })
      const other = yield* RedisRateLimiter.make({ address, namespace })
      const policy = { name: "key", limit: 40, windowSeconds: 86_400 }
      const key = { kind: "key", id: Samples.unique("shared") } as const
      const answers = yield* Effect.forEach(
        Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? one : other)),
        (limiter) => limiter.take(key, policy),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(answers.filter(({ allowed }) => allowed).length, 40)
    })
  )
})
