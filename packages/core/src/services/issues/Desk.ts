/** What following one issue works with: the issue and its comments as the forge gives them now, and who may do what there. */
import { Effect } from "effect"
import { CurrentRequest } from "../../domain/Principal.ts"
import type { Project } from "../../domain/Project.ts"
import type { ForgeError, RepositoryTarget } from "../../ports/infra/Forge.ts"
import { type Comment, RepositoryHost } from "../../ports/infra/RepositoryHost.ts"
import type { ForgeIssues, Issue } from "../../ports/forge/ForgeIssues.ts"

/** A comment that is not ours, with its number. */
export interface Spoken extends Comment {
  readonly number: number
}
export interface Desk {
  readonly project: Project
  readonly target: RepositoryTarget
  /** As in `/hooks/<adapter>/…`. */
  readonly adapter: string
  readonly issues: ForgeIssues
  readonly issue: Issue
  /** Of people, oldest first. */
  readonly comments: ReadonlyArray<Spoken>
  /** Whether a login may write to the repository; asked once. */
  readonly mayWrite: (login: string) => Effect.Effect<boolean, ForgeError>
}

export const open = Effect.fn("Desk.open")(function* (
  project: Project,
  number: number,
  adapter: string,
  issues: ForgeIssues
) {
  const target = { projectId: project.id, name: project.name }
  const issue = yield* issues.issue(target, number)
  const said = yield* (yield* RepositoryHost).comments(target, number)
  const known = new Map<string, boolean>()
  const mayWrite = Effect.fnUntraced(function* (login: string) {
    const before = known.get(login)
    if (before !== undefined) return before
    const may = (yield* issues.permission(target, login)) === "write"
    known.set(login, may)
    return may
  })
  const comments = said
    .flatMap((one) => (one.key === null && /^\d{1,15}$/.test(one.id) ? [{ ...one, number: Number(one.id) }] : []))
    .sort((a, b) => a.number - b.number)
  return { project, target, adapter, issues, issue, comments, mayWrite } satisfies Desk
})

/** How somebody of the forge is called in events, audit and commits. */
export const nameOf = (adapter: string, login: string): string => `${adapter}:${login}`

/** In the name of somebody of the forge who may write to the repository, and for this project alone. */
export const as =
  ({ adapter, project }: Pick<Desk, "adapter" | "project">, login: string) =>
  <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(work, CurrentRequest, {
      principal: {
        id: nameOf(adapter, login),
        name: nameOf(adapter, login),
        type: "human",
        scopes: ["sdlc:read", "sdlc:write", "sdlc:approve"],
        projects: [project.id]
      },
      requestId: null,
      sourceAddress: null
    })
