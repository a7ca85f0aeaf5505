/** `RepositoryHost` over repositories in memory. */
import { Option, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import type { RepositoryTarget } from "../../../ports/infra/Forge.ts"
import {
  type Comment,
  type CommitStatus,
  type PullRequest,
  RepositoryHost
} from "../../../ports/infra/RepositoryHost.ts"
import * as ForgeSpeech from "../../../ports/infra/ForgeSpeech.ts"
import {
  ancestors,
  closeIssues,
  cloneUrl,
  commit,
  commitOf,
  conflict,
  find as findIn,
  headOf,
  mergeInto,
  nextNumber,
  notFound,
  platform,
  refuse,
  type Repositories,
  type Repository,
  run
} from "./Model.ts"

const view = (repo: Repository, created: boolean) => ({
  externalId: repo.name,
  cloneUrl: cloneUrl(repo),
  defaultBranch: repo.defaultBranch,
  created
})
const pullOf = (repo: Repository, number: number): PullRequest => {
  const pull = repo.pulls.get(number) ?? notFound(`pull request #${number} does not exist in ${repo.name}`)
  return pull.state === "merged" ? pull : { ...pull, headSha: repo.branches.get(pull.head) ?? pull.headSha }
}
const unsupported = (message: string) => refuse({ _tag: "Unsupported", message })

export const make = (repositories: Repositories): RepositoryHost["Service"] => {
  const tokens = new Map<string, Array<string>>()
  const find = (target: RepositoryTarget) => findIn(repositories, target)
  return RepositoryHost.of({
    ensure: (target, seed) =>
      run("RepositoryHost.ensure", (now) => {
        if (repositories.has(target.name)) return view(find(target), false)
        const repo: Repository = {
          projectId: target.projectId,
          name: target.name,
          defaultBranch: seed.defaultBranch,
          createdAtMillis: now,
          blobs: new Map(),
          commits: new Map(),
          branches: new Map(),
          pulls: new Map(),
          statuses: new Map(),
          comments: new Map(),
          issues: new Map(),
          labels: new Set(),
          people: new Map(),
          pullBodies: new Map()
        }
        const { defaultBranch, files, message } = seed
        if (files !== null)
          commit(repo, { branch: defaultBranch, expectedHead: null, changes: files, message, author: platform }, now)
        repositories.set(target.name, repo)
        return view(repo, true)
      }),
    adopt: (target) =>
      run("RepositoryHost.adopt", () => {
        find(target)
        return unsupported("a forge in memory holds nothing but what it made")
      }),
    release: (target) =>
      run("RepositoryHost.release", () => {
        find(target)
        return unsupported("a forge in memory adopts nothing, so there is nothing to release")
      }),
    observe: (target) =>
      run("RepositoryHost.observe", () =>
        repositories.has(target.name) ? Option.some(view(find(target), false)) : Option.none()
      ),
    remove: (target) =>
      run("RepositoryHost.remove", () => {
        if (!repositories.has(target.name)) return
        find(target)
        repositories.delete(target.name)
        tokens.delete(target.name)
      }),
    list: run("RepositoryHost.list", () =>
      [...repositories.values()].map((r) => ({
        projectId: r.projectId,
        externalId: r.name,
        createdAtMillis: r.createdAtMillis
      }))
    ),
    issueToken: (target, _access, ttlSeconds) =>
      run("RepositoryHost.issueToken", (now) => {
        find(target)
        if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1)
          refuse({ _tag: "Invalid", field: "ttlSeconds", message: "expected a whole number of seconds, at least 1" })
        const token = `mem_${randomBytes(24).toString("base64url")}`
        tokens.set(target.name, [...(tokens.get(target.name) ?? []), token])
        return { token: Redacted.make(token), username: "rdev", expiresAtMillis: now + ttlSeconds * 1000 }
      }),
    revokeTokens: (target) =>
      run("RepositoryHost.revokeTokens", () => {
        if (repositories.has(target.name)) {
          find(target)
          tokens.delete(target.name)
        }
      }),
    ensurePullRequest: (target, request) =>
      run("RepositoryHost.ensurePullRequest", () => {
        const repo = find(target)
        const headSha = headOf(repo, request.head)
        headOf(repo, request.base)
        for (const pull of repo.pulls.values()) {
          if (pull.state !== "open" || pull.head !== request.head || pull.base !== request.base) continue
          if (pull.draft === true && request.draft !== true) repo.pulls.set(pull.number, { ...pull, draft: false })
          return pullOf(repo, pull.number)
        }
        const number = nextNumber(repo)
        const pull: PullRequest = {
          number,
          title: request.title,
          state: "open",
          head: request.head,
          base: request.base,
          headSha,
          mergeSha: null,
          url: `memory://forge/${repo.name}/pulls/${number}`,
          draft: request.draft === true
        }
        repo.pulls.set(number, pull)
        repo.pullBodies.set(number, request.body)
        return pull
      }),
    pullRequest: (target, number) => run("RepositoryHost.pullRequest", () => pullOf(find(target), number)),
    setPullRequestState: (target, number, state) =>
      run("RepositoryHost.setPullRequestState", () => {
        const repo = find(target)
        const pull = pullOf(repo, number)
        if (pull.state === "merged") conflict(`pull request #${number} is merged`)
        const next = { ...pull, state }
        repo.pulls.set(number, next)
        return next
      }),
    mergePullRequest: (target, number, expectedHead) =>
      run("RepositoryHost.mergePullRequest", (now) => {
        const repo = find(target)
        const pull = pullOf(repo, number)
        if (pull.state === "merged") return pull.mergeSha ?? pull.headSha
        if (pull.state === "closed") conflict(`pull request #${number} is closed`)
        if (pull.draft === true) conflict(`pull request #${number} is a draft`)
        if (pull.headSha !== expectedHead)
          conflict(`pull request #${number} is at ${pull.headSha}, not at the expected ${expectedHead}`)
        const base = headOf(repo, pull.base)
        const mergeSha = ancestors(repo, base).has(expectedHead)
          ? base
          : mergeInto(repo, pull.base, expectedHead, `Merge pull request #${number}: ${pull.title}`, now)
        repo.pulls.set(number, { ...pull, state: "merged", mergeSha })
        closeIssues(repo, repo.pullBodies.get(number) ?? "")
        return mergeSha
      }),
    setStatus: (target, sha, status) =>
      run("RepositoryHost.setStatus", () => {
        const repo = find(target)
        commitOf(repo, sha)
        const problem = ForgeSpeech.statusProblem(status)
        if (problem !== null) refuse({ _tag: "Invalid", ...problem })
        const said = repo.statuses.get(sha) ?? new Map<string, CommitStatus>()
        repo.statuses.set(
          sha,
          said.set(status.context, { ...status, description: ForgeSpeech.line(status.description) })
        )
      }),
    statuses: (target, sha) =>
      run("RepositoryHost.statuses", () => {
        const repo = find(target)
        commitOf(repo, sha)
        return [...(repo.statuses.get(sha)?.values() ?? [])].sort((a, b) => (a.context < b.context ? -1 : 1))
      }),
    ensureComment: (target, number, { body, key }) =>
      run("RepositoryHost.ensureComment", (now) => {
        const repo = find(target)
        if (!repo.issues.has(number)) pullOf(repo, number)
        const problem = ForgeSpeech.commentProblem({ key, body })
        if (problem !== null) refuse({ _tag: "Invalid", ...problem })
        const all = repo.comments.get(number) ?? []
        const there = all.find((one) => one.key === key)
        const comment: Comment = {
          id: there?.id ?? String(all.length + 1),
          author: platform.name,
          body: body.trimEnd(),
          key,
          createdAtMillis: there?.createdAtMillis ?? now
        }
        repo.comments.set(
          number,
          there === undefined ? [...all, comment] : all.map((one) => (one === there ? comment : one))
        )
        return comment
      }),
    comments: (target, number) =>
      run("RepositoryHost.comments", () => {
        const repo = find(target)
        if (!repo.issues.has(number)) pullOf(repo, number)
        return repo.comments.get(number) ?? []
      }),
    ensureWebhook: (target) =>
      run("RepositoryHost.ensureWebhook", () => {
        find(target)
        return unsupported("a forge in memory posts nothing")
      }),
    removeWebhook: (target) => run("RepositoryHost.removeWebhook", () => void find(target)),
    webhooks: (target) =>
      run("RepositoryHost.webhooks", () => {
        find(target)
        return []
      }),
    protect: (target) =>
      run("RepositoryHost.protect", () => {
        find(target)
        return unsupported("nobody but the platform writes to a forge in memory")
      })
  })
}
