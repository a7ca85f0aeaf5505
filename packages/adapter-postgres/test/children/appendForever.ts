/** Appends events and audit entries to the data folder given, saying each number once it is stored, until it is killed. */
import { ofProject } from "@rdev/core/domain/Event"
import { AuditStore } from "@rdev/core/ports/stores/AuditStore"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import { UnitOfWork } from "@rdev/core/ports/stores/UnitOfWork"
import { Effect, Layer } from "effect"
import { layerEmbedded } from "../../src/engine/Database.ts"
import * as Stores from "../../src/stores/Stores.ts"

const [dataDir = "", projectId = ""] = process.argv.slice(2)
const say = (line: string) => process.stdout.write(`${line}\n`)

const main = Effect.gen(function* () {
  const log = yield* EventLog
  const audit = yield* AuditStore
  const work = yield* UnitOfWork
  say("ready")
  for (;;) {
    const seq = yield* work.transact(
      Effect.gen(function* () {
        const [event] = yield* log.append(ofProject(projectId), [
          { type: "output", subject: {}, data: { line: "x".repeat(500) } }
        ])
        yield* audit.append({
          projectId: null,
          operationId: null,
          type: "t",
          actor: "a",
          requestId: null,
          sourceAddress: null,
          outcome: "completed",
          steps: [],
          data: { seq: event?.seq ?? 0 }
        })
        return event?.seq ?? 0
      })
    )
    say(String(seq))
  }
})

await Effect.runPromise(Effect.provide(main, Layer.provide(Stores.layer, layerEmbedded({ dataDir }))))
