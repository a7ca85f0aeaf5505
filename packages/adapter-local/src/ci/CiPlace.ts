/** What the parts of the local CI work with. */
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import type { ProjectId } from "@rdev/core/domain/Ids"
import type { Sha } from "@rdev/core/ports/infra/Forge"
import type { Redactor } from "@rdev/core/redaction/Redactor"
import { type Deferred, Effect, type Fiber, type Scope, Semaphore } from "effect"
import { join } from "node:path"
import type { LocalFailure } from "../LocalFailure.ts"
import * as ProjectRedactor from "../output/ProjectRedactor.ts"
import * as FileLock from "../records/FileLock.ts"
import * as Sandbox from "../sandbox/Sandbox.ts"
import * as CiRecords from "./CiRecords.ts"

export interface RunOptions {
  readonly dataDir: string
  /** Runs at once; more wait their turn, of one project all but one. Default 3. */
  readonly concurrency?: number
  /** Network of the steps; default `loopback` where there is one, else `none`. */
  readonly network?: "none" | "loopback" | "internet"
  /** Limit of one step; default 30 minutes. */
  readonly stepTimeoutMillis?: number
}

export interface Request {
  readonly key: string
  readonly sha: Sha
  readonly branch: string
  readonly event: string
}
/** A run that this process executes, and who waits for news of it. */
export interface Active {
  readonly fiber: Deferred.Deferred<Fiber.Fiber<void>>
  readonly waiting: Set<() => void>
}

export interface Place {
  readonly dataDir: string
  readonly git: GitObjects["Service"]
  readonly sandbox: Sandbox.Sandbox["Service"]
  /** Runs live as long as it. */
  readonly scope: Scope.Scope
  readonly redactorOf: (projectId: ProjectId) => Effect.Effect<Redactor, LocalFailure>
  readonly network: "none" | "loopback" | "internet"
  readonly stepTimeoutMillis: number
  /** Checkouts of running ones. */
  readonly workRoot: string
  /** By the run's id. */
  readonly active: Map<string, Active>
  readonly withSlot: <A, E, R>(projectId: string, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** Its project's own slot first: who waits for that holds none of the others'. */
const places = (concurrency: number): Effect.Effect<Place["withSlot"]> =>
  Effect.map(Semaphore.make(concurrency), (slots) => {
    const ofProjects = new Map<string, Semaphore.Semaphore>()
    return (projectId, effect) => {
      const own = ofProjects.get(projectId) ?? Semaphore.makeUnsafe(Math.max(1, concurrency - 1))
      ofProjects.set(projectId, own)
      return own.withPermit(slots.withPermit(effect))
    }
  })

export const make = Effect.fnUntraced(function* (options: RunOptions) {
  const sandbox = yield* Sandbox.Sandbox
  return {
    dataDir: options.dataDir,
    git: yield* GitObjects,
    sandbox,
    scope: yield* Effect.scope,
    redactorOf: yield* ProjectRedactor.make,
    network: options.network ?? (sandbox.networks.includes("loopback") ? "loopback" : "none"),
    stepTimeoutMillis: options.stepTimeoutMillis ?? 30 * 60_000,
    workRoot: join(options.dataDir, "ci-work"),
    active: new Map(),
    withSlot: yield* places(options.concurrency ?? 3)
  } satisfies Place
})

/** Tells followers that there is something new. */
export const notify = ({ active }: Place, id: string): void => {
  for (const wake of active.get(id)?.waiting ?? []) wake()
}

export const isElsewhere = ({ active, dataDir }: Place, projectId: string, id: string): boolean =>
  !active.has(id) && FileLock.isHeld(CiRecords.lockOf(dataDir, projectId, id))

/** Between two looks at a run that another process executes, and at whether another process asks for a run's end. */
export const elsewhereMillis = 250
