/** What every store of issues and their features must do. */
import { assert, layer as withLayer } from "@effect/vitest"
import { Slug } from "@rdev/core/domain/FeatureIndex"
import type { ProjectId } from "@rdev/core/domain/Ids"
import type { IssueLink } from "@rdev/core/domain/forge/IssueLink"
import * as NewId from "@rdev/core/ids/NewId"
import { IssueStore } from "@rdev/core/ports/stores/IssueStore"
import { UnitOfWork } from "@rdev/core/ports/stores/UnitOfWork"
import { Effect, Layer, Option } from "effect"

const link = (projectId: ProjectId, number: number, more: Partial<IssueLink> = {}): IssueLink => ({
  projectId,
  number,
  slug: Slug.make(`issue-${number}`),
  status: "claimed",
  askedBy: "ada",
  agent: null,
  preset: null,
  readTo: null,
  question: null,
  progress: null,
  note: null,
  pullRequest: null,
  ...more
})

export const suite = (name: string, layer: Layer.Layer<IssueStore | UnitOfWork, unknown>): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`IssueStore: ${name}`, (it) => {
    it.effect("gives an issue to whoever claims it first, and everybody the same link", () =>
      Effect.gen(function* () {
        const store = yield* IssueStore
        const projectId = yield* NewId.make("proj")
        const claims = Array.from({ length: 8 }, (_, i) =>
          store.claim(link(projectId, 7, { askedBy: `p${i}`, slug: Slug.make(`issue-7-${i}`) }))
        )
        const [first, ...others] = yield* Effect.all(claims, { concurrency: "unbounded" })
        for (const other of others) assert.deepStrictEqual(other, first)
        assert.deepStrictEqual(yield* store.get(projectId, 7), Option.some(first))
        assert.isTrue(Option.isNone(yield* store.get(projectId, 8)))
        assert.isTrue(Option.isNone(yield* store.get(yield* NewId.make("proj"), 7)))
      })
    )

    it.effect("refuses a slug that another issue has", () =>
      Effect.gen(function* () {
        const store = yield* IssueStore
        const projectId = yield* NewId.make("proj")
        const slug = Slug.make("same")
        yield* store.claim(link(projectId, 1, { slug }))
        const error = yield* Effect.flip(store.claim(link(projectId, 2, { slug })))
        assert.strictEqual(error.reason._tag, "AlreadyExists")
        assert.deepStrictEqual(
          Option.map(yield* store.bySlug(projectId, "same"), ({ number }) => number),
          Option.some(1)
        )
        assert.isTrue(Option.isNone(yield* store.bySlug(projectId, "other")))
      })
    )

    it.effect("changes a link, and refuses one that was never claimed", () =>
      Effect.gen(function* () {
        const store = yield* IssueStore
        const { transact } = yield* UnitOfWork
        const projectId = yield* NewId.make("proj")
        yield* store.claim(link(projectId, 1))
        const next = link(projectId, 1, {
          status: "made",
          readTo: 9_007_199_254,
          question: { escalation: "01J", comment: 5 },
          progress: "x\u0000'; --",
          note: "n",
          pullRequest: 2,
          agent: "a",
          preset: "lean"
        })
        assert.strictEqual(yield* Effect.flip(transact(Effect.andThen(store.put(next), Effect.fail("mine")))), "mine")
        assert.deepStrictEqual(yield* store.get(projectId, 1), Option.some(link(projectId, 1)))
        yield* store.put(next)
        assert.deepStrictEqual(yield* store.get(projectId, 1), Option.some(next))
        assert.strictEqual((yield* Effect.flip(store.put(link(projectId, 2)))).reason._tag, "NotFound")
      })
    )

    it.effect("forgets those of a project", () =>
      Effect.gen(function* () {
        const store = yield* IssueStore
        const [one, other] = [yield* NewId.make("proj"), yield* NewId.make("proj")]
        yield* store.claim(link(one, 1))
        yield* store.claim(link(other, 1))
        yield* store.removeAll(one)
        assert.isTrue(Option.isNone(yield* store.get(one, 1)))
        assert.isTrue(Option.isSome(yield* store.get(other, 1)))
      })
    )
  })
}
