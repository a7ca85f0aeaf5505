/** Names lead to releases that are there, whatever fails or ends in between, and what is repeated ends as if it had gone well at once. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Option } from "effect"
import * as fc from "fast-check"
import { ProjectName } from "@rdev/core/domain/Project"
import * as NewId from "@rdev/core/ids/NewId"
import * as MemoryBuilder from "@rdev/core/memory/infra/Builder"
import * as MemoryDeployer from "@rdev/core/memory/infra/Deployer"
import { type Fault, watched } from "@rdev/core/memory/infra/ProviderProbe"
import * as MemoryRouter from "@rdev/core/memory/infra/Router"
import { Builder, BuilderError } from "@rdev/core/ports/infra/Builder"
import { Deployer, DeployerError } from "@rdev/core/ports/infra/Deployer"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { Router, RouterError } from "@rdev/core/ports/infra/Router"
import * as Releasing from "@rdev/core/services/releases/Releasing"

const bad = "b".repeat(40)
const memory = Layer.mergeAll(
  MemoryBuilder.layer,
  MemoryDeployer.layerWith({ refuse: (sha) => (sha === bad ? "GET / answered 500" : null) }),
  MemoryRouter.layer
)
const environments = ["staging", "production"] as const
type Environment = (typeof environments)[number]
const hostsOf = ({ name }: RepositoryTarget, environment: Environment) => [
  `${environment}.${name}.localhost`,
  `${environment}.${name}.example.org`
]

interface Act {
  readonly project: 0 | 1
  readonly what: "release" | "rollback" | "remove"
  readonly environment: Environment
  readonly sha: string
  /** At which call it meets a fault, and which. */
  readonly at: number
  readonly fault: "before" | "after" | "dies" | "none"
}
const act: fc.Arbitrary<Act> = fc.record({
  project: fc.constantFrom(0 as const, 1 as const),
  what: fc.constantFrom("release", "release", "release", "rollback", "remove"),
  environment: fc.constantFrom(...environments),
  sha: fc.constantFrom("1".repeat(40), "2".repeat(40), "3".repeat(40), bad),
  at: fc.integer({ min: 0, max: 6 }),
  fault: fc.constantFrom("before", "after", "dies", "none")
})

const carriedOut = Effect.fnUntraced(function* (acts: ReadonlyArray<Act>) {
  const ports = { builder: yield* Builder, deployer: yield* Deployer, router: yield* Router }
  const targets = [
    { projectId: yield* NewId.make("proj"), name: ProjectName.make("one") },
    { projectId: yield* NewId.make("proj"), name: ProjectName.make("two") }
  ]
  const leadsToNothing = Effect.gen(function* () {
    for (const { environment, host, projectId } of yield* ports.router.list) {
      const target = targets.find((one) => one.projectId === projectId)
      if (target === undefined) return `${host} is nobody's`
      if (Option.isNone(yield* ports.deployer.observe(target, environment as Environment)))
        return `${host} leads to nothing`
    }
    return null
  })
  let [calls, left] = [0, null as Act | null]
  const look = Effect.flatMap(leadsToNothing, (wrong) => Effect.sync(() => assert.isNull(wrong, JSON.stringify(acts))))
  const met = (): Effect.Effect<Fault | null> =>
    Effect.suspend(() => {
      if (left === null || calls++ !== left.at || left.fault === "none") return Effect.succeed(null)
      return left.fault === "dies"
        ? Effect.interrupt
        : Effect.succeed({ when: left.fault, reason: { _tag: "Unavailable", message: "away" } })
    })
  const probe = { arrives: met, answers: () => Effect.orDie(look) }
  const over = Layer.mergeAll(
    Layer.succeed(
      Builder,
      watched("Builder", ports.builder, (operation, reason) => new BuilderError({ operation, reason }), probe)
    ),
    Layer.succeed(
      Deployer,
      watched("Deployer", ports.deployer, (operation, reason) => new DeployerError({ operation, reason }), probe)
    ),
    Layer.succeed(
      Router,
      watched("Router", ports.router, (operation, reason) => new RouterError({ operation, reason }), probe)
    )
  )
  for (const [i, one] of acts.entries()) {
    const target = targets[one.project] ?? assert.fail("no project")
    const hosts = hostsOf(target, one.environment)
    const request = { key: `key-${i}`, environment: one.environment, sha: one.sha, env: {}, hosts }
    const go: Effect.Effect<unknown, { readonly _tag: string }, Builder | Deployer | Router> =
      one.what === "release"
        ? Releasing.release(target, request)
        : one.what === "remove"
          ? Releasing.remove(target)
          : Releasing.rollback(target, one.environment, hosts)
    const attempt = Effect.exit(Effect.provide(go, over))
    ;[calls, left] = [0, one]
    const first = yield* attempt
    // Going back is not repeated blindly: it would go back once more.
    left = null
    const last = one.what === "rollback" || Exit.isSuccess(first) ? first : yield* attempt
    yield* look
    const live = yield* ports.deployer.observe(target, one.environment)
    if (one.what === "remove") {
      assert.isTrue(Exit.isSuccess(last))
      assert.isFalse((yield* ports.router.list).some(({ projectId }) => projectId === target.projectId))
      assert.isFalse((yield* ports.builder.list).some(({ projectId }) => projectId === target.projectId))
      assert.isTrue(Option.isNone(live))
    }
    if (one.what === "release" && Exit.isSuccess(last)) {
      const release = Option.getOrThrow(live)
      assert.strictEqual(release.sha, one.sha)
      assert.isNull(yield* Releasing.astray(target.projectId, hosts, release).pipe(Effect.provide(over)))
    }
    if (one.what === "release" && Exit.isFailure(last)) assert.strictEqual(one.sha, bad)
  }
})

describe("Releasing", () => {
  it.effect("lets no name lead to a release that is not there", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.array(act, { maxLength: 12 }), (acts) =>
          Effect.runPromise(Effect.provide(carriedOut(acts), Layer.fresh(memory)))
        ),
        { numRuns: 150 }
      )
    )
  )

  it.effect("says which name does not lead to the release, and mends it", () =>
    Effect.gen(function* () {
      const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make("hello") }
      const hosts = hostsOf(target, "production")
      const request = { key: "k", environment: "production" as const, sha: "1".repeat(40), env: {}, hosts }
      const release = yield* Releasing.release(target, request)
      const astray = Releasing.astray(target.projectId, hosts, release)
      assert.isNull(yield* astray)
      const router = yield* Router
      const [first = "", second = ""] = hosts
      yield* router.remove(target.projectId, second)
      assert.include(yield* astray, `${second} does not lead`)
      yield* Releasing.route(target.projectId, hosts, release)
      yield* router.route({
        projectId: target.projectId,
        environment: "production",
        host: first,
        backend: { _tag: "Http", address: "http://127.0.0.1:9" }
      })
      assert.include(yield* astray, `${first} leads somewhere else`)
      yield* Releasing.route(target.projectId, hosts, release)
      assert.isNull(yield* astray)
      const other = { ...target, projectId: yield* NewId.make("proj") }
      const refused = yield* Effect.flip(Releasing.release(other, { ...request, hosts: [first] }))
      assert.strictEqual(refused.reason._tag, "Foreign")
      assert.isNull(yield* astray)
    }).pipe(Effect.provide(Layer.fresh(memory)))
  )
})
