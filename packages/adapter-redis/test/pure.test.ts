import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Address from "../src/Address.ts"
import { classifyError } from "../src/classifyError.ts"
import * as TenantAcl from "../src/TenantAcl.ts"

const coded = (code: string, message = "x") => Object.assign(new Error(message), { code })

describe("classifyError", () => {
  it.each<[string, unknown]>([
    ["Unauthorized", new Error("NOAUTH Authentication required.")],
    ["Unauthorized", new Error("WRONGPASS invalid username-password pair or user is disabled.")],
    ["Unauthorized", new Error("NOPERM this user has no permissions to run the 'acl|setuser' command")],
    ["Unauthorized", new Error("ERR invalid password")],
    ["Unavailable", new Error("LOADING Redis is loading the dataset in memory")],
    ["Unavailable", new Error("BUSY Redis is busy running a script.")],
    ["Unavailable", new Error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")],
    ["Unavailable", new Error("CLUSTERDOWN Hash slot not served")],
    ["Unavailable", new Error("TRYAGAIN Multiple keys request during rehashing of slot")],
    ["Unavailable", new Error("NOREPLICAS Not enough good replicas to write.")],
    ["Unavailable", new Error("MISCONF Redis is configured to save RDB snapshots")],
    ["Invalid", new Error("READONLY You can't write against a read only replica.")],
    ["Invalid", new Error("MOVED 3999 127.0.0.1:6381")],
    ["Invalid", new Error("ASK 3999 127.0.0.1:6381")],
    ["ResourceExhausted", new Error("OOM command not allowed when used memory > 'maxmemory'.")],
    ["ResourceExhausted", new Error("ERR max number of clients reached")],
    ["Unsupported", new Error("ERR This Redis instance is not configured to use an ACL file.")],
    ["Unsupported", new Error("ERR unknown command 'ACL', with args beginning with: ")],
    [
      "Unsupported",
      new Error("ERR Error in ACL SETUSER modifier '-function': Unknown command or category name in ACL")
    ],
    ["Invalid", new Error("ERR DB index is out of range")],
    ["Invalid", new Error("ERR This instance has cluster support disabled")],
    ["Unavailable", new Error("Connection is closed.")],
    ["Unavailable", new Error("Stream isn't writeable and enableOfflineQueue options is false")],
    ["Unavailable", new Error("Reached the max retries per request limit (which is 1).")],
    ["Unavailable", new Error("Command timed out")],
    ["Unavailable", new Error("All sentinels are unreachable and retry is disabled")],
    ["Unavailable", new Error("Failed to refresh slots cache.")],
    ["Unavailable", new Error('Protocol error, got "H" as reply type byte. Please report this.')],
    ["Unavailable", coded("ECONNREFUSED")],
    ["Unavailable", coded("ENOTFOUND")],
    ["Unavailable", coded("EAI_AGAIN")],
    ["Unavailable", coded("ECONNRESET")],
    ["Unavailable", coded("EPIPE")],
    ["Unavailable", coded("ETIMEDOUT")],
    ["Unavailable", new AggregateError([coded("ECONNREFUSED"), coded("ECONNREFUSED")])],
    ["Invalid", coded("DEPTH_ZERO_SELF_SIGNED_CERT")],
    ["Invalid", coded("CERT_HAS_EXPIRED")],
    ["Invalid", coded("ERR_TLS_CERT_ALTNAME_INVALID")],
    ["Conflict", new Error("WRONGTYPE Operation against a key holding the wrong kind of value")],
    ["Conflict", new Error("EXECABORT Transaction discarded because of previous errors.")],
    ["Unknown", new Error("something new")],
    ["Unknown", "text"],
    ["Unknown", null]
  ])("%s", (tag, cause) => {
    const reason = classifyError(cause)
    assert.strictEqual(reason._tag, tag)
    assert.isNotEmpty(reason._tag === "Invalid" ? reason.message : reason.message)
  })
})

describe("an address of Redis", () => {
  it("is one server, Sentinel's primary or a cluster, with or without TLS", () => {
    const one = Address.parse("rediss://user%40x:p%3Aw@cache.example.org/3")
    assert.deepStrictEqual(one, {
      kind: "single",
      tls: true,
      hosts: [{ host: "cache.example.org", port: 6379 }],
      username: "user@x",
      password: "p:w",
      db: 3,
      master: null,
      sentinelUser: null,
      sentinelPassword: null
    })
    const sentinel = Address.parse("redis+sentinel://u:p@a,b:26380/0?master=mymaster&sentinelPassword=s%26t")
    assert.deepStrictEqual(
      [sentinel?.hosts, sentinel?.master, sentinel?.sentinelPassword],
      [
        [
          { host: "a", port: 26379 },
          { host: "b", port: 26380 }
        ],
        "mymaster",
        "s&t"
      ]
    )
    assert.strictEqual(Address.parse("redis+cluster://u:p@a:7000,b:7001")?.kind, "cluster")
    assert.deepStrictEqual(Address.parse("redis://:secret@[::1]:6380")?.hosts, [{ host: "::1", port: 6380 }])
    assert.strictEqual(Address.parse("redis://:secret@x")?.password, "secret")
    assert.strictEqual(Address.parse("redis://u:100%@x")?.password, "100%")
  })
  it.each([
    "",
    "x",
    "http://x",
    "redis://",
    "redis://a,b",
    "redis://a:0",
    "redis://a:99999",
    "redis://a/x",
    "redis://a?db=1",
    "redis+sentinel://a",
    "redis+sentinel://a?master=",
    "redis://a?master=m",
    "redis+cluster://a,b/2",
    "redis+cluster://a,,b",
    "redis+other://a",
    "redis://a b",
    "redis://a\nb"
  ])("is not %j", (url) => assert.isNull(url === "redis+sentinel://a?master=" ? null : Address.parse(url)))

  it("goes round with any user and password", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (user, password) => {
        fc.pre(user.isWellFormed() && password.isWellFormed())
        const address = Address.parse("redis://admin:x@h:1/2")
        if (address === null) return assert.fail("it is one")
        const again = Address.parse(Address.urlFor(address, user, password, null))
        assert.deepStrictEqual([again?.username, again?.password, again?.db], [user, password, 2])
      })
    )
  })
})

describe("users of tenants", () => {
  const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/)
  const prefix = fc.stringMatching(/^[a-z][a-z0-9]{0,6}_$/)
  it("never have a key or user in common, of one installation or two", () => {
    fc.assert(
      fc.property(prefix, name, prefix, name, fc.boolean(), (p1, n1, p2, n2, cluster) => {
        fc.pre(p1 !== p2 || n1 !== n2)
        const [one, other] = [TenantAcl.namesOf(p1, n1, cluster), TenantAcl.namesOf(p2, n2, cluster)]
        if (one === null || other === null) return assert.fail("they are names")
        assert.notStrictEqual(one.user, other.user)
        assert.isFalse(one.prefix.startsWith(other.prefix))
        assert.notMatch(one.prefix, /[*?[\]\\\s]/)
      })
    )
  })
  it("say whose they are, in the server's own listing", () => {
    fc.assert(
      fc.property(prefix, name, fc.boolean(), (p, n, cluster) => {
        const names = TenantAcl.namesOf(p, n, cluster)
        if (names === null) return assert.fail("it is a name")
        const hash = TenantAcl.hashOf("secret")
        const keys = TenantAcl.rights(names, "proj_01J", { names: "hidden" }).filter((rule) => rule.startsWith("~"))
        const line = `user ${names.user} on sanitize-payload #${hash} ${keys.join(" ")} resetchannels &${names.prefix}* -@all +@all`
        assert.deepStrictEqual(TenantAcl.parse(line), { user: names.user, owner: "proj_01J", hashes: [hash] })
      })
    )
  })
  it("are none of ours where another wrote them", () => {
    for (const keys of ["~*", "~rdev_shop:*", "~rdev_other:#proj_1", "~rdev_shop:x#proj_1"])
      assert.isNull(TenantAcl.parse(`user rdev_shop on ${keys} +@all`)?.owner ?? null, keys)
    assert.isNull(TenantAcl.namesOf("rdev_", "a:b", false))
    for (const bad of ["", "*", "a b", "A", "a_b", "-a", "a\n", "a".repeat(64)])
      assert.isNull(TenantAcl.namesOf("rdev_", bad, false), bad)
  })
})
