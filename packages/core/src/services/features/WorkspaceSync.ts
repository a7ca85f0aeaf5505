/**
 * Carries a branch into a workspace and the work back, as git bundles: the workspace needs no network and no credentials, and
 * the server never runs git in a folder that an agent can write to. All git commands run inside the workspace.
 */
import { Effect, Option } from "effect"
import { type BranchName, Forge, ForgeError, type RepositoryTarget, type Sha } from "../../ports/Forge.ts"
import { type Workspace, WorkspaceError, WorkspaceHost } from "../../ports/WorkspaceHost.ts"
import * as Processes from "../Processes.ts"

const inbox = ".git/rdev-in.bundle"
const outbox = ".git/rdev-out.bundle"

/** Identity of the commits that the platform makes in a workspace on the agent's behalf. */
export interface Author { readonly name: string; readonly email: string }
export const platformAuthor: Author = { name: "rdev", email: "rdev@localhost" }

const identity = (author: Author) => ({
  GIT_AUTHOR_NAME: author.name,
  GIT_AUTHOR_EMAIL: author.email,
  GIT_COMMITTER_NAME: author.name,
  GIT_COMMITTER_EMAIL: author.email,
  GIT_TERMINAL_PROMPT: "0"
})

const sh = (script: string, ...args: ReadonlyArray<string>) => ["sh", "-ceu", script, "sync", ...args]

// $1 branch, $2 commit. What an agent left in the repository's own settings ends with its run. Untracked files that git ignores (node_modules, build output) stay, so that the next run is warm.
const checkoutScript = `
rm -rf .git/config .git/hooks .git/info
git init -q -b "$1" .
git config core.fsync none
if [ -s ${inbox} ]; then git fetch -q ${inbox} "+refs/heads/$1:refs/remotes/origin/$1"; fi
rm -f ${inbox}
git checkout -q -f -B "$1" "$2"
git clean -fdq
`
// $1 base commit, $2 message. Prints the new head, or the base when nothing changed.
const collectScript = `
rm -f ${outbox}
git add -A
git diff --cached --quiet || git commit -q --no-verify -m "$2"
head=$(git rev-parse HEAD)
if [ "$head" != "$1" ]; then git bundle create -q ${outbox} "$1..HEAD" >/dev/null; fi
echo "$head"
`
// $1 branch, $2 upstream commit: brings in what others pushed meanwhile.
const mergeScript = `
git fetch -q ${inbox} "+refs/heads/$1:refs/remotes/origin/$1"
rm -f ${inbox}
git merge -q --no-edit "$2" || { git diff --name-only --diff-filter=U; git merge --abort; exit 9; }
`

// $1 branch: made known as origin/<branch>, so that it can be merged or compared with.
const fetchScript = `
git fetch -q ${inbox} "+refs/heads/$1:refs/remotes/origin/$1"
rm -f ${inbox}
`

/** Bytes of history that make the workspace's branch equal the forge's at `sha`. */
const send = Effect.fn("WorkspaceSync.send")(function*(target: RepositoryTarget, workspace: Workspace, branch: BranchName, since: Sha | null) {
  const forge = yield* Forge
  const host = yield* WorkspaceHost
  const bundle = yield* forge.exportBundle(target, branch, since)
  if (bundle.byteLength > 0) yield* host.writeFile(workspace, inbox, bundle)
})

const currentHead = Effect.fn("WorkspaceSync.currentHead")(function*(workspace: Workspace) {
  const host = yield* WorkspaceHost
  const found = yield* Processes.run(host, workspace, { argv: ["git", "rev-parse", "--verify", "-q", "HEAD"] })
  return found.exit.code === 0 ? found.stdout.trim() : null
})

/** Makes the workspace a clean checkout of the branch at `sha`; work that was not handed back is dropped. */
export const checkout = Effect.fn("WorkspaceSync.checkout")(function*(target: RepositoryTarget, workspace: Workspace, branch: BranchName, sha: Sha) {
  const host = yield* WorkspaceHost
  const have = yield* currentHead(workspace)
  if (have !== sha) yield* send(target, workspace, branch, have)
  yield* Processes.expect(host, workspace, { argv: sh(checkoutScript, branch, sha), env: identity(platformAuthor) })
})

/** Makes another branch of the repository known in the workspace as `origin/<branch>`. */
export const fetch = Effect.fn("WorkspaceSync.fetch")(function*(target: RepositoryTarget, workspace: Workspace, branch: BranchName) {
  const host = yield* WorkspaceHost
  yield* send(target, workspace, branch, null)
  yield* Processes.expect(host, workspace, { argv: sh(fetchScript, branch), env: identity(platformAuthor) })
})

export interface Handover {
  readonly base: Sha
  /** The commit that carries the work, taken in by the forge but on no branch yet; equals `base` when nothing changed. */
  readonly head: Sha
}

/** Commits what lies in the workspace and gives it to the forge for examination. Invalid when what lies there is no repository any more. */
export const collect = Effect.fn("WorkspaceSync.collect")(function*(
  target: RepositoryTarget,
  workspace: Workspace,
  base: Sha,
  message: string,
  author: Author
) {
  const forge = yield* Forge
  const host = yield* WorkspaceHost
  const made = yield* Processes.run(host, workspace, { argv: sh(collectScript, base, message), env: identity(author) })
  const { code, reason, signal } = made.exit
  if (code !== 0) {
    const problem = `the work cannot be taken out of the workspace's repository (${code === null ? signal ?? reason : `exit code ${code}`}): ${made.stderr.trim().split("\n").slice(-3).join("; ")}`
    return yield* new WorkspaceError({ operation: "WorkspaceSync.collect", reason: code === null ? { _tag: "Unknown", message: problem } : { _tag: "Invalid", field: "workspace", message: problem } })
  }
  const head = made.stdout.trim().split("\n").at(-1) ?? ""
  if (head === base) return { base, head } satisfies Handover
  const bundle = yield* host.readFile(workspace, outbox)
  const imported = yield* forge.importBundle(target, bundle)
  if (imported !== head) {
    return yield* new ForgeError({ operation: "Forge.importBundle", reason: { _tag: "Invalid", field: "bundle", message: `it carries ${imported}, the workspace said ${head}` } })
  }
  return { base, head } satisfies Handover
})

const maxRaces = 5

/**
 * Moves the branch to the collected work. When somebody else moved it first (an approval, a push), their commits are merged into
 * the workspace and the result is handed over again; a real conflict answers Conflict with the paths.
 */
export const land = Effect.fn("WorkspaceSync.land")(function*(
  target: RepositoryTarget,
  workspace: Workspace,
  branch: BranchName,
  handover: Handover,
  message: string,
  author: Author
) {
  const forge = yield* Forge
  const host = yield* WorkspaceHost
  let current = handover
  for (let race = 0; race < maxRaces; race++) {
    const head = yield* forge.head(target, branch)
    if (Option.isNone(head)) return yield* new ForgeError({ operation: "Forge.advanceBranch", reason: { _tag: "NotFound", message: `branch ${branch} is gone` } })
    if (head.value === current.base) {
      if (current.head === current.base) return current.head
      const moved = yield* forge.advanceBranch(target, branch, current.base, current.head).pipe(
        Effect.as(true),
        Effect.catchIf((error) => error.reason._tag === "Conflict", () => Effect.succeed(false))
      )
      if (moved) return current.head
      continue
    }
    yield* send(target, workspace, branch, current.base)
    const merged = yield* Processes.run(host, workspace, { argv: sh(mergeScript, branch, head.value), env: identity(platformAuthor) })
    if (merged.exit.code !== 0) {
      return yield* new ForgeError({
        operation: "WorkspaceSync.land",
        reason: { _tag: "Conflict", message: `the work conflicts with what was pushed to ${branch} meanwhile: ${merged.stdout.trim() || merged.stderr.trim()}` }
      })
    }
    current = yield* collect(target, workspace, head.value, message, author)
  }
  return yield* new ForgeError({ operation: "WorkspaceSync.land", reason: { _tag: "Conflict", message: `branch ${branch} moved ${maxRaces} times while the work was handed over` } })
})
