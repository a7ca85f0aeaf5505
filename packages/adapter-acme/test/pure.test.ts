import { assert, describe, it } from "@effect/vitest"
import { suite as adapterSuite } from "@rdev/conformance/adapter/AdapterSuite"
import * as TestHost from "@rdev/conformance/adapter/TestHost"
import { Dns } from "@rdev/core/ports/infra/Dns"
import * as IdempotencyMemory from "@rdev/core/memory/stores/IdempotencyStore"
import { claimMillis, IdempotencyStore } from "@rdev/core/ports/stores/IdempotencyStore"
import { Effect, Fiber, Layer, Redacted, Ref } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import adapter from "../src/adapter.ts"
import { classifyError, clean, problemOf, type Refusal, waitOf } from "../src/classifyError.ts"
import * as Lease from "../src/Lease.ts"
import * as Names from "../src/Names.ts"
import { issuedOf } from "../src/Ordering.ts"

const urn = "urn:ietf:params:acme:error:"
const refusal = (status: number | null, type: string | null, more: Partial<Refusal> = {}): Refusal => ({
  authority: "ca.test",
  asked: "_acme-challenge.shop.example.org TXT",
  status,
  problem: type === null ? null : problemOf({ type: urn + type, detail: `about ${type}` }),
  retryAfter: null,
  said: "fetch failed",
  ...more
})

describe("classifyError", () => {
  it.each<[string, number | null, string | null]>([
    ["Unavailable", null, null],
    ["Unavailable", 400, "badNonce"],
    ["Unavailable", 500, "serverInternal"],
    ["Unavailable", 503, null],
    ["Unavailable", 408, null],
    ["Unavailable", null, "dns"],
    ["Unavailable", null, "connection"],
    ["Unavailable", null, "tls"],
    ["Conflict", null, "unauthorized"],
    ["Conflict", null, "incorrectResponse"],
    ["Conflict", 403, "orderNotReady"],
    ["Unauthorized", 403, "unauthorized"],
    ["Unauthorized", 400, "accountDoesNotExist"],
    ["Unauthorized", 403, "userActionRequired"],
    ["Unauthorized", 401, null],
    ["RateLimited", 429, "rateLimited"],
    ["RateLimited", 503, "rateLimited"],
    ["RateLimited", 429, null],
    ["Invalid", null, "caa"],
    ["Invalid", 403, "caa"],
    ["Invalid", 400, "rejectedIdentifier"],
    ["Invalid", 400, "unsupportedIdentifier"],
    ["Invalid", 400, "invalidContact"],
    ["Invalid", 400, "externalAccountRequired"],
    ["Invalid", 400, "invalidProfile"],
    ["Invalid", 400, "malformed"],
    ["NotFound", 404, "malformed"],
    ["NotFound", 404, null],
    ["Invalid", 302, null],
    ["Unsupported", 400, "badSignatureAlgorithm"],
    ["Unknown", 400, "badCSR"],
    ["Unknown", 418, null],
    // Names of what every object has are no types.
    ["Unknown", 400, "constructor"],
    ["Unavailable", 500, "toString"]
  ])("%s: %s %s", (tag, status, type) => {
    const reason = classifyError(refusal(status, type), 0)
    assert.strictEqual(reason._tag, tag)
    assert.include(reason.message, "_acme-challenge.shop.example.org TXT")
    assert.include(reason.message, "ca.test")
  })
  it("looks into what is told of several names", () => {
    const problem = problemOf({
      type: `${urn}compound`,
      detail: "several",
      subproblems: [
        { type: `${urn}caa`, detail: "not ours", identifier: { type: "dns", value: "shop.example.org" } },
        7
      ]
    })
    const reason = classifyError(refusal(403, null, { problem }), 0)
    assert.strictEqual(reason._tag, "Invalid")
    assert.include(reason.message, "shop.example.org: not ours")
  })
  it("reads how long to wait, in seconds or as a date", () => {
    assert.strictEqual(waitOf("120", 0), 120_000)
    assert.strictEqual(waitOf("Thu, 01 Jan 1970 00:01:00 GMT", 10_000), 50_000)
    assert.isNull(waitOf("soon", 0))
    const limited = classifyError(refusal(429, "rateLimited", { retryAfter: "60" }), 0)
    assert.strictEqual(limited._tag === "RateLimited" ? limited.retryAfterMillis : null, 60_000)
  })
  it("never repeats a key, nor more than a line or two", () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 1 }), (before, body) => {
        const key = `-----BEGIN PRIVATE KEY-----\nsecret${body}secret\n-----END PRIVATE KEY-----`
        assert.notInclude(clean(`${before}${key}`), "secret")
        assert.isAtMost(clean(before.repeat(100)).length, 500)
      })
    )
  })
})

describe("Names", () => {
  it.each<[string, Names.Coverage, string, number]>([
    ["shop.example.org", "wildcard", "shop.example.org", 2],
    ["staging.shop.example.org", "wildcard", "shop.example.org", 2],
    ["a.staging.shop.example.org", "wildcard", "a.staging.shop.example.org", 1],
    ["staging.shop.example.org", "exact", "staging.shop.example.org", 1],
    ["example.org", "wildcard", "example.org", 1],
    ["shop.example.com", "wildcard", "shop.example.com", 1]
  ])("%s, %s: %s", (host, coverage, base, count) => {
    const found = Names.of(host, "example.org", coverage)
    assert.deepStrictEqual([found.base, found.names.length], [base, count])
    assert.isTrue(Names.covers(found.names, host))
  })
  it("covers no name of another project", () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/)
    fc.assert(
      fc.property(label, label, label, (one, two, environment) => {
        fc.pre(one !== two)
        const { names } = Names.of(`${environment}.${one}.example.org`, "example.org", "wildcard")
        assert.isFalse(Names.covers(names, `${two}.example.org`))
        assert.isFalse(Names.covers(names, `${environment}.${two}.example.org`))
      })
    )
  })
})

describe("Lease", () => {
  it.effect("is one worker's, is held while it works, and ends with one that is gone", () =>
    Effect.gen(function* () {
      const claims = yield* IdempotencyStore
      const running = yield* Ref.make(0)
      const most = yield* Ref.make(0)
      const work = Effect.gen(function* () {
        const now = yield* Ref.updateAndGet(running, (n) => n + 1)
        yield* Ref.update(most, (n) => Math.max(n, now))
        yield* Effect.sleep(claimMillis * 3)
        yield* Ref.update(running, (n) => n - 1)
      })
      const lease = Lease.make(claims, claimMillis * 20)
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(lease("shop", work)))
      yield* TestClock.adjust(claimMillis * 12)
      yield* Effect.forEach(fibers, Fiber.join)
      assert.strictEqual(yield* Ref.get(most), 1)
      const dead = Lease.make({ ...claims, release: () => Effect.void }, 0)
      yield* dead("shop", Effect.void)
      const busy = yield* Effect.flip(Lease.make(claims, 0)("shop", Effect.void))
      assert.strictEqual(busy.reason._tag, "Unavailable")
      yield* TestClock.adjust(claimMillis + 1)
      yield* Lease.make(claims, 0)("shop", Effect.void)
    }).pipe(Effect.provide(IdempotencyMemory.layer))
  )
})

it("refuses a certificate that is none", () => {
  assert.include(String(issuedOf("no PEM", "no key", ["a.example.org"], 0)), "cannot be read")
})

const TestPorts = Layer.merge(TestHost.ports, TestHost.layer())

// Nothing answers there: what is asked of a real authority stands in examples/dns-powerdns/test.
const good = { acceptTerms: true as const, directory: "https://127.0.0.1:1/dir" }
adapterSuite("acme, without an authority", adapter, {
  tls: { good, bad: { ...good, acceptTerms: false }, broken: { ...good, bindingId: "only" } }
})
describe("configuration", () => {
  const decode = adapter.slots.tls.decode
  it.each<[string, object, boolean]>([
    ["letsencrypt", { acceptTerms: true }, true],
    ["no consent", {}, false],
    ["plain http", { acceptTerms: true, directory: "http://ca.test/dir" }, false],
    ["a word", { acceptTerms: true, directory: "letsencrypts" }, false],
    [
      "a server",
      { acceptTerms: true, nameservers: ["192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53", "2001:db8::1"] },
      true
    ],
    ["a name for a server", { acceptTerms: true, nameservers: ["ns1.example.org"] }, false],
    ["a port that is none", { acceptTerms: true, nameservers: ["192.0.2.1:70000"] }, false],
    ["a relative folder", { acceptTerms: true, folder: "certificates" }, false],
    ["no mail", { acceptTerms: true, contact: "me" }, false]
  ])("%s", (_, given, ok) => assert.strictEqual(decode?.(given).ok, ok))
  it.effect("needs a dns with TXT records", () =>
    Effect.gen(function* () {
      const without = Layer.effect(
        Dns,
        Effect.map(Dns, ({ ensure, hostFor, list, observe, remove }) =>
          Dns.of({ ensure, hostFor, list, observe, remove })
        )
      )
      const error = yield* Effect.flip(
        Effect.scoped(
          Layer.build(
            adapter.slots.tls
              .layer({ ...good, bindingId: "a", bindingKey: Redacted.make("b") })
              .pipe(Layer.provide(without), Layer.provide(TestPorts))
          )
        )
      )
      assert.strictEqual(error.reason._tag, "Unsupported")
    })
  )
})
