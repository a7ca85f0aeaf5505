/** What fault tests share: a queue on a real server, worker processes, and waiting on conditions with a deadline. */
import * as NewId from "@rdev/core/ids/NewId"
import type { TaskId } from "@rdev/core/domain/Ids"
import { WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { Effect, Layer, type Scope } from "effect"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { type Database, layerPostgres } from "../../src/engine/Database.ts"
import * as PgWorkQueueStore from "../../src/queue/PgWorkQueueStore.ts"
import * as TestPostgres from "../../src/testing/TestPostgres.ts"

const over = <E, R>(store: typeof PgWorkQueueStore.layer, database: Layer.Layer<Database, E, R>) =>
  WorkQueue.layer.pipe(Layer.provideMerge(Layer.merge(store, TaskEvents.layerNone)), Layer.provideMerge(database))
export const queueOn = (url: string) =>
  over(PgWorkQueueStore.layer, layerPostgres({ url, statementTimeoutMillis: 5_000 }))
/** On a server of its own. */
export const queue = (store = PgWorkQueueStore.layer) =>
  over(store, TestPostgres.layerDatabase({ schema: "Rdev-Test", settings: { search_path: "nowhere" } }))

/** Polls until the condition holds; dies with `what` after the deadline. Errors of a server that is down count as "not yet". */
export const until = <E, R>(
  what: string,
  condition: Effect.Effect<boolean, E, R>,
  deadlineMillis = 60_000
): Effect.Effect<void, never, R> =>
  Effect.gen(function* () {
    const end = Date.now() + deadlineMillis
    while (!(yield* Effect.orElseSucceed(condition, () => false))) {
      if (Date.now() > end) return yield* Effect.die(new Error(`not within ${deadlineMillis} ms: ${what}`))
      yield* Effect.sleep(25)
    }
  })

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
/** Bundled: many are started and killed, and loading sources is most of a start. */
const program = execFileSync(process.execPath, [at("../../../../scripts/testProgram.mjs"), at("fixtures/worker.ts")])
  .toString()
  .trim()

export interface WorkerProcess {
  readonly process: ChildProcess
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  readonly log: string
}

/** Starts worker processes of one kind and reads what they ran. */
export const fleet = (
  url: string,
  kind: string
): Effect.Effect<
  {
    readonly hire: (leaseMillis?: number) => Effect.Effect<WorkerProcess>
    readonly ran: Effect.Effect<ReadonlyMap<number, number>>
  },
  never,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "rdev-fleet-"))
    const all: Array<WorkerProcess> = []
    yield* Effect.addFinalizer(() =>
      Effect.promise(async () => {
        for (const worker of all) await ended(worker.process, "SIGKILL")
        fs.rmSync(folder, { recursive: true, force: true })
      })
    )
    return {
      hire: (leaseMillis = 1_500) =>
        Effect.sync(() => {
          const log = path.join(folder, `worker-${all.length}`)
          fs.writeFileSync(log, "")
          const child = spawn(process.execPath, ["--no-warnings", program, url, kind, log, String(leaseMillis)], {
            stdio: ["ignore", "ignore", process.env["RDEV_TEST_DEBUG"] === undefined ? "ignore" : "inherit"]
          })
          const worker: WorkerProcess = {
            process: child,
            log,
            kill: (signal) =>
              Effect.promise(() =>
                signal === "SIGSTOP" || signal === "SIGCONT"
                  ? Promise.resolve(void child.kill(signal))
                  : ended(child, signal)
              )
          }
          all.push(worker)
          return worker
        }),
      /** How often each payload was begun. */
      ran: Effect.sync(() => {
        const counts = new Map<number, number>()
        for (const { log } of all) {
          for (const line of fs.readFileSync(log, "utf8").split("\n")) {
            if (line === "") continue
            const n = Number(line.split(" ")[0])
            counts.set(n, (counts.get(n) ?? 0) + 1)
          }
        }
        return counts
      })
    }
  })
const ended = (child: ChildProcess, signal: NodeJS.Signals) =>
  new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once("exit", () => resolve())
    child.kill(signal)
  })

/** Enqueues payloads 0 … count−1 of a kind over five projects. */
export const enqueue = (
  kind: string,
  count: number
): Effect.Effect<ReadonlyArray<TaskId>, unknown, WorkQueue.WorkQueue> =>
  Effect.gen(function* () {
    const work = yield* WorkQueue.WorkQueue
    const projects = yield* Effect.forEach([1, 2, 3, 4, 5], () => NewId.make("proj"))
    return yield* work.enqueueAll(
      Array.from({ length: count }, (_, i) => ({
        owner: projects[i % 5] ?? (projects[0] as (typeof projects)[number]),
        kind,
        payload: i
      }))
    )
  })

/** Unfinished tasks of the whole queue, uncached. */
export const left = Effect.gen(function* () {
  const stats = yield* (yield* WorkQueueStore).stats
  return stats.pending + stats.delayed + stats.running + stats.parked
})
/** How many tasks of the kind have each status. */
export const statuses = (kind: string) =>
  Effect.gen(function* () {
    const store = yield* WorkQueueStore
    const counts: Record<string, number> = {}
    let after: TaskId | null = null
    for (;;) {
      const page: ReadonlyArray<{ readonly id: TaskId; readonly status: string }> = yield* store.list({
        owner: null,
        status: null,
        kind,
        after,
        limit: 1_000
      })
      for (const task of page) counts[task.status] = (counts[task.status] ?? 0) + 1
      const last = page.at(-1)
      if (last === undefined) return counts
      after = last.id
    }
  })
