/** Makes a project, drives one feature to its release, and shows what the platform says meanwhile. */
import { NodeRuntime } from "@effect/platform-node"
import { ofProject } from "@rdev/core/domain/Event"
import { Operations } from "@rdev/core/operations/Operations"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import { Features } from "@rdev/core/services/Features"
import { Projects } from "@rdev/core/services/Projects"
import { Console, Effect, Stream } from "effect"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Platform from "./Platform.ts"

export const program = Effect.gen(function* () {
  const { operation, project } = yield* (yield* Projects).create({ name: "shop", description: "A shop" })
  yield* (yield* Operations).await(operation.id)
  const live = yield* (yield* EventLog).subscribe(ofProject(project.id))
  yield* (yield* Features).create("shop", { title: "Contact section" })
  return yield* live.pipe(
    Stream.filter((event) => event.type === "feature.decided"),
    Stream.tap((event) =>
      Console.log(
        `${String(event.data["phase"]).padEnd(15)} ${String(event.data["action"]).padEnd(20)} ${String(event.data["reason"])}`
      )
    ),
    Stream.takeUntil((event) => event.data["kind"] === "done"),
    Stream.map((event) => String(event.data["action"])),
    Stream.runCollect
  )
}).pipe(Effect.scoped)

if (import.meta.main)
  NodeRuntime.runMain(Effect.provide(program, Platform.layer(mkdtempSync(join(tmpdir(), "custom-platform-")))))
