import { assert, describe, it } from "@effect/vitest"
import type { ProjectId } from "@rdev/core/domain/Ids"
import { Environment } from "@rdev/core/domain/Environment"
import { Project } from "@rdev/core/domain/Project"
import * as NewId from "@rdev/core/ids/NewId"
import * as Dns from "@rdev/core/memory/infra/Dns"
import * as EnvironmentMemory from "@rdev/core/memory/stores/EnvironmentStore"
import * as EventLog from "@rdev/core/memory/stores/EventLog"
import * as ProjectMemory from "@rdev/core/memory/stores/ProjectStore"
import * as UnitOfWork from "@rdev/core/memory/stores/UnitOfWork"
import * as QueueMemory from "@rdev/core/memory/stores/WorkQueueStore"
import * as Notifier from "@rdev/core/memory/stores/Notifier"
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import { type Renewal, Tls, TlsError } from "@rdev/core/ports/infra/Tls"
import { EnvironmentStore } from "@rdev/core/ports/stores/EnvironmentStore"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import * as Certificates from "@rdev/core/services/Certificates"
import { idOf } from "@rdev/core/services/projects/Environments"
import { DateTime, Effect, Exit, Layer, Option, Ref } from "effect"
import { TestClock } from "effect/testing"

const day = 86_400_000
class Provider {
  readonly list: Array<Renewal> = []
  readonly removed: Array<string> = []
  renewals = 0
  failing: PortReason | null = null
}
const tlsOf = (provider: Provider) =>
  Layer.succeed(Tls, {
    ensure: () => Effect.die("not asked for"),
    observe: () => Effect.succeedNone,
    remove: (_, host) => Effect.sync(() => void provider.removed.push(host)),
    renewals: {
      list: Effect.sync(() => [...provider.list]),
      renew: (projectId, host) =>
        Effect.gen(function* () {
          provider.renewals += 1
          const found = provider.list.findIndex((one) => one.host === host && one.projectId === projectId)
          const was = provider.list[found]
          if (was === undefined) return assert.fail("unknown")
          if (provider.failing !== null) {
            provider.list[found] = { ...was, failure: "no", dueAtMillis: was.dueAtMillis + 2 * day }
            return yield* new TlsError({ operation: "Tls.renew", reason: provider.failing })
          }
          const next = {
            ...was,
            failure: null,
            notAfterMillis: was.notAfterMillis + 90 * day,
            dueAtMillis: was.dueAtMillis + 60 * day
          }
          provider.list[found] = next
          return next
        })
    }
  })

const ports = Layer.mergeAll(
  Dns.layer,
  EnvironmentMemory.layer,
  EventLog.layer,
  Notifier.layer,
  ProjectMemory.layer,
  QueueMemory.layer,
  UnitOfWork.layer
)
const whole = (provider: Provider) =>
  WorkQueue.layer.pipe(Layer.provideMerge(TaskEvents.layer), Layer.provideMerge(Layer.merge(ports, tlsOf(provider))))

const made = Effect.fnUntraced(function* (name: string) {
  const id: ProjectId = yield* NewId.make("proj")
  const now = yield* DateTime.now
  const project = Project.make({
    id,
    name: name as Project["name"],
    description: "",
    template: "default",
    defaultBranch: "main",
    status: "ready",
    cloneUrl: null,
    resources: [],
    operationId: null,
    createdAt: now,
    updatedAt: now,
    revision: 1,
    agent: "memory",
    workDir: "."
  })
  yield* (yield* ProjectStore).insert(project)
  for (const [environment, host] of [
    ["production", `${name}.localhost`],
    ["staging", `staging.${name}.localhost`]
  ] as const)
    yield* (yield* EnvironmentStore).insert(
      Environment.make({
        id: idOf(id, environment),
        projectId: id,
        name: environment,
        kind: environment,
        hosts: [host],
        url: `https://${host}/`,
        bindings: [],
        release: null,
        conditions: [],
        createdAtMillis: 0,
        updatedAtMillis: 0,
        revision: 1
      })
    )
  const certificate: Renewal = {
    projectId: id,
    host: `${name}.localhost`,
    hosts: [`${name}.localhost`, `staging.${name}.localhost`],
    externalId: name,
    notAfterMillis: 90 * day,
    dueAtMillis: 60 * day,
    failure: null
  }
  return { id, certificate, project }
})

/** Runs what is queued, once; how each ended. */
const drained = Effect.gen(function* () {
  const queue = yield* WorkQueue.WorkQueue
  const handlers = yield* Certificates.handlers
  const tasks = yield* queue.list({ limit: 100, status: "pending" })
  return yield* Effect.forEach(tasks, (task) =>
    Effect.gen(function* () {
      const handler = handlers.get(task.kind)
      if (handler === undefined) return assert.fail(task.kind)
      const exit = yield* Effect.exit(
        handler({ task, fence: 1n, attempt: 1, progress: () => Effect.void, emit: () => Effect.void })
      )
      yield* queue.cancel(task.id)
      return exit
    })
  )
})
const conditions = (id: ProjectId) =>
  Effect.map(
    Effect.flatMap(EnvironmentStore, (store) => store.ofProjects([id])),
    (all) => all.map((one) => one.conditions.map(({ reason, status, type }) => `${type} ${status} ${reason}`))
  )

describe("Certificates", () => {
  it.effect("queues what is due, once, and renews it", () => {
    const provider = new Provider()
    return Effect.gen(function* () {
      const { certificate, id } = yield* made("shop")
      provider.list.push(certificate)
      const queue = yield* WorkQueue.WorkQueue
      yield* Certificates.sweep()
      assert.lengthOf(yield* queue.list({ limit: 10 }), 0)
      yield* TestClock.setTime(61 * day)
      yield* Effect.all([Certificates.sweep(), Certificates.sweep(), Certificates.sweep()], { concurrency: 3 })
      assert.lengthOf(yield* queue.list({ limit: 10, status: "pending" }), 1)
      const [exit] = yield* drained
      assert.isTrue(exit !== undefined && Exit.isSuccess(exit))
      assert.deepStrictEqual(yield* conditions(id), [[], []])
      yield* Certificates.sweep()
      assert.deepStrictEqual(yield* drained, [])
      assert.strictEqual(provider.renewals, 1)
    }).pipe(Effect.provide(whole(provider)))
  })

  it.effect("tells the environments of a failure, and of its end", () => {
    const provider = new Provider()
    return Effect.gen(function* () {
      const { certificate, id } = yield* made("shop")
      const other = yield* made("other")
      provider.list.push(certificate)
      provider.failing = { _tag: "Invalid", field: "host", message: "a CAA record" }
      yield* TestClock.setTime(61 * day)
      yield* Certificates.sweep()
      const [failed] = yield* drained
      assert.isTrue(failed !== undefined && Exit.isFailure(failed))
      assert.deepStrictEqual(yield* conditions(id), [["Certificate unknown Invalid"], ["Certificate unknown Invalid"]])
      assert.deepStrictEqual(yield* conditions(other.id), [[], []])
      yield* Certificates.sweep()
      assert.deepStrictEqual(yield* drained, [], "it is not due again yet")
      yield* TestClock.setTime(91 * day)
      yield* Certificates.sweep()
      yield* drained
      assert.deepStrictEqual(yield* conditions(id), [["Certificate false Invalid"], ["Certificate false Invalid"]])
      provider.failing = null
      yield* TestClock.setTime(95 * day)
      yield* Certificates.sweep()
      yield* drained
      assert.deepStrictEqual(yield* conditions(id), [["Certificate true Renewed"], ["Certificate true Renewed"]])
    }).pipe(Effect.provide(whole(provider)))
  })

  it.effect("gives up what belongs to projects that are gone, and looks by itself", () => {
    const provider = new Provider()
    return Effect.gen(function* () {
      const gone = yield* made("gone")
      const kept = yield* made("kept")
      const projects = yield* ProjectStore
      const stored = Option.getOrThrow(yield* projects.byId(gone.id))
      yield* projects.update(Project.make({ ...stored, status: "deleted", revision: stored.revision + 1 }))
      provider.list.push(gone.certificate, kept.certificate)
      yield* TestClock.setTime(61 * day)
      const queue = yield* WorkQueue.WorkQueue
      const begun = yield* Ref.make(0)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Layer.build(Certificates.layerSchedule())
          yield* TestClock.adjust("61 seconds")
          yield* Ref.set(begun, (yield* queue.list({ limit: 10, status: "pending" })).length)
        })
      )
      assert.strictEqual(yield* Ref.get(begun), 1)
      assert.deepStrictEqual(provider.removed, gone.certificate.hosts)
    }).pipe(Effect.provide(whole(provider)))
  })
})
