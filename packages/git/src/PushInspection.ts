/**
 * Looks at the objects of a push in quarantine and holds them to the rules (core's PushRules): the trees before and after, where
 * the branch left the default branch, and the content of new records. What needs no look costs none: tags, and branches that only
 * bring code beside an unchanged `.sdlc`.
 */
import type { Principal } from "@rdev/core/domain/Principal"
import * as PushRules from "@rdev/core/services/pushes/PushRules"
import * as RefNames from "@rdev/core/services/pushes/RefNames"
import * as Layout from "@rdev/sdlc/repo/Layout"
import * as Repo from "@rdev/sdlc/repo/Repo"
import { Effect } from "effect"
import type { Git } from "./Git.ts"
import * as GitRefs from "./GitRefs.ts"
import type { GitRepository } from "./GitRepository.ts"
import type { GitError } from "./GitError.ts"

/** Branches that one push may change: each is looked at. */
export const maxBranches = 200
const heads = "refs/heads/"

/** Refs that a push wants to move, and how git sees its objects before it has. */
export interface Question {
  readonly commands: ReadonlyArray<RefNames.RefCommand>
  /** Environment with which git sees the objects in quarantine; empty when they have landed. */
  readonly env: Readonly<Record<string, string>>
}

interface Push {
  readonly git: Git
  readonly repository: GitRepository
  readonly env: Question["env"]
}

const stateTree = ({ env, git, repository }: Push, sha: string): Effect.Effect<PushRules.StateTree, GitError> =>
  Effect.gen(function* () {
    const run = (...args: ReadonlyArray<string>) => git.run(repository.directory, args, { env })
    // The names at the top first: on some file systems `.SDLC` is `.sdlc`.
    const top = (yield* run("ls-tree", "-z", "--name-only", "--full-tree", sha)).stdout.toString("utf8").split("\0")
    const state = top.filter((name) => RefNames.folded(name.replace(/\p{C}/gu, "")).startsWith(".sdlc"))
    if (state.length === 0) return new Map()
    const listed = (yield* run(
      "--literal-pathspecs",
      "ls-tree",
      "-r",
      "-z",
      "--full-tree",
      sha,
      "--",
      ...state
    )).stdout.toString("utf8")
    return new Map(
      listed.split("\0").flatMap((row) => {
        const tab = row.indexOf("\t")
        const [mode = "", , oid = ""] = row.slice(0, tab).split(" ")
        return tab === -1 ? [] : [[row.slice(tab + 1), `${mode} ${oid}`] as const]
      })
    )
  })

const maybe = <A>(
  sha: string | null,
  look: (sha: string) => Effect.Effect<A, GitError>
): Effect.Effect<A | null, GitError> => (sha === null ? Effect.succeed(null) : look(sha))

const isCommit = (push: Push, sha: string) =>
  Effect.map(
    push.git.text(push.repository.directory, ["cat-file", "-t", sha], { env: push.env }),
    (type) => type === "commit"
  )

/** Bytes of a blob; the path's entry names it. */
const blob = (push: Push, entry: string) =>
  Effect.map(
    push.git.run(push.repository.directory, ["cat-file", "blob", entry.slice(entry.indexOf(" ") + 1)], {
      env: push.env
    }),
    ({ stdout }) => new Uint8Array(stdout)
  )

const keyringOf = Effect.fnUntraced(function* (push: Push, main: PushRules.StateTree | null) {
  const entry = main?.get(Layout.policyPath)
  if (entry === undefined) return []
  return Repo.loadPolicy(new Map([[Layout.policyPath, yield* blob(push, entry)]])).policy.keyring
})

const inspectBranch = Effect.fn("PushInspection.branch")(function* (
  push: Push,
  command: RefNames.RefCommand,
  mainSha: string | null,
  pusher: Principal
) {
  const { env, git, repository } = push
  const { next, old } = command
  const branch = command.ref.slice(heads.length)
  if (next !== null && !(yield* isCommit(push, next))) return [`${branch}: a branch names a commit`]
  const ancestor = (a: string, b: string) =>
    Effect.map(
      git.run(repository.directory, ["merge-base", "--is-ancestor", a, b], { accept: [0, 1], env }),
      ({ code }) => code === 0
    )
  const forks =
    next === null || mainSha === null
      ? []
      : (yield* git.run(repository.directory, ["merge-base", "--all", mainSha, next], { accept: [0, 1], env })).stdout
          .toString("utf8")
          .split("\n")
          .filter(GitRefs.isSha)
  const tree = (sha: string) => stateTree(push, sha)
  const seen = {
    branch,
    isDefault: branch === repository.defaultBranch,
    forward: old === null || (next !== null && (yield* ancestor(old, next))),
    old: yield* maybe(old, tree),
    next: yield* maybe(next, tree),
    main: yield* maybe(mainSha, tree),
    forks: yield* Effect.forEach(forks, tree)
  }
  const features = new Map<string, PushRules.StateTree>()
  for (const slug of PushRules.slugsOf(seen)) {
    const tip = Layout.slugPattern.test(slug) ? yield* GitRefs.head(repository, `feature/${slug}`) : null
    if (tip !== null) features.set(slug, yield* tree(tip))
  }
  const { problems, records } = PushRules.judge({ ...seen, features }, pusher)
  if (problems.length > 0 || records.length === 0) return problems
  const keyring = yield* keyringOf(push, seen.main)
  const found = yield* Effect.forEach(records, (record) =>
    Effect.map(blob(push, seen.next?.get(record.path) ?? ""), (content) =>
      PushRules.recordProblem(record, content, pusher, keyring)
    )
  )
  return found.filter((problem) => problem !== null)
})

/** Everything that is wrong with a push; empty = it may land as a whole. */
export const inspect = Effect.fn("PushInspection.inspect")(function* (
  git: Git,
  repository: GitRepository,
  { commands, env }: Question,
  pusher: Principal
) {
  const existing = (yield* git.text(repository.directory, [
    "for-each-ref",
    "--format=%(refname)",
    "refs/heads/",
    "refs/tags/"
  ])).split("\n")
  const names = RefNames.problems(commands, existing)
  if (names.length > 0) return names
  const branches = commands.filter(({ ref }) => ref.startsWith(heads))
  if (branches.length > maxBranches)
    return [`this push changes ${branches.length} branches; at most ${maxBranches} at once`]
  const mainSha = yield* GitRefs.head(repository, repository.defaultBranch)
  const push = { git, repository, env }
  return (yield* Effect.forEach(branches, (command) => inspectBranch(push, command, mainSha, pusher))).flat()
})
