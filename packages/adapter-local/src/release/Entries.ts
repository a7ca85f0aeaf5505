/** What is up in this process: one release at most of each environment of a project, and who uses it. */
import type * as Ids from "@rdev/core/domain/Ids"
import type { EnvironmentName } from "@rdev/core/ports/infra/Deployer"
import { Effect, Exit, Fiber, Scope } from "effect"
import type { Reached } from "./Place.ts"
import type { Up } from "./ReleaseStart.ts"
import type { ReleaseRecord } from "./ReleaseRecords.ts"

/** How an attempt to bring it up came out: `again` when it was ended meanwhile, `elsewhere` when another process has its lock. */
export type Outcome =
  | { readonly kind: "up" | "again" | "elsewhere" }
  | { readonly kind: "failed"; readonly retryAfterMillis: number }

export interface Entry {
  readonly projectId: Ids.ProjectId
  readonly record: ReleaseRecord
  readonly scope: Scope.Closeable
  state: "starting" | "awake" | "ending"
  up: Up | null
  /** What brings it up. */
  fiber: Fiber.Fiber<unknown> | null
  /** Exchanges that are under way, and when the last one ended. */
  open: number
  lastMillis: number
  /** Requests that wait until it is up. */
  waiting: number
  readonly settled: PromiseWithResolvers<Outcome>
  readonly ended: PromiseWithResolvers<void>
}

export const entry = (
  projectId: Ids.ProjectId,
  record: ReleaseRecord,
  scope: Scope.Closeable,
  up: Up | null
): Entry => {
  const settled = Promise.withResolvers<Outcome>()
  if (up !== null) settled.resolve({ kind: "up" })
  return {
    projectId,
    record,
    scope,
    state: up === null ? "starting" : "awake",
    up,
    fiber: null,
    open: 0,
    lastMillis: Date.now(),
    waiting: 0,
    settled,
    ended: Promise.withResolvers<void>()
  }
}

/** A use of a service that is awake. */
export const use = (one: Entry, service: (Up & { readonly kind: "node" })["service"]): Reached => {
  let open = true
  one.open++
  return {
    kind: "open",
    connect: service.connect,
    done: () => {
      if (!open) return
      open = false
      one.open--
      one.lastMillis = Date.now()
    }
  }
}

/** What is superseded ends when nobody uses it any more, at the latest after this. */
const drainMillis = 5_000

export class Entries {
  private readonly all = new Map<string, Entry>()
  private readonly superseded = new Set<Entry>()
  /** Nothing more is brought up here. */
  closed = false

  private keyOf(projectId: string, environment: EnvironmentName): string {
    return `${projectId}/${environment}`
  }
  get(projectId: string, environment: EnvironmentName): Entry | undefined {
    return this.all.get(this.keyOf(projectId, environment))
  }
  list(): ReadonlyArray<Entry> {
    return [...this.all.values()]
  }
  /** In the place of the one before, which the caller ends. */
  set(one: Entry): Entry | undefined {
    const key = this.keyOf(one.projectId, one.record.environment)
    const before = this.all.get(key)
    this.all.set(key, one)
    return before
  }
  /** Out of the list, and no longer waited for. */
  forget(one: Entry, outcome: Outcome): void {
    const key = this.keyOf(one.projectId, one.record.environment)
    if (this.all.get(key) === one) this.all.delete(key)
    this.superseded.delete(one)
    one.settled.resolve(outcome)
    one.ended.resolve()
  }
  /** Ends what it runs; the same for everybody who asks for it at once. */
  end(one: Entry): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (one.state === "ending") return Effect.promise(() => one.ended.promise)
      one.state = "ending"
      return (one.fiber === null ? Effect.void : Fiber.interrupt(one.fiber)).pipe(
        Effect.andThen(Scope.close(one.scope, Exit.void)),
        Effect.ensuring(Effect.sync(() => this.forget(one, { kind: "again" }))),
        Effect.uninterruptible
      )
    })
  }
  /** Ends what another one has taken the place of, without cutting off who uses it; does not wait for that. */
  retire(one: Entry): Effect.Effect<void> {
    return Effect.suspend(() => {
      const key = this.keyOf(one.projectId, one.record.environment)
      if (this.all.get(key) === one) this.all.delete(key)
      this.superseded.add(one)
      const until = performance.now() + drainMillis
      const drained = Effect.gen(function* () {
        while (one.open > 0 && one.state === "awake" && performance.now() < until) yield* Effect.sleep(50)
      })
      return Effect.asVoid(Effect.forkDetach(Effect.andThen(drained, this.end(one)), { startImmediately: true }))
    })
  }
  readonly endAll: Effect.Effect<void> = Effect.suspend(() => {
    this.closed = true
    return Effect.forEach([...this.all.values(), ...this.superseded], (one) => this.end(one), {
      concurrency: "unbounded",
      discard: true
    })
  })
}
