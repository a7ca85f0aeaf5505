/** What providers of a tenant's database and of its cache have in common: made once, rotated, removed, never another project's. */
import { assert, layer as withLayer, type Vitest } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import type { Tenant } from "@rdev/core/ports/infra/TenantDatabase"
import { Effect, Layer, Option, Redacted } from "effect"

export interface Capabilities {
  /** False when no server is configured: every verb then answers Unsupported with what to configure. */
  readonly supported: boolean
  /** Succeeds when the URL lets a client in and fails when it does not; without it URLs are only compared. */
  readonly connect?: (url: Redacted.Redacted) => Effect.Effect<void, unknown>
}

export interface PortError {
  readonly reason: PortReason
}
/** The verbs both ports have. */
export interface TenantPort<Info extends { readonly externalId: string }, E extends PortError> {
  ensure(tenant: Tenant): Effect.Effect<Info & { readonly created: boolean; readonly url: Redacted.Redacted | null }, E>
  observe(tenant: Tenant): Effect.Effect<Option.Option<Info>, E>
  rotate(tenant: Tenant): Effect.Effect<{ readonly url: Redacted.Redacted }, E>
  remove(tenant: Tenant): Effect.Effect<void, E>
}

const reasonOf = <A, E extends PortError>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

/** The common tests, then those of `more`, each with a port and a tenant that nobody has used. */
export const suite = <
  R,
  Info extends { readonly externalId: string },
  E extends PortError,
  Port extends TenantPort<Info, E>
>(
  title: string,
  layer: Layer.Layer<R, unknown>,
  portOf: Effect.Effect<Port, never, R>,
  { connect, supported }: Capabilities,
  more: (
    it: Vitest.MethodsNonLive<R>,
    fresh: Effect.Effect<{ readonly port: Port; readonly tenant: Tenant }, never, R>
  ) => void
): void => {
  let counter = 0
  const fresh = Effect.gen(function* () {
    counter += 1
    return {
      port: yield* portOf,
      tenant: { projectId: yield* NewId.make("proj"), name: ProjectName.make(`suite-${process.pid % 1000}-${counter}`) }
    }
  })
  const works = (url: Redacted.Redacted | null) =>
    url === null ? Effect.sync(() => assert.fail("no URL was given")) : (connect?.(url) ?? Effect.void)
  const refused = (url: Redacted.Redacted | null) =>
    url === null || connect === undefined ? Effect.void : Effect.asVoid(Effect.flip(connect(url)))
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(title, (it) => {
    if (!supported) {
      it.effect("says what is missing, and changes nothing", () =>
        Effect.gen(function* () {
          const { port, tenant } = yield* fresh
          assert.strictEqual((yield* reasonOf(port.ensure(tenant)))._tag, "Unsupported")
          assert.strictEqual((yield* reasonOf(port.rotate(tenant)))._tag, "Unsupported")
          assert.strictEqual((yield* reasonOf(port.observe(tenant)))._tag, "Unsupported")
          assert.strictEqual((yield* reasonOf(port.remove(tenant)))._tag, "Unsupported")
        })
      )
      return
    }

    it.effect("of a missing one: observes none, removes it all the same", () =>
      Effect.gen(function* () {
        const { port, tenant } = yield* fresh
        assert.isTrue(Option.isNone(yield* port.observe(tenant)))
        yield* port.remove(tenant)
      })
    )

    it.effect("ensures once: the URL comes with the creation alone", () =>
      Effect.gen(function* () {
        const { port, tenant } = yield* fresh
        const made = yield* port.ensure(tenant)
        assert.isTrue(made.created)
        yield* works(made.url)
        const again = yield* port.ensure(tenant)
        assert.deepStrictEqual([again.created, again.url, again.externalId], [false, null, made.externalId])
        yield* works(made.url)
        assert.strictEqual(Option.getOrThrow(yield* port.observe(tenant)).externalId, made.externalId)
      })
    )

    it.effect("rotates: the new URL works, the old one no longer", () =>
      Effect.gen(function* () {
        const { port, tenant } = yield* fresh
        const made = yield* port.ensure(tenant)
        const rotated = yield* port.rotate(tenant)
        assert.notStrictEqual(made.url === null ? null : Redacted.value(made.url), Redacted.value(rotated.url))
        yield* works(rotated.url)
        yield* refused(made.url)
        yield* port.remove(tenant)
        assert.strictEqual((yield* reasonOf(port.rotate(tenant)))._tag, "NotFound")
      })
    )

    it.effect("removes twice, and can make it anew", () =>
      Effect.gen(function* () {
        const { port, tenant } = yield* fresh
        const made = yield* port.ensure(tenant)
        yield* port.remove(tenant)
        yield* port.remove(tenant)
        assert.isTrue(Option.isNone(yield* port.observe(tenant)))
        yield* refused(made.url)
        assert.isTrue((yield* port.ensure(tenant)).created)
      })
    )

    it.effect("never touches another project's", () =>
      Effect.gen(function* () {
        const { port, tenant } = yield* fresh
        const made = yield* port.ensure(tenant)
        const other = { ...tenant, projectId: yield* NewId.make("proj") }
        assert.strictEqual((yield* reasonOf(port.ensure(other)))._tag, "Foreign")
        assert.strictEqual((yield* reasonOf(port.observe(other)))._tag, "Foreign")
        assert.strictEqual((yield* reasonOf(port.rotate(other)))._tag, "Foreign")
        assert.strictEqual((yield* reasonOf(port.remove(other)))._tag, "Foreign")
        yield* works(made.url)
      })
    )

    more(it, fresh)
  })
}
