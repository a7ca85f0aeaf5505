/**
 * Reads commits of the forge, each once: what a commit holds never changes, so that asking for the next decision costs no git
 * process while nothing moved. Keeps the latest 256 answers of each sort.
 */
import type { Policy } from "@rdev/sdlc/model/Policy"
import { standardPolicy } from "@rdev/sdlc/model/Presets"
import { codeTreeDigest } from "@rdev/sdlc/repo/CodeTree"
import * as Patch from "@rdev/sdlc/repo/Patch"
import * as Repo from "@rdev/sdlc/repo/Repo"
import { Cache, Context, Effect, Layer } from "effect"
import type { ForgeError, BranchName, RepositoryTarget, Sha } from "../../../ports/infra/Forge.ts"
import * as KnownPulls from "./KnownPulls.ts"
import { type Comparison, GitObjects, type LineCommit, type TreeEntry } from "../../../ports/infra/GitObjects.ts"

const capacity = 256

export interface Commit {
  readonly entries: ReadonlyArray<TreeEntry>
  /** Digest of the code: the tree without `.sdlc/`. */
  readonly tree: string
  /** The code by path. */
  readonly code: Patch.Tree
}

interface At {
  readonly target: RepositoryTarget
  readonly sha: Sha
}
/** The policy by its digest: what differs in it differs there. */
interface FeatureAt extends At {
  readonly slug: string
  readonly policyRev: string
}
interface LineOf extends At {
  readonly since: Sha | null
  readonly limit: number
}
interface Tip {
  readonly branch: BranchName
  readonly sha: Sha
}
/** A merge by what its answer depends on: the commit it is made into, and the code of the other since they parted. */
interface Merge extends At {
  readonly mergeBase: Sha
  readonly code: string
}
interface Pair {
  readonly target: RepositoryTarget
  readonly base: Tip
  readonly head: Tip
}

const digestOf = (entries: ReadonlyArray<TreeEntry>) =>
  codeTreeDigest(
    entries
      .map((entry) => `${entry.mode} ${entry.mode === "160000" ? "commit" : "blob"} ${entry.oid}\t${entry.path}\0`)
      .join("")
  )

/** A cache whose keys are compared by value and which keeps no failure. */
const remember = <K, A, E, R>(lookup: (key: K) => Effect.Effect<A, E, R>) =>
  Effect.map(
    Cache.make({ capacity, lookup }),
    (cache) => (key: K) => Effect.tapError(Cache.get(cache, key), () => Cache.invalidate(cache, key))
  )

export class RepositoryReader extends Context.Service<
  RepositoryReader,
  {
    /** Files under `.sdlc/` at a commit. */
    state(target: RepositoryTarget, sha: Sha): Effect.Effect<ReadonlyMap<string, Uint8Array>, ForgeError>
    commit(target: RepositoryTarget, sha: Sha): Effect.Effect<Commit, ForgeError>
    /** A feature's files at a commit, held to the policy in force: never to the one that the commit brings. */
    feature(
      target: RepositoryTarget,
      sha: Sha,
      slug: string,
      held: { readonly policy: Policy; readonly rev: string }
    ): Effect.Effect<Repo.Loaded, ForgeError>
    /** Relation of two branches whose heads are known. */
    compare(target: RepositoryTarget, base: Tip, head: Tip): Effect.Effect<Comparison, ForgeError>
    /** See `GitObjects.line`. */
    line(
      target: RepositoryTarget,
      head: Sha,
      options: { readonly since: Sha | null; readonly limit: number }
    ): Effect.Effect<ReadonlyArray<LineCommit>, ForgeError>
    /** A pull request as far as our own pushes do not change it, by what the forge said last (see ForgeNews). */
    pull(target: RepositoryTarget, number: number): Effect.Effect<KnownPulls.Pull, ForgeError>
    /** Paths of the code that a merge of head into a commit would change. Records that head gets besides cost no other merge. */
    brings(
      target: RepositoryTarget,
      into: Sha,
      head: Sha,
      mergeBase: Sha
    ): Effect.Effect<ReadonlyArray<string>, ForgeError>
  }
>()("rdev/services/RepositoryReader") {
  static readonly layer = Layer.effect(
    RepositoryReader,
    Effect.gen(function* () {
      const git = yield* GitObjects
      const pull = yield* KnownPulls.make
      const state = yield* remember((at: At) => git.readFiles(at.target, at.sha, ".sdlc"))
      const policies = new Map<string, Policy>()
      const feature = yield* remember((at: FeatureAt) =>
        Effect.map(state({ target: at.target, sha: at.sha }), (files) =>
          Repo.load(files, at.slug, { policy: policies.get(at.policyRev) ?? standardPolicy })
        )
      )
      const commit = yield* remember((at: At) =>
        Effect.map(git.listTree(at.target, at.sha), (entries): Commit => ({
          entries,
          tree: digestOf(entries),
          code: Patch.treeOf(entries)
        }))
      )
      const compare = yield* remember((pair: Pair) => git.compare(pair.target, pair.base.sha, pair.head.sha))
      const line = yield* remember(({ limit, sha, since, target }: LineOf) => git.line(target, sha, { since, limit }))
      const heads = new Map<string, Sha>()
      const brings = yield* remember((merge: Merge) =>
        Effect.suspend(() => {
          const head = heads.get(merge.code)
          if (head === undefined) return Effect.die(new Error(`no commit is known that has the code ${merge.code}`))
          return Effect.map(git.brings(merge.target, merge.sha, head), (paths): ReadonlyArray<string> =>
            paths.filter((path) => !path.startsWith(".sdlc/"))
          )
        })
      )
      return RepositoryReader.of({
        pull,
        state: (target, sha) => state({ target, sha }),
        feature: (target, sha, slug, { policy, rev }) =>
          Effect.suspend(() => {
            if (policies.size >= capacity) policies.clear()
            policies.set(rev, policy)
            return feature({ target, sha, slug, policyRev: rev })
          }),
        commit: (target, sha) => commit({ target, sha }),
        compare: (target, base, head) => compare({ target, base, head }),
        line: (target, sha, { limit, since }) => line({ target, sha, since, limit }),
        brings: (target, into, head, mergeBase) =>
          Effect.flatMap(commit({ target, sha: head }), ({ tree }) =>
            Effect.suspend(() => {
              const code = `${target.projectId} ${tree}`
              heads.delete(code)
              heads.set(code, head)
              for (const oldest of heads.keys()) if (heads.size > capacity) heads.delete(oldest)
              return brings({ target, sha: into, mergeBase, code })
            })
          )
      })
    })
  )
}
