/** What became of a command is known from the event log, whoever ran it and however much was written since. */
import { assert, describe, it } from "@effect/vitest"
import { type NewEvent, ofProject } from "@rdev/core/domain/Event"
import * as NewId from "@rdev/core/ids/NewId"
import type { Project } from "@rdev/core/domain/Project"
import * as MemoryCredentialStore from "@rdev/core/memory/stores/CredentialStore"
import * as MemoryEnvironmentStore from "@rdev/core/memory/stores/EnvironmentStore"
import * as MemoryEventLog from "@rdev/core/memory/stores/EventLog"
import * as EventLog from "@rdev/core/ports/stores/EventLog"
import * as MemoryForge from "@rdev/core/memory/infra/Forge"
import * as MemoryOutputStore from "@rdev/core/memory/stores/OutputStore"
import * as MemoryWorkspaceHost from "@rdev/core/memory/infra/WorkspaceHost"
import { Effect, Layer } from "effect"
import { Execs, layer } from "../src/Execs.ts"

/** Looks at few entries per read, as a store does that bounds what a filter may cost. */
const shortSighted = Layer.effect(
  EventLog.EventLog,
  Effect.map(EventLog.EventLog, (log) =>
    EventLog.EventLog.of({
      ...log,
      read: (stream, after, limit, filter) =>
        Effect.map(log.read(stream, after, 5), (page) => ({
          ...page,
          events: page.events.filter((event) => EventLog.matches(event, filter)).slice(0, limit),
          cursor: page.events.at(-1)?.seq ?? after
        }))
    })
  )
).pipe(Layer.provide(MemoryEventLog.layer), Layer.provideMerge(MemoryEnvironmentStore.layer))

describe("execs", () => {
  it.effect("are found in the log behind many other events", () =>
    Effect.gen(function* () {
      const project = { id: yield* NewId.make("proj"), name: "shop", defaultBranch: "main" } as Project
      const id = yield* NewId.make("exec")
      const log = yield* EventLog.EventLog
      const noise: ReadonlyArray<NewEvent> = Array.from({ length: 23 }, () => ({
        type: "output",
        subject: {},
        data: { line: "x" }
      }))
      const own = (type: string, data: NewEvent["data"]): NewEvent => ({ type, subject: { execId: id }, data })
      yield* log.append(ofProject(project.id), [
        ...noise,
        own("exec.started", { command: ["make"], workspace: "main" }),
        ...noise,
        own("complete", { exit_code: null, signal: "SIGTERM", reason: "signal" }),
        ...noise
      ])
      const found = yield* (yield* Execs).get(project, id)
      assert.deepStrictEqual(
        [found.command, found.exit],
        [["make"], { code: null, signal: "SIGTERM", reason: "signal" }]
      )
      const missing = yield* Effect.flip((yield* Execs).get(project, yield* NewId.make("exec")))
      assert.strictEqual(missing.reason._tag, "NotFound")
    }).pipe(
      Effect.provide(
        layer("loopback").pipe(
          Layer.provideMerge(
            Layer.mergeAll(
              shortSighted,
              MemoryCredentialStore.layer,
              MemoryForge.layer,
              MemoryOutputStore.layer,
              MemoryWorkspaceHost.layer
            )
          )
        )
      )
    )
  )
})
