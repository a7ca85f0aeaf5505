/** What every deployer must do. `prepare` makes artifacts of one project that come out as named. */
import { assert, layer as withLayer } from "@effect/vitest"
import { Deployer, type DeployerError, type EnvironmentName } from "@rdev/core/ports/infra/Deployer"
import type { Artifact } from "@rdev/core/ports/infra/Builder"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import * as Routes from "@rdev/core/ports/infra/Routes"
import { Effect, Layer, Option } from "effect"

export interface Capabilities<R> {
  /** A project and artifacts of it: two good ones and one that must not go live. */
  readonly prepare: Effect.Effect<
    { readonly target: RepositoryTarget; readonly first: Artifact; readonly second: Artifact; readonly bad: Artifact },
    unknown,
    R
  >
}

const reasonOf = <A>(effect: Effect.Effect<A, DeployerError, Deployer>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

export const suite = <R>(
  name: string,
  layer: Layer.Layer<Deployer | R, unknown>,
  capabilities: Capabilities<R>
): void => {
  const fresh = Effect.gen(function* () {
    const deployer = yield* Deployer
    const project = yield* Effect.orDie(capabilities.prepare)
    let keys = 0
    const deploy = (artifact: Artifact, environment: EnvironmentName = "production") =>
      deployer.deploy(project.target, { key: `key-${keys++}`, environment, artifact, env: {} })
    return { deployer, ...project, deploy }
  })
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`Deployer: ${name}`, (it) => {
    it.effect("releases a commit and observes it", () =>
      Effect.gen(function* () {
        const { deployer, target, first, deploy } = yield* fresh
        assert.isTrue(Option.isNone(yield* deployer.observe(target, "production")))
        assert.strictEqual((yield* deployer.verify(target, "production")).healthy, false)
        const release = yield* deploy(first)
        assert.deepInclude(release, { sha: first.sha, environment: "production", status: "live" })
        assert.match(release.url, /^https?:\/\//)
        assert.deepStrictEqual(yield* deployer.observe(target, "production"), Option.some(release))
        const health = yield* deployer.verify(target, "production")
        assert.isTrue(health.healthy, JSON.stringify(health))
        assert.isAbove(health.checks.length, 0)
        assert.isTrue((yield* deployer.list).some((one) => one.projectId === target.projectId))
      })
    )

    it.effect("says where requests for what is live go, of each environment apart", () =>
      Effect.gen(function* () {
        const { deployer, target, first, second, deploy } = yield* fresh
        const [staging, production] = [yield* deploy(first, "staging"), yield* deploy(second)]
        for (const release of [staging, production]) {
          assert.isTrue(Routes.isBackend(release.backend), JSON.stringify(release.backend))
          assert.deepStrictEqual(
            Option.getOrThrow(yield* deployer.observe(target, release.environment)).backend,
            release.backend
          )
        }
      })
    )

    it.effect("answers the same key with its release", () =>
      Effect.gen(function* () {
        const { deployer, target, first, second } = yield* fresh
        const request = { key: "same", environment: "staging" as const, artifact: first, env: {} }
        const release = yield* deployer.deploy(target, request)
        assert.deepStrictEqual(yield* deployer.deploy(target, request), release)
        yield* deployer.deploy(target, { ...request, key: "other", artifact: second })
        assert.deepStrictEqual(yield* deployer.deploy(target, request), { ...release, status: "superseded" })
        assert.strictEqual(
          Option.getOrThrow(yield* deployer.observe(target, "staging")).sha,
          second.sha,
          "it does not switch back"
        )
      })
    )

    it.effect("keeps environments apart", () =>
      Effect.gen(function* () {
        const { deployer, target, first, second, deploy } = yield* fresh
        const staging = yield* deploy(first, "staging")
        const production = yield* deploy(second, "production")
        assert.notStrictEqual(staging.url, production.url)
        assert.strictEqual(Option.getOrThrow(yield* deployer.observe(target, "staging")).sha, first.sha)
        assert.strictEqual(Option.getOrThrow(yield* deployer.observe(target, "production")).sha, second.sha)
      })
    )

    it.effect("does not switch to a release that is not good, and says why", () =>
      Effect.gen(function* () {
        const { deployer, target, first, bad, deploy } = yield* fresh
        const refusedFirst = yield* reasonOf(deploy(bad))
        assert.include(["Invalid", "Unavailable"], refusedFirst._tag)
        assert.isTrue(Option.isNone(yield* deployer.observe(target, "production")))
        const good = yield* deploy(first)
        const refused = yield* reasonOf(deploy(bad))
        assert.isAbove("message" in refused ? refused.message.length : 0, 10)
        assert.deepStrictEqual(yield* deployer.observe(target, "production"), Option.some(good))
        assert.isTrue((yield* deployer.verify(target, "production")).healthy)
      })
    )

    it.effect("rolls back to the release before, step by step", () =>
      Effect.gen(function* () {
        const { deployer, target, first, second, deploy } = yield* fresh
        assert.strictEqual((yield* reasonOf(deployer.rollback(target, "production")))._tag, "NotFound")
        const one = yield* deploy(first)
        assert.strictEqual((yield* reasonOf(deployer.rollback(target, "production")))._tag, "NotFound")
        const two = yield* deploy(second)
        const three = yield* deploy(first)
        assert.strictEqual((yield* deployer.rollback(target, "production")).id, two.id)
        assert.notStrictEqual(three.id, one.id)
        const back = yield* deployer.rollback(target, "production")
        assert.deepInclude(back, { id: one.id, sha: first.sha, status: "live" })
        assert.deepStrictEqual(yield* deployer.observe(target, "production"), Option.some(back))
        assert.isTrue((yield* deployer.verify(target, "production")).healthy)
        assert.strictEqual((yield* reasonOf(deployer.rollback(target, "production")))._tag, "NotFound")
      })
    )

    it.effect("removes all releases of a project, also when there are none", () =>
      Effect.gen(function* () {
        const { deployer, target, first, deploy } = yield* fresh
        yield* deploy(first)
        yield* deployer.remove(target)
        yield* deployer.remove(target)
        assert.isTrue(Option.isNone(yield* deployer.observe(target, "production")))
        assert.isFalse((yield* deployer.list).some((one) => one.projectId === target.projectId))
      })
    )
  })
}
