/** What a unit of work must do across the stores of one installation. */
import { assert, layer as withLayer } from "@effect/vitest"
import { ofProject } from "@rdev/core/domain/Event"
import { AuditStore } from "@rdev/core/ports/stores/AuditStore"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import { Notifier } from "@rdev/core/ports/stores/Notifier"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import { UnitOfWork } from "@rdev/core/ports/stores/UnitOfWork"
import { Deferred, Effect, Exit, Fiber, Layer, Option, Stream } from "effect"
import * as Samples from "../Samples.ts"

type Stores = UnitOfWork | ProjectStore | EventLog | AuditStore | Notifier

/** Writes to three stores at once. */
const create = Effect.gen(function* () {
  const project = yield* Samples.project()
  const stream = ofProject(project.id)
  const write = Effect.gen(function* () {
    yield* (yield* ProjectStore).insert(project)
    yield* (yield* EventLog).append(stream, [Samples.event("operation.started")])
    yield* (yield* AuditStore).append(Samples.auditEntry(project.id))
  })
  const written = Effect.gen(function* () {
    return {
      project: Option.isSome(yield* (yield* ProjectStore).byId(project.id)),
      events: (yield* (yield* EventLog).read(stream, 0, 10)).events.length,
      audit: (yield* (yield* AuditStore).list(project.id, { before: null, limit: 10 })).length
    }
  })
  return { project, stream, write, written }
})
const nothing = { project: false, events: 0, audit: 0 }
const everything = { project: true, events: 1, audit: 1 }

export const suite = (name: string, layer: Layer.Layer<Stores, unknown>): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`UnitOfWork: ${name}`, (it) => {
    it.effect("commits all", () =>
      Effect.gen(function* () {
        const { write, written } = yield* create
        const value = yield* (yield* UnitOfWork).transact(Effect.as(write, 42))
        assert.strictEqual(value, 42)
        assert.deepStrictEqual(yield* written, everything)
      })
    )

    it.effect("undoes all on failure, defect and interruption, and keeps the failure", () =>
      Effect.gen(function* () {
        const work = yield* UnitOfWork
        const { write, written } = yield* create
        assert.strictEqual(yield* Effect.flip(work.transact(Effect.andThen(write, Effect.fail("mine")))), "mine")
        assert.deepStrictEqual(yield* written, nothing)
        assert.isTrue(Exit.isFailure(yield* Effect.exit(work.transact(Effect.andThen(write, Effect.die("defect"))))))
        assert.deepStrictEqual(yield* written, nothing)
        const inside = yield* Deferred.make<void>()
        const fiber = yield* Effect.forkChild(
          work.transact(write.pipe(Effect.andThen(Deferred.succeed(inside, undefined)), Effect.andThen(Effect.never)))
        )
        yield* Deferred.await(inside)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* written, nothing)
        yield* work.transact(write)
        assert.deepStrictEqual(yield* written, everything)
      })
    )

    it.effect("nested calls join the outer one", () =>
      Effect.gen(function* () {
        const work = yield* UnitOfWork
        const [inner, outer] = [yield* create, yield* create]
        yield* Effect.exit(
          work.transact(
            Effect.gen(function* () {
              yield* work.transact(inner.write)
              yield* outer.write
              return yield* Effect.fail("no")
            })
          )
        )
        assert.deepStrictEqual([yield* inner.written, yield* outer.written], [nothing, nothing])
        yield* work.transact(Effect.andThen(work.transact(inner.write), outer.write))
        assert.deepStrictEqual([yield* inner.written, yield* outer.written], [everything, everything])
      })
    )

    it.effect("leaves no gap in a stream whose append was undone", () =>
      Effect.gen(function* () {
        const work = yield* UnitOfWork
        const log = yield* EventLog
        const { stream } = yield* create
        const append = log.append(stream, [Samples.event("output")])
        yield* append
        yield* Effect.forEach(
          Array.from({ length: 20 }, (_, i) => i),
          (i) =>
            Effect.exit(work.transact(i % 2 === 0 ? Effect.andThen(append, Effect.fail("no")) : append)).pipe(
              Effect.andThen(append)
            ),
          { concurrency: 5 }
        )
        const page = yield* log.read(stream, 0, 100)
        assert.deepStrictEqual(
          page.events.map((event) => event.seq),
          Array.from({ length: 31 }, (_, i) => i + 1)
        )
      })
    )

    it.effect("tells live readers only what was committed, once it was", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const work = yield* UnitOfWork
          const log = yield* EventLog
          const { stream } = yield* create
          const live = yield* log.subscribe(stream)
          const seen: Array<string> = []
          const reader = yield* Effect.forkScoped(
            live.pipe(
              Stream.tap((event) =>
                Effect.sync(() => {
                  seen.push(event.type)
                })
              ),
              Stream.take(2),
              Stream.runDrain
            )
          )
          yield* Effect.exit(
            work.transact(Effect.andThen(log.append(stream, [Samples.event("undone")]), Effect.fail("no")))
          )
          yield* work.transact(
            Effect.gen(function* () {
              yield* log.append(stream, [Samples.event("first")])
              yield* log.append(stream, [Samples.event("second")])
              for (let i = 0; i < 20; i++) yield* Effect.yieldNow
              assert.deepStrictEqual(seen, [])
            })
          )
          yield* Fiber.join(reader)
          assert.deepStrictEqual(seen, ["first", "second"])
        })
      )
    )
  })
}
