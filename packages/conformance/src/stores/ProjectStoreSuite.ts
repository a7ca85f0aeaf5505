/** What every store of projects must do. */
import { assert, layer as withLayer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import { Effect, Layer, Option } from "effect"
import * as Samples from "../Samples.ts"

export const suite = (name: string, layer: Layer.Layer<ProjectStore, unknown>): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`ProjectStore: ${name}`, (it) => {
    it.effect("gives back what was inserted, by id and by name", () =>
      Effect.gen(function* () {
        const store = yield* ProjectStore
        const project = yield* Samples.project()
        yield* store.insert(project)
        assert.deepStrictEqual(yield* store.byId(project.id), Option.some(project))
        assert.deepStrictEqual(yield* store.byName(project.name), Option.some(project))
        assert.isTrue(Option.isNone(yield* store.byName(Samples.unique("missing"))))
      })
    )

    it.effect("refuses a name that is taken, until its project is deleted", () =>
      Effect.gen(function* () {
        const store = yield* ProjectStore
        const first = yield* Samples.project()
        const second = yield* Samples.project({ name: first.name })
        yield* store.insert(first)
        const error = yield* Effect.flip(store.insert(second))
        assert.deepInclude(error.reason, { _tag: "AlreadyExists", entity: "project" })
        assert.include(error.message, first.name)
        yield* store.update(Samples.changed(first, { status: "deleted" }))
        assert.isTrue(Option.isNone(yield* store.byName(first.name)))
        yield* store.insert(second)
        assert.deepStrictEqual(yield* store.byName(first.name), Option.some(second))
      })
    )

    it.effect("has one winner among parallel inserts of a name", () =>
      Effect.gen(function* () {
        const store = yield* ProjectStore
        const shared = ProjectName.make(Samples.unique("race"))
        const outcomes = yield* Effect.forEach(
          Array.from({ length: 20 }),
          () => Effect.flatMap(Samples.project({ name: shared }), (p) => Samples.reasonOf(store.insert(p))),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(outcomes.filter((outcome) => outcome === "succeeded").length, 1)
        assert.strictEqual(outcomes.filter((outcome) => outcome === "AlreadyExists").length, 19)
      })
    )

    it.effect("updates the revision it was based on and no other", () =>
      Effect.gen(function* () {
        const store = yield* ProjectStore
        const project = yield* Samples.project()
        yield* store.insert(project)
        const second = Samples.changed(project, { status: "ready", description: "changed" })
        yield* store.update(second)
        assert.deepStrictEqual(yield* store.byId(project.id), Option.some(second))
        assert.strictEqual(
          yield* Samples.reasonOf(store.update(Samples.changed(project, { status: "failed" }))),
          "Conflict"
        )
        assert.deepStrictEqual(yield* store.byId(project.id), Option.some(second))
        assert.strictEqual(yield* Samples.reasonOf(store.update(yield* Samples.project())), "NotFound")
      })
    )

    it.effect("has one winner among parallel updates of a revision", () =>
      Effect.gen(function* () {
        const store = yield* ProjectStore
        const project = yield* Samples.project()
        yield* store.insert(project)
        const outcomes = yield* Effect.forEach(
          Array.from({ length: 20 }, (_, i) => i),
          (i) => Samples.reasonOf(store.update(Samples.changed(project, { description: String(i) }))),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(outcomes.filter((outcome) => outcome === "succeeded").length, 1)
        assert.strictEqual(outcomes.filter((outcome) => outcome === "Conflict").length, 19)
      })
    )

    it.effect("lists by id in pages, without deleted ones, restricted on request", () =>
      Effect.gen(function* () {
        const store = yield* ProjectStore
        const projects = yield* Effect.forEach(Array.from({ length: 5 }), () => Samples.project())
        yield* Effect.forEach(projects, (project) => store.insert(project))
        const [first, , third] = projects
        assert(first !== undefined && third !== undefined)
        yield* store.update(Samples.changed(third, { status: "deleted" }))
        const only = projects.map((project) => project.id)
        const ids = projects
          .filter((project) => project.id !== third.id)
          .map((project) => project.id)
          .sort()
        const page1 = yield* store.list({ after: null, limit: 3, only })
        const page2 = yield* store.list({ after: page1.at(-1)?.id ?? null, limit: 3, only })
        assert.deepStrictEqual(
          [...page1, ...page2].map((project) => project.id),
          ids
        )
        assert.deepStrictEqual(yield* store.list({ after: null, limit: 10, only: [] }), [])
        const everything = yield* store.list({ after: null, limit: 1000, only: null })
        assert.isTrue(ids.every((id) => everything.some((project) => project.id === id)))
      })
    )

    it.effect("gives out those that are due once, the longest due first, and again when they are due again", () =>
      Effect.gen(function* () {
        const store = yield* ProjectStore
        const statuses = ["ready", "failed", "provisioning", "deleting", "deleted"] as const
        const projects = yield* Effect.forEach(statuses, (status) => Samples.project({ status }))
        for (const project of projects) yield* store.insert(project)
        const [ready, failed] = projects
        assert(ready !== undefined && failed !== undefined)
        const mine = new Set<string>(projects.map(({ id }) => id))
        // Other tests' projects are in the store, too.
        const take = (nowMillis: number, untilMillis: number) =>
          Effect.map(store.takeDue({ nowMillis, untilMillis, limit: 10_000 }), (taken) =>
            taken.filter(({ id }) => mine.has(id)).map(({ id }) => id)
          )
        yield* store.schedule([
          { id: ready.id, atMillis: 2_000 },
          { id: failed.id, atMillis: 1_000 },
          { id: yield* NewId.make("proj"), atMillis: 1 }
        ])
        assert.deepStrictEqual(yield* take(999, 10_000), [])
        assert.deepStrictEqual(new Set(yield* take(2_000, 10_000)), new Set([failed.id, ready.id]))
        assert.deepStrictEqual(yield* take(9_999, 20_000), [], "taken")
        assert.deepStrictEqual(yield* store.byId(ready.id), Option.some(ready), "nothing of the record is another")
        const both = yield* Effect.all([take(10_000, 20_000), take(10_000, 20_000)], { concurrency: 2 })
        assert.deepStrictEqual(both.flat().sort(), [failed.id, ready.id].sort(), "one of two gets each")
        yield* store.schedule([])
        yield* store.update(Samples.changed(ready, { description: "changed" }))
        assert.deepStrictEqual(yield* take(19_999, 30_000), [], "a change does not make it due")
      })
    )

    it.effect("keeps every character that JSON can carry", () =>
      Effect.gen(function* () {
        const store = yield* ProjectStore
        const project = yield* Samples.project({
          description: "\u0000\u0007 '; DROP TABLE project; -- \u{1F600} \u2028"
        })
        yield* store.insert(project)
        assert.deepStrictEqual(yield* store.byId(project.id), Option.some(project))
      })
    )
  })
}
