import { assert, describe, it } from "@effect/vitest"
import * as Samples from "@rdev/conformance/Samples"
import { ofProject } from "@rdev/core/domain/Event"
import type { ForgeEvent } from "@rdev/core/domain/forge/ForgeEvent"
import * as Memory from "@rdev/core/memory"
import { ForgeHookError, ForgeHooks, type Posted } from "@rdev/core/ports/forge/ForgeHooks"
import { ForgeIssues } from "@rdev/core/ports/forge/ForgeIssues"
import * as ForgeNews from "@rdev/core/ports/forge/ForgeNews"
import * as HookSignature from "@rdev/core/ports/forge/HookSignature"
import { AuditStore } from "@rdev/core/ports/stores/AuditStore"
import { CredentialStore } from "@rdev/core/ports/stores/CredentialStore"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import { FeatureStore } from "@rdev/core/ports/stores/FeatureStore"
import { ForgeStore } from "@rdev/core/ports/stores/ForgeStore"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import { WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { layer as layerDriver } from "@rdev/core/services/features/drive/FeatureDriver"
import { RepositoryReader } from "@rdev/core/services/features/read/RepositoryReader"
import * as ForgeInbox from "@rdev/core/services/forge/ForgeInbox"
import * as HookPlace from "@rdev/core/services/forge/HookPlace"
import * as Watch from "@rdev/core/services/forge/Watch"
import { Effect, Layer, Option, Redacted } from "effect"
import * as fc from "fast-check"
import { TestClock } from "effect/testing"
import { createHmac } from "node:crypto"

/** A third party's forge: its bodies are our events, signed. */
const hooks: ForgeHooks = {
  adapter: "paper",
  events: ["everything"],
  unreachable: (url) => HookSignature.unreachable("https://paper.example", url),
  read: ({ body, headers }, secrets) =>
    Effect.gen(function* () {
      if (!HookSignature.isSigned(body, headers["x-signature"], secrets))
        return yield* new ForgeHookError({ reason: { _tag: "BadSignature", message: "no" } })
      const told = JSON.parse(Buffer.from(body).toString()) as { events: ReadonlyArray<ForgeEvent>; at?: number }
      return { id: headers["x-id"] ?? "", event: "everything", atMillis: told.at ?? null, events: told.events }
    })
}
const secret = Redacted.make("a secret of this project")
const posted = (id: string, body: unknown, key = secret): Posted => {
  const bytes = Buffer.from(JSON.stringify(body))
  return {
    body: bytes,
    headers: { "x-id": id, "x-signature": createHmac("sha256", Redacted.value(key)).update(bytes).digest("hex") }
  }
}

const stores = Layer.mergeAll(
  Memory.AuditStore.layer,
  Memory.CredentialStore.layer,
  Memory.EventLog.layer,
  Memory.FeatureStore.layer,
  Memory.ForgeStore.layer,
  Memory.ProjectStore.layer,
  Memory.UnitOfWork.layer,
  Memory.WorkQueueStore.layer,
  Memory.Forge.layer
)
const told = Layer.mergeAll(
  Layer.succeed(ForgeHooks, hooks),
  ForgeNews.layer,
  /* that there are issues is all that matters here */ Layer.succeed(ForgeIssues, {} as never)
)
const queue = WorkQueue.layer.pipe(Layer.provideMerge(TaskEvents.layerNone), Layer.provideMerge(stores))
const world = Layer.mergeAll(ForgeInbox.layer, RepositoryReader.layer).pipe(
  Layer.provideMerge(queue),
  Layer.provideMerge(told)
)
const driven = layerDriver.pipe(Layer.provideMerge(world))

const ada = { login: "ada", own: false }
const push = (branch: string, next = "b".repeat(40)): ForgeEvent => ({
  _tag: "Push",
  refs: [{ ref: `refs/heads/${branch}`, old: "a".repeat(40), next }],
  by: ada
})
const begun = Effect.gen(function* () {
  const project = yield* Samples.project()
  yield* (yield* ProjectStore).insert(project)
  yield* (yield* CredentialStore).put(HookPlace.idOf(project.id), "secret", secret)
  const inbox = yield* ForgeInbox.ForgeInbox
  const send = (one: Posted) => inbox.receive("paper", HookPlace.idOf(project.id), one, "192.0.2.1")
  const events = Effect.map(
    Effect.flatMap(EventLog, (log) => log.read(ofProject(project.id), 0, 1_000)),
    (page) => page.events
  )
  const tasks = (kind: string) =>
    Effect.flatMap(WorkQueueStore, (store) =>
      store.list({ owner: project.id, status: null, kind, after: null, limit: 1_000 })
    )
  const audits = Effect.map(
    Effect.flatMap(AuditStore, (store) => store.list(project.id, { before: null, limit: 1_000 })),
    (all) => all.map(({ actor, type }) => `${type} by ${actor}`)
  )
  return { project, inbox, send, events, tasks, audits }
})

const anything = fc.oneof(
  fc.record({
    _tag: fc.constant("Push" as const),
    refs: fc.array(
      fc.record({
        ref: fc.constantFrom("refs/heads/main", "refs/heads/feature/x", "refs/tags/v1"),
        old: fc.constantFrom(null, "a".repeat(40)),
        next: fc.constantFrom(null, "b".repeat(40), "c".repeat(40))
      }),
      { maxLength: 3 }
    ),
    by: fc.constant(ada)
  }),
  fc.record({
    _tag: fc.constant("Comment" as const),
    number: fc.integer({ min: 1, max: 3 }),
    id: fc.constantFrom("1", "2"),
    action: fc.constantFrom("created" as const, "changed" as const),
    on: fc.constant("issue" as const),
    by: fc.constant(ada)
  }),
  fc.record({
    _tag: fc.constant("Label" as const),
    number: fc.integer({ min: 1, max: 3 }),
    action: fc.constant("changed" as const),
    label: fc.constant(null),
    by: fc.constant(ada)
  })
)

const everyOrder = (all: ReadonlyArray<ReadonlyArray<ForgeEvent>>, seed: number) =>
  Effect.gen(function* () {
    const { events, send, tasks } = yield* begun
    const sent = all.map((one, i) => posted(`d${i}`, { events: one, i }))
    const mixed = [...sent, ...sent].map((one, i) => ({ one, key: ((i + 1) * seed) % 97 }))
    const order = mixed.sort((a, b) => a.key - b.key).map(({ one }) => one)
    const outcomes = yield* Effect.forEach(order, send, { concurrency: 3 })
    assert.strictEqual(outcomes.filter(({ outcome }) => outcome === "recorded").length, sent.length)
    assert.strictEqual((yield* events).length, all.flat().length)
    const issues = all.flatMap((one) => [
      ...new Set(
        one.flatMap((event) =>
          event._tag === "Label" || (event._tag === "Comment" && event.action === "created") ? [event.number] : []
        )
      )
    ])
    assert.strictEqual((yield* tasks("issue")).length, issues.length)
  })

describe("what a forge posts", () => {
  it.effect("is recorded once with its event, audit entry and wake-up, however often it comes", () =>
    Effect.provide(
      Effect.gen(function* () {
        const { audits, events, project, send, tasks } = yield* begun
        const branch = "feature/x"
        const feature = yield* Samples.feature(project.id, { slug: "x" as never, branch })
        yield* (yield* FeatureStore).put(feature)
        const body = { events: [push(branch)] }
        assert.strictEqual((yield* send(posted("d1", body))).outcome, "recorded")
        for (const [id, again] of [
          ["d1", body],
          ["d1", { events: [push("other")] }],
          ["another id, which is not signed", body]
        ] as const)
          assert.strictEqual((yield* send(posted(id, again))).outcome, "duplicate", id)
        const found = yield* events
        assert.deepStrictEqual(
          found.filter(({ type }) => type === "repository.pushed").map(({ data }) => [data["push_id"], data["pusher"]]),
          [["d1", "paper:ada"]]
        )
        assert.deepStrictEqual(yield* audits, ["repository.push by paper:ada"])
        yield* Effect.yieldNow
        yield* TestClock.adjust("10 millis")
        assert.strictEqual((yield* tasks("feature")).length, 1)
      }),
      driven
    )
  )

  it.effect("is refused without the secret of this very project, and changes nothing then", () =>
    Effect.provide(
      Effect.gen(function* () {
        const { events, inbox, project, send } = yield* begun
        const other = yield* begun
        yield* (yield* CredentialStore).put(HookPlace.idOf(other.project.id), "secret", Redacted.make("another"))
        const good = posted("d1", { events: [push("main")] })
        const bad: ReadonlyArray<Posted> = [
          posted("d1", { events: [push("main")] }, Redacted.make("another")),
          posted("d1", { events: [push("main")] }, Redacted.make("")),
          { ...good, headers: { "x-id": "d1" } },
          { ...good, headers: { ...good.headers, "x-signature": "" } },
          { ...good, headers: { ...good.headers, "x-signature": good.headers["x-signature"]?.slice(0, 63) } },
          { ...good, body: Buffer.from("{}") },
          { ...good, body: new Uint8Array() }
        ]
        for (const one of bad) {
          const error = yield* Effect.flip(send(one))
          assert.deepInclude(error, { _tag: "ForgeHookError" })
          assert.strictEqual(error.reason._tag, "BadSignature")
        }
        for (const [adapter, id] of [
          ["gitea", HookPlace.idOf(project.id)],
          ["paper", project.id],
          ["paper", `hook_${"0".repeat(26)}`],
          ["paper", "../admin"],
          ["", ""]
        ] as const) {
          const error = yield* Effect.flip(inbox.receive(adapter, id, good, null))
          assert.strictEqual(error.reason._tag, "UnknownHook", `${adapter} ${id}`)
        }
        assert.deepStrictEqual(yield* events, [])
        assert.deepStrictEqual(yield* (yield* ForgeStore).deliveries(project.id, 9), [])
      }),
      world
    )
  )

  it.effect("takes either secret while one is replaced", () =>
    Effect.provide(
      Effect.gen(function* () {
        const { project, send } = yield* begun
        const next = Effect.map((yield* CredentialStore).get(HookPlace.idOf(project.id), "next"), Option.getOrThrow)
        yield* HookPlace.replace(project.id, (told) =>
          Effect.gen(function* () {
            assert.strictEqual(Redacted.value(yield* next), Redacted.value(told))
            assert.strictEqual((yield* send(posted("d1", { events: [push("a")] }, told))).outcome, "recorded")
            assert.strictEqual((yield* send(posted("d2", { events: [push("b")] }))).outcome, "recorded")
          })
        )
        const error = yield* Effect.flip(send(posted("d3", { events: [push("c")] })))
        assert.strictEqual(error.reason._tag, "BadSignature", "the one before is good no more")
      }),
      world
    )
  )

  it.effect("changes nothing when it is old, or says nothing that concerns us", () =>
    Effect.provide(
      Effect.gen(function* () {
        const { events, send } = yield* begun
        yield* TestClock.setTime(Date.UTC(2026, 5, 1))
        const now = Date.UTC(2026, 5, 1)
        assert.strictEqual((yield* send(posted("1", { events: [push("a")], at: now - 8 * 86_400_000 }))).outcome, "old")
        assert.strictEqual((yield* send(posted("2", { events: [] }))).outcome, "ignored")
        assert.deepStrictEqual(yield* events, [])
        assert.strictEqual((yield* send(posted("3", { events: [push("a")], at: now - 1_000 }))).outcome, "recorded")
      }),
      world
    )
  )

  it.effect("leaves the same behind, duplicated and in any order", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(anything, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 5 }),
          fc.integer({ min: 1, max: 96 }),
          (all, seed) => Effect.runPromise(Effect.provide(everyOrder(all, seed), world))
        ),
        { numRuns: 25 }
      )
    )
  )
})

describe("what a forge did not tell of", () => {
  it("is what stands elsewhere, and of which no word came meanwhile", () => {
    const heads = (...all: ReadonlyArray<readonly [string, string]>) => new Map(all)
    const of = (before: Map<string, string>, there: Map<string, string>, after: Map<string, string>) =>
      Watch.untold(before, there, after).map(({ ref }) => ref)
    assert.deepStrictEqual(of(heads(["a", "1"]), heads(["a", "1"]), heads(["a", "1"])), [])
    assert.deepStrictEqual(of(heads(["a", "1"]), heads(["a", "2"]), heads(["a", "1"])), ["a"])
    assert.deepStrictEqual(of(heads(["a", "1"]), heads(["a", "2"]), heads(["a", "2"])), [], "the word came")
    assert.deepStrictEqual(of(heads(["a", "1"]), heads(["a", "2"]), heads(["a", "3"])), [], "and a later one")
    assert.deepStrictEqual(of(heads(["a", "1"]), heads(), heads(["a", "1"])), ["a"], "gone")
    assert.deepStrictEqual(of(heads(["a", "1"]), heads(["a", "1"], ["b", "1"]), heads(["a", "1"])), ["b"], "new")
  })
})

describe("what is remembered of a repository", () => {
  it("is believed for long only while its forge is heard, and never past a word", () => {
    const news = ForgeNews.make()
    assert.strictEqual(news.believedMillis("p"), ForgeNews.shortMillis)
    news.heard("p")
    assert.strictEqual(news.believedMillis("p"), ForgeNews.shortMillis, "this process does not listen")
    news.listening(true)
    assert.strictEqual(news.believedMillis("p"), ForgeNews.longMillis)
    assert.strictEqual(news.believedMillis("other"), ForgeNews.shortMillis)
    const before = news.generation("p")
    assert.strictEqual(news.generation("p"), before)
    news.moved("other")
    assert.strictEqual(news.generation("p"), before, "of another")
    news.moved("p")
    assert.notStrictEqual(news.generation("p"), before)
    const missed = news.generation("p")
    news.missed("p")
    assert.notStrictEqual(news.generation("p"), missed)
    assert.strictEqual(news.believedMillis("p"), ForgeNews.shortMillis)
    news.heard("p")
    const away = news.generation("p")
    news.listening(false)
    assert.strictEqual(news.believedMillis("p"), ForgeNews.shortMillis)
    news.listening(true)
    assert.notStrictEqual(news.generation("p"), away, "what was told meanwhile was not heard")
  })
})
