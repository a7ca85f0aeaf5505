import { assert, describe, it } from "@effect/vitest"
import { Environment } from "@rdev/core/domain/Environment"
import { type OwnerId, system } from "@rdev/core/domain/Owner"
import * as Event from "@rdev/core/domain/Event"
import * as Ids from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import * as MemoryCredentialStore from "@rdev/core/memory/stores/CredentialStore"
import * as CredentialStore from "@rdev/core/ports/stores/CredentialStore"
import * as MemoryEnvironmentStore from "@rdev/core/memory/stores/EnvironmentStore"
import * as MemoryEventLog from "@rdev/core/memory/stores/EventLog"
import * as EnvironmentStore from "@rdev/core/ports/stores/EnvironmentStore"
import * as EventLog from "@rdev/core/ports/stores/EventLog"
import * as MemoryNotifier from "@rdev/core/memory/stores/Notifier"
import * as MemoryUnitOfWork from "@rdev/core/memory/stores/UnitOfWork"
import * as MemoryWebhookStore from "@rdev/core/memory/stores/WebhookStore"
import * as MemoryWebhookTransport from "@rdev/core/memory/infra/WebhookTransport"
import * as WebhookTransport from "@rdev/core/ports/infra/WebhookTransport"
import * as MemoryWorkQueueStore from "@rdev/core/memory/stores/WorkQueueStore"
import * as WorkQueueStore from "@rdev/core/ports/stores/WorkQueueStore"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import * as TaskHandlers from "@rdev/core/queue/TaskHandlers"
import * as Worker from "@rdev/core/queue/Worker"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import * as Webhooks from "@rdev/core/services/Webhooks"
import * as Deliveries from "@rdev/core/services/webhooks/Deliveries"
import * as Outbox from "@rdev/core/services/webhooks/Outbox"
import * as Subscriptions from "@rdev/core/services/webhooks/Subscriptions"
import { Clock, Effect, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { Webhook } from "standardwebhooks"

const ports = Layer.mergeAll(
  MemoryCredentialStore.layer,
  MemoryEnvironmentStore.layer,
  MemoryEventLog.layer,
  MemoryNotifier.layer,
  MemoryUnitOfWork.layer,
  MemoryWebhookStore.layer,
  MemoryWebhookTransport.layer,
  MemoryWorkQueueStore.layer
)
const services = Webhooks.layer.pipe(
  Layer.provideMerge(WorkQueue.layer),
  Layer.provideMerge(TaskEvents.layer),
  Layer.provideMerge(Outbox.layer.pipe(Layer.provideMerge(Subscriptions.layer))),
  Layer.provideMerge(ports)
)
/** A worker of other tasks, and one of deliveries. */
const workers = (handlers: Readonly<Record<string, TaskHandlers.TaskHandler>> = {}) =>
  Layer.merge(
    Worker.layer({ capacity: 2 }).pipe(
      Layer.provide(TaskHandlers.layer({ nothing: () => Effect.succeed(null), ...handlers }))
    ),
    Deliveries.layerWorker({ name: "test", version: "0", capacity: 4, drainMillis: 0 })
  )

const working = (handlers: Readonly<Record<string, TaskHandlers.TaskHandler>> = {}) =>
  workers(handlers).pipe(Layer.provideMerge(services))

/** In steps, each of which gives the workers' fibers their turns. */
const soon = Effect.repeat(TestClock.adjust("100 millis"), { times: 20 })
const answering =
  (status: number, retryAfterMillis: number | null = null) =>
  () =>
    Effect.succeed({ status, retryAfterMillis })
const happened = (projectId: Ids.ProjectId, type: string, data: Event.NewEvent["data"] = {}) =>
  Effect.flatMap(EventLog.EventLog, (log) =>
    log.append(Event.ofProject(projectId), [{ type, subject: { taskId: "task_1" }, data }])
  )
const types = (received: ReadonlyArray<WebhookTransport.WebhookRequest>) =>
  received.map(({ body }): unknown => JSON.parse(body).type)
const only = <A>(all: ReadonlyArray<A>): A => {
  assert.strictEqual(all.length, 1)
  return all[0] as A
}
/** Receiver and services, workers running. */
const started = Effect.gen(function* () {
  return {
    hooks: yield* Webhooks.Webhooks,
    receiver: yield* MemoryWebhookTransport.Receiver,
    projectId: yield* NewId.make("proj")
  }
})
const deliveries = (id: Ids.WebhookId) =>
  Effect.flatMap(Webhooks.Webhooks, (hooks) => hooks.deliveries(id, { status: null, after: null, limit: 100 }))
const url = "https://example.com/hook"

describe("Webhooks", () => {
  it.effect("sends what is asked for, signed, in the order of Standard Webhooks", () =>
    Effect.gen(function* () {
      const { hooks, projectId, receiver } = yield* started
      const { secret, webhook } = yield* hooks.create({ projectId, url, events: ["task.*"] })
      const now = yield* Clock.currentTimeMillis
      yield* happened(projectId, "task.failed", { class: "AuthFailed", seq: 99 })
      yield* happened(projectId, "output")
      yield* happened(yield* NewId.make("proj"), "task.failed")
      yield* soon
      const request = only(receiver.received)
      assert.strictEqual(request.url, url)
      assert.deepStrictEqual(JSON.parse(request.body), {
        type: "task.failed",
        timestamp: new Date(now).toISOString(),
        data: { project_id: projectId, seq: 1, class: "AuthFailed", task_id: "task_1" }
      })
      assert.strictEqual(request.headers["webhook-id"], `evt_${projectId.slice(-26)}_1`)
      // The verifier looks at the real clock; this test's stands near 1970.
      const headers = { ...request.headers }
      assert.match(headers["webhook-signature"] ?? "", /^v1,[A-Za-z0-9+/]{43}=$/)
      assert.strictEqual(
        headers["webhook-signature"],
        new Webhook(Redacted.value(secret)).sign(
          headers["webhook-id"] ?? "",
          new Date(Number(headers["webhook-timestamp"]) * 1_000),
          request.body
        )
      )
      assert.deepInclude(only(yield* deliveries(webhook.id)).task, { status: "completed", result: { status: 204 } })
    }).pipe(Effect.provide(working()))
  )

  it.effect("knows types, groups, everything, and what asks for attention", () =>
    Effect.gen(function* () {
      const { hooks, projectId, receiver } = yield* started
      const wanting = (events: ReadonlyArray<string>) =>
        hooks.create({ projectId: null, url: `${url}/${events.join()}`, events })
      yield* Effect.forEach([["task.failed"], ["task.*"], ["*"], ["notify"], ["operation.*", "output"]], wanting)
      yield* happened(projectId, "task.failed", { notify: true })
      yield* happened(projectId, "task.failed", { notify: false })
      yield* happened(projectId, "tasks")
      yield* happened(projectId, "operation.completed")
      yield* Effect.flatMap(EventLog.EventLog, (log) =>
        log.append(Event.system, [{ type: "output", subject: {}, data: {} }])
      )
      yield* soon
      const got = (events: string) =>
        types(receiver.received.filter((request) => request.url === `${url}/${events}`)).sort()
      assert.deepStrictEqual(got("task.failed"), ["task.failed", "task.failed"])
      assert.deepStrictEqual(got("task.*"), ["task.failed", "task.failed"])
      assert.deepStrictEqual(got("*"), ["operation.completed", "output", "task.failed", "task.failed", "tasks"])
      assert.deepStrictEqual(got("notify"), ["task.failed"])
      assert.deepStrictEqual(got("operation.*,output"), ["operation.completed", "output"])
      assert.strictEqual(
        receiver.received.find(({ body }) => body.includes('"output"'))?.body.includes('"project_id":null'),
        true
      )
    }).pipe(Effect.provide(working()))
  )

  it.effect("a task whose credentials are refused fails at once and notifies", () =>
    Effect.gen(function* () {
      const { hooks, projectId, receiver } = yield* started
      yield* hooks.create({ projectId, url, events: ["notify"] })
      const queue = yield* WorkQueue.WorkQueue
      const refused = yield* queue.enqueue({ owner: projectId, kind: "refused", payload: null })
      yield* queue.enqueue({ owner: projectId, kind: "broken", payload: null })
      yield* soon
      assert.deepInclude(JSON.parse(only(receiver.received).body).data, {
        task_id: refused.id,
        class: "AuthFailed",
        message: "401 from the provider",
        notify: true
      })
      assert.strictEqual((yield* queue.get(refused.id)).status, "failed")
    }).pipe(
      Effect.provide(
        working({
          refused: () =>
            Effect.fail(
              new TaskHandlers.TaskFailure({ reason: { _tag: "AuthFailed", message: "401 from the provider" } })
            ),
          broken: () =>
            Effect.fail(new TaskHandlers.TaskFailure({ reason: { _tag: "Invalid", field: null, message: "no" } }))
        })
      )
    )
  )

  it.effect("tries ten times within three days, with the same message id, and then gives up", () =>
    Effect.gen(function* () {
      const { hooks, projectId, receiver } = yield* started
      receiver.answer = answering(500)
      const { webhook } = yield* hooks.create({ projectId, url, events: ["*"] })
      const began = yield* Clock.currentTimeMillis
      yield* happened(projectId, "task.failed")
      const waits: Array<number> = []
      for (let attempt = 1; attempt <= 10; attempt++) {
        // Workers look at the clock four times a second: over three days of it they rest between attempts.
        yield* Effect.provide(soon, workers())
        assert.strictEqual(receiver.received.length, attempt)
        const { task } = only(yield* deliveries(webhook.id))
        if (task.status !== "pending") break
        waits.push(((task.runAtMillis ?? 0) - (task.attempts.at(-1)?.endedAtMillis ?? 0)) / 60_000)
        yield* TestClock.setTime(task.runAtMillis ?? 0)
      }
      const minutes = [5 / 60, 1, 5, 30, 120, 360, 720, 1440, 1620]
      assert.strictEqual(waits.length, minutes.length)
      for (const [i, wait] of waits.entries())
        assert.isTrue(wait >= 0.9 * (minutes[i] ?? 0) && wait <= 1.1 * (minutes[i] ?? 0), `wait ${i + 1}: ${wait} min`)
      assert.isBelow((yield* Clock.currentTimeMillis) - began, 80 * 3_600_000)
      assert.strictEqual(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size, 1)
      assert.strictEqual(new Set(receiver.received.map(({ headers }) => headers["webhook-timestamp"])).size, 10)
      const { task } = only(yield* deliveries(webhook.id))
      assert.deepInclude(task, { status: "failed", attemptsCounted: 10 })
      assert.deepInclude(task.error, { _tag: "Unknown", message: "the receiver answered 500" })
    }).pipe(Effect.provide(services))
  )

  it.effect("waits as long as a receiver asks for, and takes a redirect for a failure", () =>
    Effect.gen(function* () {
      const { hooks, projectId, receiver } = yield* started
      const { webhook } = yield* hooks.create({ projectId, url, events: ["*"] })
      receiver.answer = answering(429, 120_000)
      yield* happened(projectId, "task.failed")
      yield* TestClock.adjust("100 seconds")
      assert.strictEqual(receiver.received.length, 1)
      receiver.answer = answering(301)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(receiver.received.length, 2)
      assert.include(
        only(yield* deliveries(webhook.id)).task.attempts.at(-1)?.error?.message,
        "the receiver answered 301, and redirects are not followed"
      )
      receiver.answer = () =>
        Effect.fail(
          new WebhookTransport.WebhookTransportError({
            operation: "post",
            reason: { _tag: "Unauthorized", message: "10.0.0.1 is not public" }
          })
        )
      yield* TestClock.adjust("2 minutes")
      assert.deepInclude(only(yield* deliveries(webhook.id)).task, {
        status: "failed",
        error: { _tag: "PolicyDenied", message: "10.0.0.1 is not public" }
      })
    }).pipe(Effect.provide(working()))
  )

  it.effect("410 disables the webhook until somebody enables it", () =>
    Effect.gen(function* () {
      const { hooks, projectId, receiver } = yield* started
      const { webhook } = yield* hooks.create({ projectId, url, events: ["*"] })
      receiver.answer = answering(410)
      yield* happened(projectId, "first")
      yield* soon
      assert.strictEqual((yield* hooks.get(webhook.id)).disabled?.reason, "the receiver answered 410 Gone")
      const delivery = only(yield* deliveries(webhook.id)).task
      assert.deepInclude(delivery, { status: "failed" })
      yield* happened(projectId, "second")
      assert.strictEqual((yield* Effect.flip(hooks.test(webhook.id))).reason._tag, "Disabled")
      assert.strictEqual((yield* Effect.flip(hooks.redeliver(webhook.id, delivery.id))).reason._tag, "Disabled")
      receiver.answer = answering(200)
      yield* hooks.enable(webhook.id)
      yield* happened(projectId, "third")
      yield* soon
      assert.deepStrictEqual(types(receiver.received), ["first", "third"])
    }).pipe(Effect.provide(working()))
  )

  it.effect("signs with both secrets for a day after one was replaced", () =>
    Effect.gen(function* () {
      const { hooks, projectId, receiver } = yield* started
      const { secret: first, webhook } = yield* hooks.create({ projectId, url, events: ["*"] })
      const { secret: second } = yield* hooks.replaceSecret(webhook.id)
      assert.notStrictEqual(Redacted.value(first), Redacted.value(second))
      const signed = (secret: Redacted.Redacted, { body, headers }: WebhookTransport.WebhookRequest) =>
        new Webhook(Redacted.value(secret)).sign(
          headers["webhook-id"] ?? "",
          new Date(Number(headers["webhook-timestamp"]) * 1_000),
          body
        )
      yield* happened(projectId, "one")
      yield* Effect.provide(soon, workers())
      const [one] = receiver.received as [WebhookTransport.WebhookRequest]
      assert.strictEqual(one.headers["webhook-signature"], `${signed(second, one)} ${signed(first, one)}`)
      yield* TestClock.adjust("1 days")
      yield* happened(projectId, "two")
      yield* Effect.provide(soon, workers())
      const two = receiver.received[1] as WebhookTransport.WebhookRequest
      assert.strictEqual(two.headers["webhook-signature"], signed(second, two))
    }).pipe(Effect.provide(services))
  )

  it.effect("sends again what failed and what arrived, and a test message", () =>
    Effect.gen(function* () {
      const { hooks, projectId, receiver } = yield* started
      const { webhook } = yield* hooks.create({ projectId, url, events: ["task.failed"] })
      receiver.answer = answering(500)
      yield* happened(projectId, "task.failed")
      yield* soon
      const first = only(yield* deliveries(webhook.id)).task
      assert.strictEqual(first.status, "pending")
      receiver.answer = answering(200)
      yield* hooks.redeliver(webhook.id, first.id)
      yield* soon
      assert.strictEqual(only(yield* deliveries(webhook.id)).task.status, "completed")
      yield* hooks.redeliver(webhook.id, first.id)
      yield* hooks.test(webhook.id)
      yield* soon
      assert.deepStrictEqual(types(receiver.received), ["task.failed", "task.failed", "task.failed", "webhook.test"])
      assert.strictEqual(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size, 2)
      const { webhook: other } = yield* hooks.create({ projectId, url, events: ["x"] })
      assert.strictEqual((yield* Effect.flip(hooks.redeliver(other.id, first.id))).reason._tag, "NotFound")
    }).pipe(Effect.provide(working()))
  )

  it.effect("a removed one gets nothing more, and leaves no secret", () =>
    Effect.gen(function* () {
      const { hooks, projectId, receiver } = yield* started
      const { webhook } = yield* hooks.create({ projectId, url, events: ["*"] })
      receiver.answer = answering(500)
      yield* happened(projectId, "one")
      yield* soon
      yield* hooks.remove(webhook.id)
      yield* happened(projectId, "two")
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(receiver.received.length, 1)
      const queue = yield* WorkQueue.WorkQueue
      assert.deepStrictEqual(
        (yield* queue.list({ kind: "webhook.deliver", limit: 10 })).map(({ status }) => status),
        ["cancelled"]
      )
      const credentials = yield* CredentialStore.CredentialStore
      assert.deepStrictEqual(yield* credentials.list(webhook.id), [])
      assert.strictEqual((yield* queue.owner(webhook.id)).maxRunning, null)
      assert.strictEqual((yield* Effect.flip(hooks.get(webhook.id))).reason._tag, "NotFound")
    }).pipe(Effect.provide(working()))
  )

  it.effect("a delivery whose worker vanished is made by another", () =>
    Effect.gen(function* () {
      const { hooks, projectId, receiver } = yield* started
      const { webhook } = yield* hooks.create({ projectId, url, events: ["*"] })
      yield* happened(projectId, "one")
      const store = yield* WorkQueueStore.WorkQueueStore
      const vanished = yield* NewId.make("wrk")
      yield* store.register(
        { id: vanished, name: "v", version: "1", capacity: 1, labels: [], kinds: ["webhook.deliver"] },
        1_000
      )
      only(
        (yield* store.claim({
          workerId: vanished,
          limit: 1,
          kinds: ["webhook.deliver"],
          labels: [],
          quarantined: false
        })).deliveries
      )
      yield* TestClock.adjust("2 seconds")
      yield* Effect.provide(soon, workers())
      assert.deepStrictEqual(types(receiver.received), ["one"])
      assert.deepInclude(only(yield* deliveries(webhook.id)).task, { status: "completed", crashes: 1 })
    }).pipe(Effect.provide(services))
  )

  it.effect("is an owner of its own: its tasks, limits and secrets are under its id, and no event is of them", () =>
    Effect.gen(function* () {
      const { hooks, projectId, receiver } = yield* started
      const { webhook } = yield* hooks.create({ projectId, url, events: ["*"] })
      receiver.answer = answering(500)
      yield* happened(projectId, "one")
      yield* soon
      const queue = yield* WorkQueue.WorkQueue
      const { task } = only(yield* deliveries(webhook.id))
      assert.strictEqual(task.owner, webhook.id)
      assert.deepInclude(yield* queue.owner(webhook.id), { owner: webhook.id, maxRunning: Deliveries.maxPerWebhook })
      assert.deepStrictEqual(yield* queue.list({ owner: projectId, limit: 10 }), [])
      yield* queue.cancel(task.id)
      const log = yield* EventLog.EventLog
      const before = Event.ofProject(`proj_${webhook.id.slice(-26)}`)
      for (const [stream, count] of [
        [Event.ofProject(projectId), 1],
        [Event.system, 0],
        [before, 0]
      ] as const)
        assert.strictEqual((yield* log.read(stream, 0, 10)).events.length, count, stream)
    }).pipe(Effect.provide(working()))
  )

  it.effect("one made by an earlier version signs with its secret, keeps it beside a new one, and leaves none", () =>
    Effect.gen(function* () {
      const { hooks, projectId, receiver } = yield* started
      const { secret, webhook } = yield* hooks.create({ projectId, url, events: ["*"] })
      const credentials = yield* CredentialStore.CredentialStore
      const before = `proj_${webhook.id.slice(-26)}` as Ids.ProjectId
      yield* credentials.put(before, Deliveries.secretName, secret)
      yield* credentials.removeAll(webhook.id)
      yield* happened(projectId, "one")
      yield* soon
      yield* hooks.replaceSecret(webhook.id)
      yield* happened(projectId, "two")
      yield* soon
      const signed = receiver.received.map(({ headers }) => headers["webhook-signature"]?.split(" ").length)
      assert.deepStrictEqual(signed, [1, 2])
      const [, second] = receiver.received
      const parts = [
        second?.headers["webhook-id"] ?? "",
        new Date(Number(second?.headers["webhook-timestamp"]) * 1_000)
      ]
      assert.include(
        second?.headers["webhook-signature"],
        new Webhook(Redacted.value(secret)).sign(parts[0] as string, parts[1] as Date, second?.body ?? "")
      )
      yield* hooks.remove(webhook.id)
      for (const owner of [before, webhook.id]) assert.deepStrictEqual(yield* credentials.list(owner), [])
    }).pipe(Effect.provide(working()))
  )

  it.effect("what happens to tasks of environments and of the system is published where their people look", () =>
    Effect.gen(function* () {
      const projectId = yield* NewId.make("proj")
      const id = yield* NewId.make("env")
      const environments = yield* EnvironmentStore.EnvironmentStore
      yield* environments.insert(
        new Environment({
          id,
          projectId,
          name: "staging",
          kind: "staging",
          hosts: [],
          url: "",
          bindings: [],
          release: null,
          conditions: [],
          createdAtMillis: 0,
          updatedAtMillis: 0,
          revision: 1
        })
      )
      const queue = yield* WorkQueue.WorkQueue
      const log = yield* EventLog.EventLog
      for (const owner of [id, system as OwnerId]) yield* queue.enqueue({ owner, kind: "nothing", payload: null })
      yield* soon
      for (const stream of [Event.ofProject(projectId), Event.system])
        assert.deepStrictEqual(
          (yield* log.read(stream, 0, 10)).events.map(({ type }) => type),
          ["task.started", "task.completed"],
          stream
        )
    }).pipe(Effect.provide(working()))
  )

  it.effect("the largest event fits", () =>
    Effect.gen(function* () {
      const { hooks, projectId, receiver } = yield* started
      yield* hooks.create({ projectId, url, events: ["*"] })
      const text = "\u20ac".repeat(Math.floor((EventLog.maxDataBytes - '{"text":""}'.length) / 3))
      yield* happened(projectId, "output", { text })
      yield* soon
      const { body } = only(receiver.received)
      assert.strictEqual(JSON.parse(body).data.text, text)
      assert.isBelow(Buffer.byteLength(body), 20_000)
    }).pipe(Effect.provide(working()))
  )

  it.effect("tells of nothing that happens to deliveries, and refuses more than it takes", () =>
    Effect.gen(function* () {
      const { hooks, projectId, receiver } = yield* started
      const { webhook } = yield* hooks.create({ projectId: null, url, events: ["*"] })
      receiver.answer = answering(500)
      yield* happened(projectId, "one")
      yield* soon
      const queue = yield* WorkQueue.WorkQueue
      yield* queue.cancel(only(yield* deliveries(webhook.id)).task.id)
      yield* soon
      assert.deepStrictEqual(types(receiver.received), ["one"])
      for (let i = 1; i < Webhooks.maxWebhooks; i++) yield* hooks.create({ projectId, url, events: ["never"] })
      assert.deepStrictEqual((yield* Effect.flip(hooks.create({ projectId, url, events: ["x"] }))).reason, {
        _tag: "TooMany",
        limit: Webhooks.maxWebhooks
      })
      assert.deepInclude((yield* Effect.flip(hooks.create({ projectId, url: "nowhere", events: ["x"] }))).reason, {
        _tag: "Invalid",
        field: "url"
      })
    }).pipe(Effect.provide(working()))
  )
})
