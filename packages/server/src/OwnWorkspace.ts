/**
 * The project's own workspace: a checkout of the default branch from its first use on, and afterwards its users'. A mark, which is a
 * workspace of its own, stands from before it is made until its files are there: what a process that died left half-made is made anew.
 */
import type { Project } from "@rdev/core/domain/Project"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { type Workspace, WorkspaceError, WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import { Replicas } from "@rdev/core/ports/stores/Replicas"
import { checkout } from "@rdev/core/services/features/act/WorkspaceSync"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"

export const name = "main"
/** No feature is called so: their names begin with a letter or digit. */
export const markName = "-main"
/** In it, whose process makes the workspace. */
const whoFile = "replica"
/** Between two looks at a workspace that another process makes. */
const lookMillis = 250

/** `network`: of the workspace. */
export const make = Effect.fnUntraced(function* (network: "loopback" | "internet") {
  const host = yield* WorkspaceHost
  const git = yield* GitObjects
  const replicas = yield* Replicas
  const turns = new Map<string, Semaphore.Semaphore>()

  const fill = Effect.fnUntraced(
    function* (project: Project, workspace: Workspace) {
      const target = { projectId: project.id, name: project.name }
      const branch = BranchName.make(project.defaultBranch)
      const head = yield* git.head(target, branch)
      if (Option.isSome(head)) yield* checkout(target, workspace, branch, head.value)
    },
    Effect.provideService(GitObjects, git),
    Effect.provideService(WorkspaceHost, host)
  )
  /** Whether another process that lives makes it now. */
  const isMadeElsewhere = (mark: Workspace) =>
    host.readFile(mark, whoFile).pipe(
      Effect.map((bytes) => Buffer.from(bytes).toString("utf8")),
      // It died before it said who it is, or has just ended.
      Effect.catchIf(
        (error) => error.reason._tag === "NotFound",
        () => Effect.succeed("")
      ),
      Effect.flatMap((who) => (who === "" || who === replicas.self ? Effect.succeed(false) : replicas.alive(who)))
    )

  const own = Effect.fnUntraced(function* (project: Project) {
    const spec = { projectId: project.id, name, network }
    for (;;) {
      const all = (yield* host.list).filter(({ projectId }) => projectId === project.id)
      const mark = all.find((one) => one.name === markName)
      if (mark === undefined && all.some((one) => one.name === name)) return yield* host.ensure(spec)
      if (mark !== undefined && (yield* isMadeElsewhere(mark))) {
        yield* Effect.sleep(lookMillis)
        continue
      }
      const made = yield* host.ensure({ projectId: project.id, name: markName, network: "none" })
      yield* host.writeFile(made, whoFile, replicas.self)
      if (mark !== undefined) yield* host.destroy(project.id, name)
      const workspace = yield* host.ensure(spec)
      yield* fill(project, workspace)
      yield* host.destroy(project.id, markName)
      return workspace
    }
  })

  const other = Effect.fnUntraced(function* (project: Project, wanted: string) {
    const found = (yield* host.list).some((one) => one.projectId === project.id && one.name === wanted)
    if (found && wanted !== markName) return yield* host.ensure({ projectId: project.id, name: wanted, network })
    return yield* new WorkspaceError({
      operation: "Execs.start",
      reason: {
        _tag: "Invalid",
        field: "workspace",
        message: `${project.name} has no workspace ${wanted} now; a feature has one while it is worked on`
      }
    })
  })

  /** Ready for a command; one is made at a time. */
  return Effect.fn("OwnWorkspace.prepare")(function* (project: Project, wanted: string) {
    const key = `${project.id}/${wanted}`
    const turn = turns.get(key) ?? Semaphore.makeUnsafe(1)
    turns.set(key, turn)
    return yield* turn.withPermit(wanted === name ? own(project) : other(project, wanted))
  })
})
