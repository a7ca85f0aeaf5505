/**
 * The isolation that this machine offers, found by really starting a command in it: Linux namespaces as root, bubblewrap,
 * namespaces by user namespaces, `sandbox-exec`; nothing at all only with `unsafeHost`. A failed search says what is missing.
 */
import * as NewId from "@rdev/core/ids/NewId"
import type { ExitStatus, OutputChunk } from "@rdev/core/ports/infra/WorkspaceHost"
import { Context, Effect, Layer, type Scope, Stream } from "effect"
import { lstat, rm } from "node:fs/promises"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import * as Disk from "./Disk.ts"
import { attempt, fail, fromUnknown, type LocalFailure } from "../LocalFailure.ts"
import { Budgets, defaultBudget, missingOf, type Walls } from "./SandboxBudget.ts"
import { find, instanceFolder, type Options, type Run } from "./SandboxFind.ts"
import type { Folders, SandboxRequest } from "./SandboxTypes.ts"
import type { Budget } from "./SandboxWatch.ts"

export { defaultLimits, type Isolation, type Options, type Run } from "./SandboxFind.ts"
export type { Walls } from "./SandboxBudget.ts"
export type { Budget } from "./SandboxWatch.ts"

export interface Running {
  readonly output: Stream.Stream<OutputChunk, LocalFailure>
  readonly exit: Effect.Effect<ExitStatus>
  readonly kill: Effect.Effect<void>
}
export class Sandbox extends Context.Service<
  Sandbox,
  {
    readonly isolation: string
    readonly networks: ReadonlyArray<SandboxRequest["network"]>
    /** What else was tried before this one was found, and why it did not work. */
    readonly rejected: ReadonlyArray<string>
    inside(folders: Folders): { readonly workDir: string; readonly home: string; readonly path: string }
    /** Makes a folder (and its parents) that commands may write to. */
    ownFolder(path: string): Effect.Effect<void, LocalFailure>
    /** Gives everything in a folder to the commands' user. Symbolic links are changed themselves, never followed. */
    ownTree(path: string): Effect.Effect<void, LocalFailure>
    /** The same for a folder that an earlier process may have made under another isolation; nothing when its owner is right or it is not there. */
    adoptTree(path: string): Effect.Effect<void, LocalFailure>
    readonly owner: { readonly uid: number; readonly gid: number } | null
    start(run: Run): Effect.Effect<Running, LocalFailure, Scope.Scope>
    /** What one account may use. */
    readonly budget: Budget
    /** How the walls are made here. */
    readonly walls: Walls
    /** Names of walls that this machine does not let stand; what each is and how to get it is told by Walls.look. */
    readonly missing: ReadonlyArray<string>
    /** What the disk of the data folder has left. */
    readonly room: Effect.Effect<Disk.Room, LocalFailure>
    /** Fails with ResourceExhausted when the disk is at its reserve: asked before files of a project are written. */
    readonly mayWrite: Effect.Effect<void, LocalFailure>
  }
>()("rdev/adapter-local/Sandbox") {}

const uidOf = (path: string): Promise<number | null> =>
  lstat(path).then(
    (found) => found.uid,
    (cause: unknown) => {
      if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null
      throw cause
    }
  )

export const make = Effect.fn("Sandbox.make")(function* (options: Options) {
  // `unsafeHost` is a permission to go without, not a wish to: a working sandbox is used all the same.
  const folder = yield* Effect.acquireRelease(
    attempt(async () => instanceFolder(options.dataDir)),
    (path) => Effect.ignore(attempt(() => rm(path, { recursive: true, force: true })))
  )
  const { backend, rejected } = yield* attempt(() => find(options, folder))
  const { owner } = backend
  const budget = { ...defaultBudget(), ...options.budget }
  const budgets = yield* Effect.acquireRelease(
    attempt(async () => new Budgets(options.dataDir, backend, budget, options.controlGroups)),
    (made) => Effect.sync(() => made.close())
  )
  const isRoot = process.getuid?.() === 0
  const target = owner ?? (isRoot ? { uid: 0, gid: 0 } : null)
  const ownTree = (path: string) =>
    attempt(() => (target === null ? Promise.resolve() : ConfinedTree.chown(path, target.uid, target.gid)))
  return Sandbox.of({
    isolation: backend.isolation,
    networks: backend.networks,
    rejected,
    owner,
    budget,
    walls: budgets.walls(),
    missing: missingOf(backend.isolation, budgets.walls()),
    room: attempt(() => budgets.room()),
    mayWrite: Effect.flatMap(
      attempt(() => budgets.room()),
      (room) =>
        Disk.mayWrite(room)
          ? Effect.void
          : Effect.fail(
              fail({ _tag: "ResourceExhausted", message: `the disk of this installation is ${Disk.describe(room)}` })
            )
    ),
    inside: (folders) => backend.inside(folders),
    ownFolder: (path) => attempt(async () => ConfinedTree.own(path, owner)),
    ownTree,
    adoptTree: (path) =>
      Effect.flatMap(
        attempt(() => uidOf(path)),
        (uid) => (uid === null || target === null || uid === target.uid ? Effect.void : ownTree(path))
      ),
    start: Effect.fn("Sandbox.start")(function* (run: Run) {
      const id = yield* NewId.ulid
      const acquired = yield* Effect.acquireRelease(
        attempt(() => budgets.start(run, id)),
        (started) => Effect.promise(() => started.terminate("killed"))
      )
      return {
        output: Stream.fromAsyncIterable(acquired.output, fromUnknown),
        exit: Effect.promise(() => acquired.exit),
        kill: Effect.promise(() => acquired.terminate("killed"))
      } satisfies Running
    })
  })
})

export const layer = (options: Options): Layer.Layer<Sandbox, LocalFailure> => Layer.effect(Sandbox, make(options))
