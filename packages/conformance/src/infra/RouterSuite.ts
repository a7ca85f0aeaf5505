/** What every router must do. */
import { assert, layer as withLayer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { type Backend, type Route, Router, type RouterError } from "@rdev/core/ports/infra/Router"
import { Effect, Layer, Option } from "effect"

export interface Capabilities {
  /** Names that it can route end with it. Default `localhost`. */
  readonly domain?: string
  /** Backends that it can send to: a route's first one and the one it is changed to. Default: this server, and one elsewhere. */
  readonly backends?: readonly [Backend, Backend]
}

const reasonOf = <A>(effect: Effect.Effect<A, RouterError, Router>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

export const suite = (
  name: string,
  layer: Layer.Layer<Router, unknown>,
  {
    backends: [first, second] = [{ _tag: "Server" }, { _tag: "Http", address: "http://127.0.0.1:9" }],
    domain = "localhost"
  }: Capabilities = {}
): void => {
  let counter = 0
  const fresh = Effect.gen(function* () {
    const router = yield* Router
    counter += 1
    const route: Route = {
      projectId: yield* NewId.make("proj"),
      environment: "production",
      host: `suite-${process.pid % 1000}-${counter}.${domain}`,
      backend: first
    }
    return { router, route }
  })
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`Router: ${name}`, (it) => {
    it.effect("routes, observes, lists, and changes where a name leads", () =>
      Effect.gen(function* () {
        const { route, router } = yield* fresh
        assert.isTrue(Option.isNone(yield* router.observe(route.host)))
        const made = yield* router.route(route)
        assert.strictEqual(made.created, true)
        assert.deepStrictEqual(yield* router.route(route), { externalId: made.externalId, created: false })
        assert.deepStrictEqual(yield* router.observe(route.host), Option.some(route))
        for (const changed of [
          { ...route, backend: second },
          { ...route, backend: second, environment: "staging" },
          route
        ]) {
          assert.strictEqual((yield* router.route(changed)).created, false)
          assert.deepStrictEqual(yield* router.observe(route.host), Option.some(changed))
        }
        assert.deepInclude(yield* router.list, route)
      })
    )

    it.effect("keeps the names of a project apart", () =>
      Effect.gen(function* () {
        const { route, router } = yield* fresh
        const other = { ...route, host: `staging.${route.host}`, environment: "staging", backend: second }
        yield* router.route(route)
        yield* router.route(other)
        yield* router.remove(route.projectId, route.host)
        assert.isTrue(Option.isNone(yield* router.observe(route.host)))
        assert.deepStrictEqual(yield* router.observe(other.host), Option.some(other))
        yield* router.remove(route.projectId, other.host)
      })
    )

    it.effect("never touches another owner's route; of two who want a name, one gets it", () =>
      Effect.gen(function* () {
        const { route, router } = yield* fresh
        const other = { ...route, projectId: yield* NewId.make("proj"), backend: second }
        yield* router.route(route)
        assert.strictEqual((yield* reasonOf(router.route(other)))._tag, "Foreign")
        assert.strictEqual((yield* reasonOf(router.remove(other.projectId, route.host)))._tag, "Foreign")
        assert.deepStrictEqual(yield* router.observe(route.host), Option.some(route))
        const next = yield* fresh
        const wanted = [next.route, { ...next.route, projectId: other.projectId }]
        const ends = yield* Effect.forEach(wanted, (one) => Effect.result(router.route(one)), { concurrency: 2 })
        assert.strictEqual(ends.filter(({ _tag }) => _tag === "Success").length, 1)
      })
    )

    it.effect("removes a route, also a missing one, and the name is free", () =>
      Effect.gen(function* () {
        const { route, router } = yield* fresh
        yield* router.route(route)
        yield* router.remove(route.projectId, route.host)
        yield* router.remove(route.projectId, route.host)
        assert.isTrue(Option.isNone(yield* router.observe(route.host)))
        assert.isFalse((yield* router.list).some(({ host }) => host === route.host))
        const other = { ...route, projectId: yield* NewId.make("proj") }
        assert.strictEqual((yield* router.route(other)).created, true)
      })
    )

    it.effect("refuses what is no host name and what is no backend, and keeps nothing of it", () =>
      Effect.gen(function* () {
        const { route, router } = yield* fresh
        for (const host of [
          "",
          "localhost",
          "../x",
          `a b.${domain}`,
          `UPPER.${domain}`,
          `-a.${domain}`,
          `*.${domain}`,
          `${"a".repeat(64)}.${domain}`,
          `x/../../y.${domain}`,
          `${route.host}:80`,
          `${route.host}.`
        ])
          assert.deepInclude(
            yield* reasonOf(router.route({ ...route, host })),
            { _tag: "Invalid", field: "host" },
            host
          )
        for (const address of [
          "",
          "127.0.0.1:80",
          "ftp://127.0.0.1",
          "http://",
          "http://user:secret@127.0.0.1",
          "http://127.0.0.1/path",
          "http://127.0.0.1?x",
          "http://a b",
          "http://127.0.0.1:99999",
          "file:///etc/passwd",
          "unix:/run/x.sock"
        ]) {
          const reason = yield* reasonOf(router.route({ ...route, backend: { _tag: "Http", address } }))
          assert.deepInclude(reason, { _tag: "Invalid", field: "backend" }, address)
        }
        assert.isTrue(Option.isNone(yield* router.observe(route.host)))
      })
    )
  })
}
