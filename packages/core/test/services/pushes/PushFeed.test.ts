import { assert, describe, it } from "@effect/vitest"
import * as Samples from "@rdev/conformance/Samples"
import * as Memory from "@rdev/core/memory"
import { ofProject } from "@rdev/core/domain/Event"
import type { ProjectId } from "@rdev/core/domain/Ids"
import * as ForgeEvents from "@rdev/core/ports/infra/ForgeEvents"
import { AuditStore } from "@rdev/core/ports/stores/AuditStore"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import { FeatureStore } from "@rdev/core/ports/stores/FeatureStore"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { layer as layerDriver } from "@rdev/core/services/features/drive/FeatureDriver"
import * as Wake from "@rdev/core/services/features/drive/Wake"
import { RepositoryReader } from "@rdev/core/services/features/read/RepositoryReader"
import * as PushFeed from "@rdev/core/services/pushes/PushFeed"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"

const stores = Layer.mergeAll(
  Memory.AuditStore.layer,
  Memory.EventLog.layer,
  Memory.FeatureStore.layer,
  Memory.ProjectStore.layer,
  Memory.UnitOfWork.layer,
  Memory.WorkQueueStore.layer
)
const queue = WorkQueue.layer.pipe(Layer.provideMerge(TaskEvents.layerNone))
const feed = PushFeed.layer.pipe(Layer.provideMerge(ForgeEvents.layer))
const quiet = Layer.mergeAll(feed, queue).pipe(Layer.provideMerge(stores))
const reading = RepositoryReader.layer.pipe(Layer.provideMerge(Memory.Forge.layer))
const driven = layerDriver.pipe(Layer.provideMerge(reading), Layer.provideMerge(quiet))
/** Two server processes over one installation. */
const drivenTwice = Layer.merge(Layer.fresh(layerDriver), Layer.fresh(layerDriver)).pipe(
  Layer.provideMerge(reading),
  Layer.provideMerge(quiet)
)

const push = (projectId: ProjectId, ...refs: ReadonlyArray<string>): ForgeEvents.Push => ({
  id: "push-1",
  projectId,
  refs: refs.map((ref) => ({ ref, old: null, next: "a".repeat(40) })),
  pusher: { id: "key_1", name: "Ada" },
  sourceAddress: "127.0.0.1"
})
const tell = (one: ForgeEvents.Push) => Effect.flatMap(Effect.service(ForgeEvents.ForgeEvents), (f) => f.pushed(one))

const inserted = Effect.gen(function* () {
  const project = yield* Samples.project()
  yield* (yield* ProjectStore).insert(project)
  return project
})

/** The slugs of the features whose passes wait, in order; they are done then. */
const passes = Effect.gen(function* () {
  const store = yield* WorkQueueStore
  const all = { owner: null, status: "pending" as const, kind: "feature", after: null, limit: 1_000 }
  const tasks = yield* store.list(all)
  yield* Effect.forEach(tasks, ({ id }) => store.cancel(id))
  return tasks.map(({ payload }) => (payload as { readonly slug: string }).slug).sort()
})
const decided = (kind: string, action: string) => ({ rule: "R", action, actor: "human", kind, reason: "r" })
const feature = (
  projectId: ProjectId,
  slug: string,
  kind: string,
  branch: string | null = `feature/${slug}`,
  action = "a"
) =>
  Effect.gen(function* () {
    const store = yield* FeatureStore
    const decision = decided(kind, action)
    yield* store.put(yield* Samples.feature(projectId, { slug: slug as never, branch, decision }))
  })

describe("pushes", () => {
  it.effect("become one event and one audit entry, with who pushed what", () =>
    Effect.provide(
      Effect.gen(function* () {
        const { id } = yield* inserted
        yield* tell(push(id, "refs/heads/main", "refs/tags/v1"))
        const { events } = yield* (yield* EventLog).read(ofProject(id), 0, 10)
        assert.deepStrictEqual(
          events.map(({ data, type }) => [type, data["pusher"], data["more"]]),
          [["repository.pushed", "key_1", 0]]
        )
        const entries = yield* (yield* AuditStore).list(id, { before: null, limit: 10 })
        assert.deepStrictEqual(
          entries.map(({ actor, sourceAddress, type }) => [type, actor, sourceAddress]),
          [["repository.push", "key_1", "127.0.0.1"]]
        )
      }),
      quiet
    )
  )
  it.effect("of many refs fit into one event, and say how many it leaves out", () =>
    Effect.provide(
      Effect.gen(function* () {
        const { id } = yield* inserted
        const refs = Array.from({ length: 400 }, (_, n) => `refs/heads/${String(n).padStart(3, "0")}${"ü".repeat(95)}`)
        yield* tell(push(id, ...refs))
        const { events } = yield* (yield* EventLog).read(ofProject(id), 0, 10)
        assert.strictEqual(events[0]?.data["more"], 400 - PushFeed.maxRefs)
        assert.isNull(PushFeed.branchesOf(events[0] as never))
      }),
      quiet
    )
  )
  it.effect("of a project that is gone are told to nobody", () =>
    Effect.provide(
      Effect.gen(function* () {
        const { id } = yield* Samples.project()
        yield* tell(push(id, "refs/heads/main"))
        assert.deepStrictEqual((yield* (yield* EventLog).read(ofProject(id), 0, 10)).events, [])
      }),
      quiet
    )
  )
  it.effect("leave neither event nor entry when one of them cannot be written", () =>
    Effect.provide(
      Effect.gen(function* () {
        const { id } = yield* inserted
        const failed = yield* Effect.flip(tell(push(id, "refs/heads/main")))
        assert.strictEqual(failed.operation, "EventLog.append")
        assert.deepStrictEqual(yield* (yield* AuditStore).list(id, { before: null, limit: 10 }), [])
      }),
      feed.pipe(
        Layer.provideMerge(
          Layer.effect(
            EventLog,
            Effect.map(Effect.service(EventLog), (log) => ({
              ...log,
              append: () =>
                Effect.fail(
                  new StoreError({
                    operation: "EventLog.append",
                    reason: { _tag: "Unavailable", message: "the disk is full" }
                  })
                )
            }))
          )
        ),
        Layer.provideMerge(stores)
      )
    )
  )
})

describe("the driver", () => {
  it.effect("wakes who is concerned by a push: a feature by its branch, everybody by the default branch", () =>
    Effect.provide(
      Effect.gen(function* () {
        const { id } = yield* inserted
        yield* feature(id, "approving", "approve")
        yield* feature(id, "waiting", "wait")
        yield* feature(id, "unborn", "do", null)
        yield* TestClock.adjust("1 second")
        yield* passes
        yield* tell(push(id, "refs/heads/feature/approving", "refs/tags/feature/waiting"))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* passes, ["approving"])
        yield* tell(push(id, "refs/heads/somebody/else"))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* passes, [])
        yield* tell(push(id, "refs/heads/main"))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* passes, ["approving", "unborn", "waiting"])
        yield* tell(push(id, ...Array.from({ length: PushFeed.maxRefs + 1 }, (_, n) => `refs/heads/x${n}`)))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* passes, ["approving", "unborn", "waiting"])
      }),
      driven
    )
  )
  it.effect(
    "looks at all after a start, then twice a minute at who has something to do and every ten minutes at who waits",
    () =>
      Effect.provide(
        Effect.gen(function* () {
          const { id } = yield* inserted
          const counts = new Map<string, number>()
          const count = Effect.map(passes, (slugs) => {
            for (const slug of slugs) counts.set(slug, (counts.get(slug) ?? 0) + 1)
          })
          yield* Effect.forEach(["approve", "wait", "do", "hold"], (kind) => feature(id, kind, kind))
          yield* feature(id, "frozen", "wait", "feature/frozen", "wait-freeze")
          for (let second = 0; second < 27 * 60; second += 10) {
            yield* TestClock.adjust("10 seconds")
            yield* count
          }
          assert.deepStrictEqual(Object.fromEntries(counts), { approve: 3, do: 54, frozen: 54, wait: 3 })
        }),
        driven
      )
  )
  it.effect("never begins one that was made without being started: not by time, not by a push", () =>
    Effect.provide(
      Effect.gen(function* () {
        const { id } = yield* inserted
        const store = yield* FeatureStore
        const held = yield* Samples.feature(id, { slug: "held" as never, branch: "feature/held", held: true })
        yield* store.put(held)
        yield* Wake.look(held)
        yield* Wake.after({ seq: 1 }, held)
        yield* store.put(yield* Samples.feature(id, { slug: "lost" as never, branch: "feature/lost" }))
        yield* tell(push(id, "refs/heads/main", "refs/heads/feature/held"))
        const seen = new Set<string>()
        for (let minute = 0; minute < 25; minute++) {
          yield* TestClock.adjust("1 minute")
          for (const slug of yield* passes) seen.add(slug)
        }
        assert.deepStrictEqual([...seen], ["lost"], "one whose first pass was lost is begun")
      }),
      driven
    )
  )
  it.effect("looks at a hundred at once, and reaches every one", () =>
    Effect.provide(
      Effect.gen(function* () {
        const { id } = yield* inserted
        const slugs = Array.from({ length: 250 }, (_, n) => `f${String(n).padStart(3, "0")}`)
        yield* Effect.forEach(slugs, (slug) => feature(id, slug, "wait"))
        const seen = new Set<string>(yield* passes)
        const sizes: Array<number> = []
        for (let round = 0; round < 4; round++) {
          yield* TestClock.adjust("30 seconds")
          const looked = yield* passes
          sizes.push(looked.length)
          for (const slug of looked) seen.add(slug)
        }
        assert.strictEqual(seen.size, 250)
        assert.isTrue(sizes.every((size) => size <= 100))
      }),
      driven
    )
  )
  it.effect("looks first at who has something to do", () =>
    Effect.provide(
      Effect.gen(function* () {
        const { id } = yield* inserted
        const slugs = Array.from({ length: 150 }, (_, n) => `f${String(n).padStart(3, "0")}`)
        yield* Effect.forEach(slugs, (slug) => feature(id, slug, "wait"))
        yield* Effect.forEach(["x", "y"], (slug) => feature(id, slug, "do"))
        yield* passes
        yield* TestClock.adjust("30 seconds")
        assert.includeMembers(yield* passes, ["x", "y"])
      }),
      driven
    )
  )
  it.effect("asks for one pass after an event, however many processes hear of it", () =>
    Effect.provide(
      Effect.gen(function* () {
        const { id } = yield* inserted
        yield* feature(id, "one", "wait")
        yield* feature(id, "other", "wait")
        yield* TestClock.adjust("1 second")
        yield* passes
        yield* tell(push(id, "refs/heads/main"))
        yield* tell(push(id, "refs/heads/feature/one"))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* passes, ["one", "one", "other"])
      }),
      drivenTwice
    )
  )
})
