/** What every provider of certificates must do. */
import { assert, layer as withLayer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { Tls, type TlsError } from "@rdev/core/ports/infra/Tls"
import { Clock, Effect, Layer, Option } from "effect"

export interface Capabilities {
  /** False when this installation has no certificates: every verb then answers Unsupported with what to configure. */
  readonly supported: boolean
  /** A host name that certificates can be had for, made from a label. */
  readonly hostFor?: (label: string) => string
}

const reasonOf = <A>(effect: Effect.Effect<A, TlsError, Tls>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

export const suite = (
  name: string,
  layer: Layer.Layer<Tls, unknown>,
  { hostFor = (label) => `${label}.example.test`, supported }: Capabilities
): void => {
  let counter = 0
  const fresh = Effect.gen(function* () {
    counter += 1
    return {
      tls: yield* Tls,
      projectId: yield* NewId.make("proj"),
      host: hostFor(`suite-${process.pid % 1000}-${counter}`)
    }
  })
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`Tls: ${name}`, (it) => {
    if (!supported) {
      it.effect("says what is missing, and changes nothing", () =>
        Effect.gen(function* () {
          const { host, projectId, tls } = yield* fresh
          const reason = yield* reasonOf(tls.ensure(projectId, host))
          assert.strictEqual(reason._tag, "Unsupported")
          assert.strictEqual((yield* reasonOf(tls.observe(host)))._tag, "Unsupported")
          assert.strictEqual((yield* reasonOf(tls.remove(projectId, host)))._tag, "Unsupported")
        })
      )
      return
    }

    it.effect("of a missing certificate: observes none, removes it all the same", () =>
      Effect.gen(function* () {
        const { host, projectId, tls } = yield* fresh
        assert.isTrue(Option.isNone(yield* tls.observe(host)))
        yield* tls.remove(projectId, host)
      })
    )

    it.effect("ensures once, observes, removes twice", () =>
      Effect.gen(function* () {
        const { host, projectId, tls } = yield* fresh
        const made = yield* tls.ensure(projectId, host)
        assert.isTrue(made.created)
        assert.isAbove(made.notAfterMillis, yield* Clock.currentTimeMillis)
        const again = yield* tls.ensure(projectId, host)
        assert.deepStrictEqual([again.created, again.externalId], [false, made.externalId])
        const seen = Option.getOrThrow(yield* tls.observe(host))
        assert.deepStrictEqual([seen.projectId, seen.host, seen.externalId], [projectId, host, made.externalId])
        yield* tls.remove(projectId, host)
        yield* tls.remove(projectId, host)
        assert.isTrue(Option.isNone(yield* tls.observe(host)))
        assert.isTrue((yield* tls.ensure(projectId, host)).created)
      })
    )

    it.effect("never touches another project's certificate", () =>
      Effect.gen(function* () {
        const { host, projectId, tls } = yield* fresh
        const made = yield* tls.ensure(projectId, host)
        const other = yield* NewId.make("proj")
        assert.strictEqual((yield* reasonOf(tls.ensure(other, host)))._tag, "Foreign")
        assert.strictEqual((yield* reasonOf(tls.remove(other, host)))._tag, "Foreign")
        assert.strictEqual(Option.getOrThrow(yield* tls.observe(host)).externalId, made.externalId)
      })
    )

    it.effect("has one creator among parallel calls", () =>
      Effect.gen(function* () {
        const { host, projectId, tls } = yield* fresh
        const all = yield* Effect.forEach(Array.from({ length: 8 }), () => tls.ensure(projectId, host), {
          concurrency: "unbounded"
        })
        assert.strictEqual(all.filter((one) => one.created).length, 1)
        assert.strictEqual(new Set(all.map((one) => one.externalId)).size, 1)
      })
    )
  })
}
