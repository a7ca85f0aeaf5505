/** The refs of the local git, read together: one process instead of one for each name. */
import { read } from "./GitRead.ts"

interface Ref {
  readonly sha: string
  /** The ref that it stands for, such as `refs/remotes/origin/main` of `refs/remotes/origin/HEAD`. */
  readonly target: string | null
}

/** Branches, tags and what was fetched, by their full names. No object is looked at: a hundred thousand take a tenth of a second. */
export const refs = (root: string): ReadonlyMap<string, Ref> =>
  new Map(
    (
      read(
        root,
        "for-each-ref",
        "--format=%(refname)%00%(objectname)%00%(symref)",
        "refs/heads",
        "refs/remotes",
        "refs/tags"
      ) ?? ""
    )
      .split("\n")
      .flatMap((line) => {
        const [name = "", sha = "", target = ""] = line.split("\0")
        return sha === "" ? [] : [[name, { sha, target: target === "" ? null : target }]]
      })
  )

/** The branch that a remote calls its first, such as `origin/main`, even when it was not fetched. */
export const remoteDefault = (root: string): string | null => {
  const known = refs(root)
  const target = known.get("refs/remotes/origin/HEAD")?.target
  if (target !== undefined && target !== null) return target.replace(/^refs\/remotes\//, "")
  return [...known.keys()].some((name) => name.startsWith("refs/remotes/origin/"))
    ? read(root, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    : null
}

/** What was fetched of a branch, by full names. */
export const named = (root: string, branch: string): ReadonlyArray<string> =>
  [...refs(root).keys()].filter(
    (name) => name.startsWith("refs/remotes/") && name.replace(/^refs\/remotes\/[^/]+\//, "") === branch
  )

/** Names that git takes for something else before it looks for a ref: `HEAD`, `MERGE_HEAD`, a whole commit id. */
const ofGit = /^(?:[A-Z_]+|[0-9a-f]{40}|[0-9a-f]{64})$/
/** A branch's name means a tag first; what is neither may still be an expression, such as a shortened commit id. */
const places = ["refs/tags/", "refs/heads/", "refs/remotes/"]

const asked = (root: string, revision: string): string | null =>
  read(root, "rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`)

/** Commit id of a revision, or `null`. A leading dash is never passed on. */
export const commit = (root: string, revision: string): string | null => {
  if (revision.startsWith("-")) return null
  if (ofGit.test(revision)) return asked(root, revision)
  const known = refs(root)
  const full = revision.startsWith("refs/")
    ? revision
    : places.map((place) => place + revision).find((name) => known.has(name))
  // Only a branch is surely a commit; a tag may be an object that stands for one.
  if (full !== undefined && /^refs\/(?:heads|remotes)\//.test(full)) {
    const found = known.get(full)
    if (found !== undefined) return found.sha
    if (/^[\w./-]+$/.test(full)) return null
  }
  return asked(root, revision)
}
