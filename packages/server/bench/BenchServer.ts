/** The embedded server in a process of its own, for measurements: says where it is, and appends events on request. */
import { ofProject } from "@rdev/core/domain/Event"
import type { ProjectId } from "@rdev/core/domain/Ids"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import { Context, Effect, Layer, Option } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Installation from "../src/Installation.ts"
import * as FirstKey from "../src/keys/FirstKey.ts"
import { ApiKeys } from "../src/keys/ApiKeys.ts"
import * as Listener from "../src/Listener.ts"
import { fromEnvironment } from "../src/ServerConfig.ts"

export interface Flood {
  readonly flood: { readonly project: string; readonly perSecond: number; readonly seconds: number }
}
export type Told =
  | { readonly ready: { readonly url: string; readonly port: number; readonly key: string } }
  | { readonly flooded: number }
  | { readonly usage: { readonly cpuMillis: number; readonly rssBytes: number } }

const tell = (message: Told) => process.send?.(message)
const dataDir = mkdtempSync(join(tmpdir(), "rdev-bench-"))
process.on("exit", () => rmSync(dataDir, { recursive: true, force: true }))

const main = Effect.gen(function* () {
  const config = yield* fromEnvironment({
    ...process.env,
    RDEV_PORT: "0",
    RDEV_DATA_DIR: dataDir,
    RDEV_UNSAFE_HOST: "true"
  })
  const listening = yield* Layer.build(Listener.layer(config))
  const services = yield* Layer.build(
    Installation.layer(config, "bench", yield* Installation.read({ env: process.env })).pipe(
      Layer.provide(Layer.succeedContext(listening))
    )
  )
  const all = services as Context.Context<ApiKeys | EventLog | ProjectStore>
  const made = yield* Effect.provideContext(FirstKey.ensure(dataDir), all)
  const { port, url } = Context.get(listening, Listener.Listener)
  const log = Context.get(all, EventLog)
  const projects = Context.get(all, ProjectStore)

  /** Evenly spaced; each event carries the time at which it was handed over. */
  const flood = Effect.fnUntraced(function* ({ perSecond, project, seconds }: Flood["flood"]) {
    const id: ProjectId = Option.getOrThrow(yield* projects.byName(project)).id
    const began = performance.now()
    for (let i = 0; i < perSecond * seconds; i++) {
      const due = began + (i * 1000) / perSecond - performance.now()
      if (due > 0) yield* Effect.sleep(due)
      yield* Effect.forkDetach(
        log.append(ofProject(id), [
          {
            type: "output",
            subject: { execId: "exec_bench" },
            data: { line: `event ${i} of a command's output, as long as a line is`, stream: "stdout", sent: Date.now() }
          }
        ])
      )
    }
    tell({ flooded: perSecond * seconds })
  })
  process.on("message", (message: Flood | "usage" | "stop") => {
    if (message === "stop") process.exit(0)
    else if (message === "usage") {
      const { system, user } = process.cpuUsage()
      tell({ usage: { cpuMillis: (system + user) / 1000, rssBytes: process.memoryUsage().rss } })
    } else Effect.runFork(Effect.provideContext(flood(message.flood), all))
  })
  tell({ ready: { url, port, key: made?.key ?? "" } })
  return yield* Effect.never
})
Effect.runPromise(Effect.scoped(main)).catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})
