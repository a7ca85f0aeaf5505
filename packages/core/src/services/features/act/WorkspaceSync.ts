/**
 * Carries a branch into a workspace and the work back, as git bundles: the workspace needs no network and no credentials, and
 * the server never runs git in a folder that an agent can write to. Every checkout makes a fresh repository, every hand-over takes
 * the files alone, and what lands is made and examined where no agent reaches (`land`).
 */
import { Effect, Option } from "effect"
import { lastLines } from "../../../domain/LineText.ts"
import { Examined, type Move } from "../../../domain/Examined.ts"
import * as NewId from "../../../ids/NewId.ts"
import { type BranchName, ForgeError, type RepositoryTarget, type Sha } from "../../../ports/infra/Forge.ts"
import { GitObjects, type Handover, type Prepared } from "../../../ports/infra/GitObjects.ts"
import { type Workspace, WorkspaceError, WorkspaceHost } from "../../../ports/infra/WorkspaceHost.ts"
import * as Processes from "../../Processes.ts"
import * as Scripts from "./WorkspaceScripts.ts"

/** Identity of commits made in the agent's name. */
export interface Author {
  readonly name: string
  readonly email: string
}
export const platformAuthor: Author = { name: "rdev", email: "rdev@localhost" }

/** Another branch, as it is known in the workspace as `origin/<branch>`. */
export interface Upstream {
  readonly branch: BranchName
  readonly sha: Sha
}

/** Far above what git needs for 256 MiB; a pipe that somebody left in the place of a file must not hold a worker for ever. */
const timeoutMillis = 10 * 60_000

/** Writes a bundle of the branch into the work tree and answers with its name; "" when `since` reaches everything. */
const send = Effect.fn("WorkspaceSync.send")(function* (
  target: RepositoryTarget,
  workspace: Workspace,
  branch: BranchName,
  since: Sha | null
) {
  const git = yield* GitObjects
  const host = yield* WorkspaceHost
  const bundle = yield* git.exportBundle(target, branch, since)
  if (bundle.byteLength === 0) return ""
  const name = `${Scripts.inboxPrefix}${yield* NewId.ulid}`
  yield* host.writeFile(workspace, name, bundle)
  return name
})

/**
 * Makes the workspace a clean checkout of the branch at `sha`; work that was not handed back is dropped, and so is everything
 * that lay in `.git`. `upstream` becomes known as `origin/<branch>`, so that it can be merged or compared with.
 */
export const checkout = Effect.fn("WorkspaceSync.checkout")(function* (
  target: RepositoryTarget,
  workspace: Workspace,
  branch: BranchName,
  sha: Sha,
  options: { readonly upstream?: Upstream; readonly author?: Author } = {}
) {
  const host = yield* WorkspaceHost
  const bundle = yield* send(target, workspace, branch, null)
  const { upstream } = options
  const other =
    upstream === undefined || upstream.branch === branch
      ? null
      : { ...upstream, bundle: yield* send(target, workspace, upstream.branch, sha) }
  const argv = Scripts.checkout(branch, sha, bundle, options.author ?? platformAuthor, other)
  yield* Processes.expect(host, workspace, { argv, env: Scripts.variables, timeoutMillis })
})

const identity = (author: Author) => ({
  GIT_AUTHOR_NAME: author.name,
  GIT_AUTHOR_EMAIL: author.email,
  GIT_COMMITTER_NAME: author.name,
  GIT_COMMITTER_EMAIL: author.email
})

export interface Work {
  readonly branch: BranchName
  /** Commit at which the work began. */
  readonly base: Sha
  /** The branch that the work may have merged, as it was at the checkout. */
  readonly upstream?: Upstream
  readonly message: string
  readonly author: Author
}

/**
 * Takes the files that lie in the workspace to the forge, on no branch yet; None when nothing changed. Where the repository that lies there
 * is of no use any more, they are taken on what the forge knows. Invalid when they cannot be committed at all.
 */
export const take = Effect.fn("WorkspaceSync.take")(function* (
  target: RepositoryTarget,
  workspace: Workspace,
  work: Work
) {
  const git = yield* GitObjects
  const host = yield* WorkspaceHost
  const upstream = work.upstream === undefined || work.upstream.branch === work.branch ? null : work.upstream
  const attempt = (again: { readonly bundle: string; readonly branch: string } | null) =>
    Processes.run(host, workspace, {
      argv: Scripts.take(work.base, upstream?.sha ?? null, work.message, again),
      env: { ...Scripts.variables, ...identity(work.author) },
      timeoutMillis
    })
  let made = yield* attempt(null)
  if (made.exit.code !== 0)
    made = yield* attempt({ bundle: yield* send(target, workspace, work.branch, null), branch: work.branch })
  const { code, reason, signal } = made.exit
  if (code !== 0) {
    const problem = `the work cannot be taken out of the workspace (${code === null ? (signal ?? reason) : `exit code ${code}`}): ${lastLines(made.stderr, 3).join("; ")}`
    return yield* new WorkspaceError({
      operation: "WorkspaceSync.take",
      reason:
        code === null && reason !== "timeout"
          ? { _tag: "Unknown", message: problem }
          : { _tag: "Invalid", field: "workspace", message: problem }
    })
  }
  const printed = lastLines(made.stdout, 1)[0] ?? ""
  if (printed === work.base) return Option.none<Handover>()
  const imported = yield* git.importBundle(target, yield* host.readFile(workspace, Scripts.outbox))
  return Option.some<Handover>({
    work: imported,
    base: work.base,
    upstream: upstream?.branch ?? null,
    message: work.message,
    author: work.author
  })
})

const maxRaces = 5

/**
 * The one way from a workspace to a branch. In each round the forge makes the commit that would bring the work onto the branch's head,
 * `examine` is asked about that very commit, and the branch moves to it if its head is still that one. When somebody else was
 * faster, the next round starts from their head. Conflict names the paths that cannot be merged; Refused what the examination found.
 */
export const land = Effect.fn("WorkspaceSync.land")(function* <E, R>(
  target: RepositoryTarget,
  branch: BranchName,
  handover: Handover,
  examine: (move: Move, prepared: Prepared) => Effect.Effect<ReadonlyArray<string>, E, R>
) {
  const git = yield* GitObjects
  for (let race = 0; race < maxRaces; race++) {
    const head = yield* git.head(target, branch)
    if (Option.isNone(head))
      return yield* new ForgeError({
        operation: "WorkspaceSync.land",
        reason: { _tag: "NotFound", message: `branch ${branch} is gone` }
      })
    const prepared = yield* git.prepareHandover(target, head.value, handover)
    if (prepared.sha === head.value) return prepared.sha
    const examined = yield* Examined.examine({ head: head.value, to: prepared.sha }, (move) => examine(move, prepared))
    const moved = yield* git.advanceBranch(target, branch, examined).pipe(
      Effect.as(true),
      Effect.catchIf(
        (error) => error.reason._tag === "Conflict",
        () => Effect.succeed(false)
      )
    )
    if (moved) return prepared.sha
  }
  return yield* new ForgeError({
    operation: "WorkspaceSync.land",
    reason: { _tag: "Conflict", message: `branch ${branch} moved ${maxRaces} times while the work was handed over` }
  })
})
