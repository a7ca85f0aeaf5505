// lab: pebble powerdns
import { assert, describe, it } from "@effect/vitest"
import { suite as adapterSuite } from "@rdev/conformance/adapter/AdapterSuite"
import * as TestHost from "@rdev/conformance/adapter/TestHost"
import { suite as tlsSuite } from "@rdev/conformance/infra/TlsSuite"
import * as ShiftedClock from "@rdev/conformance/ShiftedClock"
import { ProjectId } from "@rdev/core/domain/Ids"
import * as CredentialMemory from "@rdev/core/memory/stores/CredentialStore"
import * as IdempotencyMemory from "@rdev/core/memory/stores/IdempotencyStore"
import { Dns, type TextRecord } from "@rdev/core/ports/infra/Dns"
import { KeyPairs, Tls } from "@rdev/core/ports/infra/Tls"
import { CredentialStore } from "@rdev/core/ports/stores/CredentialStore"
import { claimMillis, IdempotencyStore } from "@rdev/core/ports/stores/IdempotencyStore"
import { Clock, Context, Deferred, Effect, Fiber, Layer, Option, Redacted, type Scope } from "effect"
import { X509Certificate } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connect, createServer } from "node:tls"
import adapter from "@rdev/adapter-acme/adapter"
import * as Lab from "./AcmeLab.ts"

const project = ProjectId.make("proj_01J00000000000000000000001")
const other = ProjectId.make("proj_01J00000000000000000000002")
const config = {
  acceptTerms: true,
  directory: Lab.directory,
  nameservers: Lab.nameservers,
  profile: "default"
} as const
const slot = adapter.slots.tls
const minute = 60_000

const whole = (domain: string, given: Parameters<typeof slot.layer>[0] = config) =>
  slot
    .layer(given)
    .pipe(Layer.provide(Lab.dnsLayer(domain)), Layer.provide(Lab.hostLayer(domain)), Layer.provideMerge(TestHost.ports))

const suiteDomain = Lab.domainFor("acme-suite")
tlsSuite("acme", whole(suiteDomain), { supported: true, hostFor: (label) => `${label}.${suiteDomain}` })
adapterSuite("acme", adapter, {
  tls: {
    good: config,
    bad: { ...config, directory: "http://pebble.test/dir", bindingKey: Redacted.make("a-binding-key") },
    broken: { ...config, directory: "https://127.0.0.1:1/dir" }
  }
})

/** What a process shares with those before it, and what it did. */
interface World {
  readonly credentials: CredentialStore["Service"]
  readonly claims: IdempotencyStore["Service"]
  readonly dns: Dns["Service"]
  readonly published: Array<TextRecord>
  readonly orders: Set<string>
}
const worldOf = (domain: string): Effect.Effect<World, never, Scope.Scope> =>
  Effect.gen(function* () {
    const built = yield* Layer.build(
      Layer.mergeAll(CredentialMemory.layer, IdempotencyMemory.layer, Lab.dnsLayer(domain))
    )
    return {
      credentials: Context.get(built, CredentialStore),
      claims: Context.get(built, IdempotencyStore),
      dns: Context.get(built, Dns),
      published: [],
      orders: new Set()
    }
  })

interface Process {
  readonly tls: Tls["Service"]
  readonly pair: NonNullable<typeof KeyPairs.Service>
}
/** One process over the world. `step` is told of each thing that it did, and may keep it there for ever. */
const processOf = (
  domain: string,
  world: World,
  step: (what: string) => Effect.Effect<void> = () => Effect.void,
  given: Parameters<typeof slot.layer>[0] = config,
  publish: NonNullable<Dns["Service"]["publish"]> = world.dns.publish ?? (() => Effect.die("none"))
): Effect.Effect<Process, unknown, Scope.Scope> => {
  const dns = Dns.of({
    ...world.dns,
    publish: (record) => {
      world.published.push(record)
      return Effect.tap(publish(record), () => step(`publish ${record.values.length}`))
    }
  })
  const credentials = CredentialStore.of({
    ...world.credentials,
    put: (owner, name, value) => {
      const url = /"order":\{"url":"([^"]+)"/.exec(Redacted.value(value))?.[1]
      if (url !== undefined) world.orders.add(url)
      return Effect.tap(world.credentials.put(owner, name, value), () => step(`put ${name.split(".")[1] ?? ""}`))
    }
  })
  const below = Layer.mergeAll(
    Layer.succeed(Dns, dns),
    Layer.succeed(CredentialStore, credentials),
    Layer.succeed(IdempotencyStore, world.claims),
    Lab.hostLayer(domain)
  )
  const others = TestHost.ports
  return Effect.map(Layer.build(slot.layer(given).pipe(Layer.provide(Layer.provideMerge(below, others)))), (built) => {
    const pair = Context.get(built, KeyPairs)
    if (pair === null) return assert.fail("the slot tells no key pairs")
    return { tls: Context.get(built, Tls), pair }
  })
}

const reasonOf = <A, E extends { readonly reason: { readonly _tag: string }; readonly message: string }>(
  effect: Effect.Effect<A, E>
) => Effect.map(Effect.flip(effect), ({ message, reason }) => ({ tag: reason._tag, message }))

/** What a browser does: asks by name, and trusts the authority's root alone. */
const shakesHands = (chain: string, key: string, ca: string, servername: string) =>
  Effect.promise(
    () =>
      new Promise<boolean>((resolve, reject) => {
        const server = createServer({ cert: chain, key }, (socket) => socket.end())
        server.on("error", reject).listen(0, "127.0.0.1", () => {
          const { port } = server.address() as AddressInfo
          const socket = connect({ host: "127.0.0.1", port, servername, ca }, () => {
            resolve(socket.authorized)
            socket.destroy()
            server.close()
          }).on("error", (error) => {
            server.close()
            reject(error)
          })
        })
      })
  )

const shifted = <A, E, R>(work: (clock: ShiftedClock.ShiftedClock) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(ShiftedClock.make, (clock) => Effect.provideService(work(clock), Clock.Clock, clock))

describe("acme", () => {
  it.live(
    "gets one certificate for a project and its environments, by one replacement of the TXT set, and leaves nothing",
    () =>
      Effect.gen(function* () {
        const domain = Lab.domainFor("acme-one")
        const world = yield* worldOf(domain)
        const { pair, tls } = yield* processOf(domain, world)
        const [production, staging] = [`shop.${domain}`, `staging.shop.${domain}`]
        const made = yield* tls.ensure(project, production)
        const more = yield* tls.ensure(project, staging)
        assert.deepStrictEqual([made.created, more.created], [true, true])
        assert.deepStrictEqual([more.externalId, more.notAfterMillis], [made.externalId, made.notAfterMillis])
        assert.strictEqual(world.orders.size, 1)
        assert.deepStrictEqual(
          world.published.map(({ name, values }) => [name, values.length]),
          [
            [`_acme-challenge.${production}`, 2],
            [`_acme-challenge.${production}`, 0]
          ]
        )
        const { chain, key } = Option.getOrThrow(yield* pair(staging))
        const [leaf] = chain.split(/(?<=-----END CERTIFICATE-----)/)
        const certificate = new X509Certificate(leaf ?? "")
        assert.strictEqual(certificate.subjectAltName, `DNS:${production}, DNS:*.${production}`)
        const ca = yield* Lab.root
        for (const name of [production, staging])
          assert.isTrue(yield* shakesHands(chain, Redacted.value(key), ca, name))
        assert.deepStrictEqual(yield* Lab.listed(domain), [])

        assert.strictEqual((yield* reasonOf(tls.ensure(other, staging))).tag, "Foreign")
        yield* tls.remove(project, production)
        assert.isTrue(Option.isSome(yield* tls.observe(staging)))
        assert.isTrue(Option.isNone(yield* tls.observe(production)))
        yield* tls.remove(project, staging)
        assert.isTrue(Option.isNone(yield* pair(staging)))
        assert.deepStrictEqual(
          (yield* world.credentials.list("system")).map(({ name }) => name.split(".")[1]),
          ["account"]
        )
      }),
    minute
  )

  it.live(
    "goes on with the same order after a crash at every step",
    () =>
      shifted((clock) =>
        Effect.gen(function* () {
          const domain = Lab.domainFor("acme-crash")
          const world = yield* worldOf(domain)
          const started = yield* processOf(domain, world)
          yield* started.tls.ensure(project, `first.${domain}`)
          const seen: Array<string> = []
          for (let point = 1; point <= 6; point++) {
            const host = `crash${point}.${domain}`
            const reached = yield* Deferred.make<string>()
            let count = 0
            const dying = yield* processOf(
              domain,
              // It does not come to giving its claim back.
              { ...world, claims: { ...world.claims, release: () => Effect.void } },
              (what) =>
                Effect.suspend(() =>
                  ++count === point ? Effect.andThen(Deferred.succeed(reached, what), Effect.never) : Effect.void
                )
            )
            world.orders.clear()
            const fiber = yield* Effect.forkChild(dying.tls.ensure(project, host))
            seen.push(yield* Deferred.await(reached))
            yield* Fiber.interrupt(fiber)
            clock.advance(claimMillis + 1_000)
            const next = yield* processOf(domain, world)
            const made = yield* next.tls.ensure(project, host)
            assert.strictEqual(made.host, host)
            assert.strictEqual(world.orders.size, 1, `orders after a crash at ${seen.at(-1)}`)
            assert.deepStrictEqual(yield* Lab.listed(domain), [], `left after a crash at ${seen.at(-1)}`)
          }
          assert.deepStrictEqual(seen, [
            "put certificate",
            "put certificate",
            "publish 2",
            "publish 0",
            "put certificate",
            "put certificate"
          ])
        })
      ),
    minute
  )

  it.live(
    "renews when it is due, writes the files anew, and keeps the old one when that fails",
    () =>
      Effect.gen(function* () {
        const domain = Lab.domainFor("acme-renew")
        const folder = mkdtempSync(join(tmpdir(), "rdev-acme-"))
        yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
        const world = yield* worldOf(domain)
        const clock = yield* ShiftedClock.make
        const over = { ...config, folder, patienceSeconds: 1 }
        yield* Effect.gen(function* () {
          const { pair, tls } = yield* processOf(domain, world, undefined, over)
          const { renewals } = tls
          if (renewals === undefined) return assert.fail("renewals")
          const host = `shop.${domain}`
          yield* tls.ensure(project, host)
          const first = Option.getOrThrow(yield* pair(host))
          const at = (ending: string) => join(folder, `${host}.${ending}`)
          assert.strictEqual(readFileSync(at("crt"), "utf8"), first.chain)
          assert.strictEqual(statSync(at("key")).mode & 0o777, 0o600)
          const [listed] = yield* renewals.list
          const lifetime = 90 * 86_400_000
          assert.isAbove((listed?.dueAtMillis ?? 0) - Date.now(), lifetime * 0.6)
          assert.isBelow((listed?.dueAtMillis ?? 0) - Date.now(), lifetime * 0.67)
          yield* renewals.renew(project, host)
          assert.strictEqual(world.orders.size, 1, "one that is not due stays")

          clock.advance((listed?.dueAtMillis ?? 0) - Date.now() + 1_000)
          const nowhere = yield* processOf(domain, world, undefined, { ...over, nameservers: ["127.0.0.1:1"] })
          // An authorization of before may be good still: then no record is asked for.
          const failed = yield* Effect.result(nowhere.tls.renewals?.renew(project, host) ?? Effect.void)
          if (failed._tag === "Failure") {
            assert.include(failed.failure.message, `_acme-challenge.${host} TXT`)
            const [told] = yield* renewals.list
            assert.include(told?.failure ?? "", `_acme-challenge.${host} TXT`)
            assert.isAbove(told?.dueAtMillis ?? 0, yield* Clock.currentTimeMillis)
            assert.strictEqual(Option.getOrThrow(yield* pair(host)).chain, first.chain)
            clock.advance(3_600_000)
          }
          yield* renewals.renew(project, host)
          const second = Option.getOrThrow(yield* pair(host))
          assert.notStrictEqual(second.chain, first.chain)
          assert.notStrictEqual(Redacted.value(second.key), Redacted.value(first.key))
          assert.strictEqual(readFileSync(at("crt"), "utf8"), second.chain)
          assert.strictEqual(readFileSync(at("key"), "utf8"), Redacted.value(second.key))
          assert.isNull((yield* renewals.list)[0]?.failure ?? null)
          assert.deepStrictEqual(yield* Lab.listed(domain), [])
          yield* tls.remove(project, host)
          assert.isUndefined(statSync(at("key"), { throwIfNoEntry: false }))
        }).pipe(Effect.provideService(Clock.Clock, clock))
      }),
    minute
  )

  it.live(
    "names the record that was asked for when it is refused, and leaves nothing",
    () =>
      Effect.gen(function* () {
        const domain = Lab.domainFor("acme-refused")
        const world = yield* worldOf(domain)
        const host = `shop.${domain}`
        const lying = yield* processOf(
          domain,
          world,
          undefined,
          { ...config, nameservers: [], settleSeconds: 0 },
          () => Effect.void
        )
        const refused = yield* reasonOf(lying.tls.ensure(project, host))
        assert.include(["Conflict", "Unavailable"], refused.tag)
        assert.include(refused.message, `_acme-challenge.${host} TXT`)
        const { tls } = yield* processOf(domain, world)
        // Somebody else's client is at work there.
        if (world.dns.publish === undefined) return assert.fail("publish")
        yield* world.dns.publish({ projectId: other, name: `_acme-challenge.${host}`, values: ["theirs"] })
        assert.strictEqual((yield* reasonOf(tls.ensure(project, host))).tag, "Foreign")
        assert.lengthOf(yield* Lab.listed(domain), 1)
        yield* world.dns.publish({ projectId: other, name: `_acme-challenge.${host}`, values: [] })
        assert.strictEqual((yield* reasonOf(tls.ensure(project, "shop.example.org"))).tag, "Invalid")
        const blocked = yield* processOf(`blocked.${Lab.zone}`, world)
        const rejected = yield* reasonOf(blocked.tls.ensure(project, `shop.blocked.${Lab.zone}`))
        assert.strictEqual(rejected.tag, "Invalid")
        assert.include(rejected.message, `shop.blocked.${Lab.zone}`)
        assert.deepStrictEqual(
          (yield* world.credentials.list("system")).map(({ name }) => name.split(".")[1]),
          ["account"]
        )
        assert.deepStrictEqual(yield* Lab.listed(domain), [])
      }),
    minute
  )

  it.live(
    "waits for the zone, and takes up the same order later",
    () =>
      Effect.gen(function* () {
        const domain = Lab.domainFor("acme-late")
        const world = yield* worldOf(domain)
        const host = `shop.${domain}`
        const early = yield* processOf(domain, world, undefined, {
          ...config,
          patienceSeconds: 1,
          nameservers: ["127.0.0.1:1"]
        })
        assert.strictEqual((yield* reasonOf(early.tls.ensure(project, host))).tag, "Unavailable")
        assert.isTrue(Option.isNone(yield* early.tls.observe(host)))
        assert.deepStrictEqual(yield* Lab.listed(domain), [`_acme-challenge.${host}. TXT`])
        const { tls } = yield* processOf(domain, world)
        yield* tls.ensure(project, host)
        assert.strictEqual(world.orders.size, 1)
        yield* early.tls.ensure(project, `gone.${domain}`).pipe(Effect.flip)
        yield* tls.remove(project, `gone.${domain}`)
        assert.deepStrictEqual(yield* Lab.listed(domain), [])
      }),
    minute
  )
})
