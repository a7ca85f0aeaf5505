/** What every keeper of host names must do. */
import { assert, layer as withLayer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { Dns, type DnsError } from "@rdev/core/ports/infra/Dns"
import { Effect, Layer, Option } from "effect"

export interface Capabilities {
  /** Targets this adapter accepts: a record's first one and the one it is changed to. */
  readonly targets: readonly [string, string]
}

const reasonOf = <A>(effect: Effect.Effect<A, DnsError, Dns>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason._tag)

export const suite = (
  name: string,
  layer: Layer.Layer<Dns, unknown>,
  { targets: [first, second] }: Capabilities
): void => {
  let counter = 0
  const fresh = Effect.gen(function* () {
    const dns = yield* Dns
    counter += 1
    return { dns, projectId: yield* NewId.make("proj"), host: dns.hostFor(`suite-${process.pid % 1000}-${counter}`) }
  })
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`Dns: ${name}`, (it) => {
    it.effect("ensures, observes, lists and changes a record", () =>
      Effect.gen(function* () {
        const { dns, projectId, host } = yield* fresh
        assert.isTrue(Option.isNone(yield* dns.observe(host)))
        const made = yield* dns.ensure({ projectId, host, target: first })
        assert.strictEqual(made.created, true)
        assert.deepStrictEqual(yield* dns.ensure({ projectId, host, target: first }), {
          externalId: made.externalId,
          created: false
        })
        assert.deepStrictEqual(yield* dns.observe(host), Option.some({ projectId, host, target: first }))
        yield* dns.ensure({ projectId, host, target: second })
        assert.deepStrictEqual(yield* dns.observe(host), Option.some({ projectId, host, target: second }))
        assert.isTrue((yield* dns.list).some((r) => r.host === host && r.projectId === projectId))
      })
    )

    it.effect("never touches another owner's record", () =>
      Effect.gen(function* () {
        const { dns, projectId, host } = yield* fresh
        const other = yield* NewId.make("proj")
        yield* dns.ensure({ projectId, host, target: first })
        assert.strictEqual(yield* reasonOf(dns.ensure({ projectId: other, host, target: second })), "Foreign")
        assert.strictEqual(yield* reasonOf(dns.remove(other, host)), "Foreign")
        assert.deepStrictEqual(yield* dns.observe(host), Option.some({ projectId, host, target: first }))
      })
    )

    it.effect("removes a record, also a missing one", () =>
      Effect.gen(function* () {
        const { dns, projectId, host } = yield* fresh
        yield* dns.ensure({ projectId, host, target: first })
        yield* dns.remove(projectId, host)
        yield* dns.remove(projectId, host)
        assert.isTrue(Option.isNone(yield* dns.observe(host)))
      })
    )

    it.effect("refuses what is not a host name", () =>
      Effect.gen(function* () {
        const { dns, projectId } = yield* fresh
        for (const host of [
          "",
          "../x",
          "a b.localhost",
          "UPPER.localhost",
          "-a.localhost",
          `${"a".repeat(64)}.localhost`,
          "x/../../y.localhost"
        ]) {
          assert.strictEqual(yield* reasonOf(dns.ensure({ projectId, host, target: first })), "Invalid", host)
        }
      })
    )
  })
}
