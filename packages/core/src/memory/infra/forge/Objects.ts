/** `GitObjects` over repositories in memory. */
import { Option } from "effect"
import { Examined } from "../../../domain/Examined.ts"
import type { RepositoryTarget, Sha } from "../../../ports/infra/Forge.ts"
import { GitObjects, type LineCommit, isAsked, messageLength } from "../../../ports/infra/GitObjects.ts"
import { encodeBundle, takeBundle } from "./Bundle.ts"
import { prepare } from "./Handover.ts"
import {
  ancestors,
  cloneUrl,
  commit,
  commitOf,
  conflict,
  find as findIn,
  headOf,
  merged,
  mergeBase,
  mergeInto,
  notFound,
  refuse,
  type Repositories,
  run,
  tipOf,
  without
} from "./Model.ts"

const maxReadBytes = 64 * 1024 * 1024

export const make = (repositories: Repositories): GitObjects["Service"] => {
  const find = (target: RepositoryTarget) => findIn(repositories, target)
  return GitObjects.of({
    head: (target, branch) => run("GitObjects.head", () => Option.fromNullishOr(find(target).branches.get(branch))),
    branches: (target) =>
      run("GitObjects.branches", () =>
        [...find(target).branches].map(([name, sha]) => ({ name, sha })).sort((a, b) => (a.name < b.name ? -1 : 1))
      ),
    listTree: (target, sha) =>
      run("GitObjects.listTree", () =>
        [...commitOf(find(target), sha).tree]
          .map(([path, e]) => ({ path, mode: e.mode, oid: e.oid }))
          .sort((a, b) => (a.path < b.path ? -1 : 1))
      ),
    readFiles: (target, sha, under) =>
      run("GitObjects.readFiles", () => {
        const repo = find(target)
        const asked = isAsked(under)
        const files = new Map<string, Uint8Array>()
        let total = 0
        for (const [path, entry] of commitOf(repo, sha).tree) {
          const content = repo.blobs.get(entry.oid)
          if (!asked(path) || content === undefined) continue
          total += content.byteLength
          if (total > maxReadBytes)
            refuse({ _tag: "ResourceExhausted", message: "the files asked for are larger than 64 MiB" })
          files.set(path, content)
        }
        return files
      }),
    commit: (target, request) => run("GitObjects.commit", (now) => commit(find(target), request, now)),
    ensureBranch: (target, branch, at) =>
      run("GitObjects.ensureBranch", () => {
        const repo = find(target)
        commitOf(repo, at)
        const head = repo.branches.get(branch)
        if (head === undefined) repo.branches.set(branch, at)
        return head ?? at
      }),
    deleteBranch: (target, branch) =>
      run("GitObjects.deleteBranch", () => {
        const repo = find(target)
        if (branch === repo.defaultBranch)
          refuse({ _tag: "Invalid", field: "branch", message: `${branch} is the default branch and cannot be deleted` })
        repo.branches.delete(branch)
      }),
    compare: (target, base, head) =>
      run("GitObjects.compare", () => {
        const repo = find(target)
        const [b, h] = [tipOf(repo, base), tipOf(repo, head)]
        const [ofB, ofH] = [ancestors(repo, b), ancestors(repo, h)]
        return {
          ahead: without(ofH, ofB).length,
          behind: without(ofB, ofH).length,
          conflicts: merged(repo, b, h).conflicts,
          mergeBase: mergeBase(repo, b, h)
        }
      }),
    brings: (target, base, head) =>
      run("GitObjects.brings", () => {
        const repo = find(target)
        const [ours, theirs] = [tipOf(repo, base), tipOf(repo, head)]
        const { conflicts, tree } = merged(repo, ours, theirs)
        const before = commitOf(repo, ours).tree
        const changed = [...new Set([...before.keys(), ...tree.keys()])].filter((path) => {
          const [was, is] = [before.get(path), tree.get(path)]
          return was?.oid !== is?.oid || was?.mode !== is?.mode
        })
        return [...new Set([...changed, ...conflicts])].sort()
      }),
    line: (target, head, { limit, since }) =>
      run("GitObjects.line", () => {
        const repo = find(target)
        if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
          refuse({ _tag: "Invalid", field: "limit", message: "expected a whole number from 1 to 1000" })
        const known = since === null ? new Set<Sha>() : (commitOf(repo, since), ancestors(repo, since))
        const found: Array<LineCommit> = []
        for (
          let sha: Sha | undefined = head;
          sha !== undefined && !known.has(sha) && found.length < limit;
          sha = found.at(-1)?.parents[0]
        )
          found.push({
            sha,
            parents: commitOf(repo, sha).parents,
            message: commitOf(repo, sha).message.slice(0, messageLength).trimEnd()
          })
        return found
      }),
    updateBranch: (target, branch, base) =>
      run("GitObjects.updateBranch", (now) => {
        const repo = find(target)
        const [ours, theirs] = [headOf(repo, branch), headOf(repo, base)]
        if (ancestors(repo, ours).has(theirs)) return ours
        if (ancestors(repo, theirs).has(ours)) {
          repo.branches.set(branch, theirs)
          return theirs
        }
        return mergeInto(repo, branch, theirs, `Merge branch '${base}' into ${branch}`, now)
      }),
    exportBundle: (target, branch, since) =>
      run("GitObjects.exportBundle", () => {
        const repo = find(target)
        const head = headOf(repo, branch)
        const known = since !== null && repo.commits.has(since) ? ancestors(repo, since) : new Set<Sha>()
        const fresh = [...without(ancestors(repo, head), known)].reverse()
        if (fresh.length === 0) return new Uint8Array(0)
        const commits = fresh.map((sha) => commitOf(repo, sha))
        const oids = new Set(commits.flatMap((c) => [...c.tree.values()].map((e) => e.oid)))
        return encodeBundle(
          commits,
          head,
          [...oids].flatMap((oid) => repo.blobs.get(oid) ?? [])
        )
      }),
    importBundle: (target, bundle) => run("GitObjects.importBundle", () => takeBundle(find(target), bundle)),
    importHistory: (target, source) =>
      run("GitObjects.importHistory", () => {
        const repo = find(target)
        const there = repo.branches.get(source.defaultBranch)
        if (there !== undefined) return { head: there, branches: repo.branches.size, tags: 0, left: [] }
        const from = [...repositories.values()].find((one) => cloneUrl(one) === source.url)
        if (from === undefined) return notFound(`${source.url} is not in memory`)
        const head = from.branches.get(source.defaultBranch)
        if (head === undefined) return notFound(`${source.url} has no branch ${source.defaultBranch}`)
        for (const [oid, blob] of from.blobs) repo.blobs.set(oid, blob)
        for (const [sha, one] of from.commits) repo.commits.set(sha, one)
        for (const [name, sha] of from.branches) repo.branches.set(name, sha)
        return { head, branches: repo.branches.size, tags: 0, left: [] }
      }),
    prepareHandover: (target, head, handover) =>
      run("GitObjects.prepareHandover", (now) => prepare(find(target), head, handover, now)),
    advanceBranch: (target, branch, examined) =>
      run("GitObjects.advanceBranch", () => {
        const repo = find(target)
        const head = headOf(repo, branch)
        if (!Examined.is(examined)) refuse({ _tag: "Invalid", field: "examined", message: "the move was not examined" })
        commitOf(repo, examined.to)
        if (head !== examined.head) conflict(`branch ${branch} is at ${head}, not at the examined ${examined.head}`)
        if (!ancestors(repo, examined.to).has(head)) conflict(`${examined.to} does not descend from ${head}`)
        repo.branches.set(branch, examined.to)
      })
  })
}
