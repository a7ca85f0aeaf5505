/** The adapter on a server of the test, for what is GitHub's alone. Whatever it asked for that GitHub does not know fails the test. */
import { assert } from "@effect/vitest"
import { ProjectName } from "@rdev/core/domain/Project"
import * as NewId from "@rdev/core/ids/NewId"
import { BranchName, type ForgeError, type RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as GitHubForge from "../src/GitHubForge.ts"
import * as FakeGitHub from "./FakeGitHub.ts"

export class Fake extends Context.Service<Fake, FakeGitHub.FakeGitHub>()("test/Fake") {}

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rdev-github-data-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }))
)
export const server = Layer.effect(
  Fake,
  Effect.tap(FakeGitHub.make, (fake) =>
    Effect.addFinalizer(() => Effect.sync(() => assert.deepStrictEqual([...new Set(fake.problems)], [])))
  )
)
export const appOf = (fake: FakeGitHub.FakeGitHub) =>
  ({ _tag: "App", id: fake.state.app, privateKey: Redacted.make(fake.privateKey) }) as const
export const forge = (options: Partial<GitHubForge.Options> = {}) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const fake = yield* Fake
      return GitHubForge.layer({
        dataDir: yield* folder,
        owner: "acme",
        url: fake.url,
        credentials: appOf(fake),
        ...options
      })
    })
  ).pipe(Layer.orDie)
export const layer = Layer.provideMerge(forge(), server)

export const main = BranchName.make("main")
export const topic = BranchName.make("feature/topic")
export const author = { name: "Ada", email: "ada@example.org" }
let counter = 0
export const freshTarget = Effect.gen(function* () {
  counter += 1
  return { projectId: yield* NewId.make("proj"), name: ProjectName.make(`shop-${counter}`) } satisfies RepositoryTarget
})
export const seed = { defaultBranch: main, message: "Start", files: [{ path: "README.md", content: "hello\n" }] }

export const begin = Effect.gen(function* () {
  const [fake, repositories, git] = [yield* Fake, yield* RepositoryHost, yield* GitObjects]
  const target = yield* freshTarget
  yield* repositories.ensure(target, seed)
  const head = Option.getOrThrow(yield* git.head(target, main))
  const repository = fake.state.find("acme", target.name)
  if (repository === null) return yield* Effect.die("it was not made")
  const branch = Effect.flatMap(git.ensureBranch(target, topic, head), (at) =>
    git.commit(target, {
      branch: topic,
      expectedHead: at,
      changes: [{ path: "t.txt", content: "t" }],
      message: "Add t",
      author
    })
  )
  const pull = { head: topic, base: main, title: "Add t", body: "why" }
  return { fake, repositories, git, target, head, repository, branch, pull }
})
export const reasonOf = <A, R>(effect: Effect.Effect<A, ForgeError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason)
/** The next request of this route meets the fault, `times` times. */
export const once = (fake: FakeGitHub.FakeGitHub, route: string, fault: FakeGitHub.Fault, times = 1) => {
  let left = times
  fake.meet = (asked) => (asked === route && left-- > 0 ? fault : null)
}
/** Runs work and says what it asked GitHub. */
export const counted = <A, E, R>(fake: FakeGitHub.FakeGitHub, work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = fake.calls.length
    const answer = yield* work
    return { answer, calls: fake.calls.slice(before) }
  })
