/** The port `RepositoryHost` at GitHub: each verb at the port's border, with the port's error and a span. */
import { ForgeError, type RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Clock, Effect } from "effect"
import type { Issued } from "./Access.ts"
import { type GitHubFailure, invalid, unsupported } from "./GitHubFailure.ts"
import * as Ownership from "./Ownership.ts"
import * as Protection from "./Protection.ts"
import * as Pulls from "./Pulls.ts"
import * as Speech from "./Speech.ts"
import * as Webhooks from "./Webhooks.ts"

const verb =
  (operation: string) =>
  <A>(work: Effect.Effect<A, GitHubFailure>): Effect.Effect<A, ForgeError> =>
    work.pipe(
      Effect.mapError(({ reason }) => new ForgeError({ operation: `RepositoryHost.${operation}`, reason })),
      Effect.withSpan(`RepositoryHost.${operation}`)
    )
const wrap = <Args extends ReadonlyArray<unknown>, A>(
  operation: string,
  work: (...args: Args) => Effect.Effect<A, GitHubFailure>
) => {
  const named = verb(operation)
  return (...args: Args) => named(work(...args))
}

/** Tokens that this process issued and that have not ended: at most an hour's. GitHub takes one back only from who shows it. */
const tokens = ({ access, repositories }: Ownership.Over) => {
  const issued = new Map<string, ReadonlyArray<Issued>>()
  const living = (projectId: string, now: number) =>
    (issued.get(projectId) ?? []).filter(({ expiresAtMillis }) => expiresAtMillis > now)
  return {
    issue: Effect.fnUntraced(function* (target: RepositoryTarget, level: "read" | "write", ttlSeconds: number) {
      if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1)
        return yield* invalid("ttlSeconds", "expected a whole number of seconds, at least 1")
      const { answer } = yield* repositories.find(target, false)
      const token = yield* access.issue(
        answer.name,
        level === "read" ? { contents: "read" } : { contents: "write", workflows: "write" }
      )
      if (token === null)
        return yield* unsupported(
          "a personal token of GitHub makes no tokens of its own: configure a GitHub App (app and privateKey), or give people access to the repository at GitHub"
        )
      const now = yield* Clock.currentTimeMillis
      issued.set(target.projectId, [...living(target.projectId, now), token])
      return { ...token, username: "x-access-token" }
    }),
    revoke: Effect.fnUntraced(function* ({ projectId }: RepositoryTarget) {
      for (const { token } of living(projectId, yield* Clock.currentTimeMillis))
        yield* access.client.tell(token, "DELETE /installation/token", {}).pipe(
          Effect.catchIf(
            ({ status }) => status === 401,
            () => Effect.void
          )
        )
      issued.delete(projectId)
    })
  }
}

export const make = (over: Ownership.Over): RepositoryHost["Service"] => {
  const { issue, revoke } = tokens(over)
  const remove = Ownership.remove(over)
  return RepositoryHost.of({
    ensure: wrap("ensure", Ownership.ensure(over)),
    adopt: wrap("adopt", Ownership.adopt(over)),
    release: wrap("release", Ownership.release(over)),
    observe: wrap("observe", Ownership.observe(over)),
    remove: wrap("remove", (target) => Effect.andThen(remove(target), revoke(target))),
    list: verb("list")(
      Effect.map(over.repositories.list, (all) =>
        all.map(({ createdAtMillis, fullName, mark }) => ({
          projectId: mark.projectId,
          externalId: fullName,
          createdAtMillis
        }))
      )
    ),
    issueToken: wrap("issueToken", issue),
    revokeTokens: wrap("revokeTokens", revoke),
    ensurePullRequest: wrap("ensurePullRequest", Pulls.ensure(over)),
    pullRequest: wrap("pullRequest", Pulls.look(over)),
    setPullRequestState: wrap("setPullRequestState", Pulls.setState(over)),
    mergePullRequest: wrap("mergePullRequest", Pulls.merge(over)),
    setStatus: wrap("setStatus", Speech.setStatus(over)),
    statuses: wrap("statuses", Speech.statuses(over)),
    ensureComment: wrap("ensureComment", Speech.ensureComment(over)),
    comments: wrap("comments", Speech.comments(over)),
    ensureWebhook: wrap("ensureWebhook", Webhooks.ensure(over)),
    removeWebhook: wrap("removeWebhook", Webhooks.remove(over)),
    webhooks: wrap("webhooks", Webhooks.all(over)),
    protect: wrap("protect", Protection.protect(over))
  })
}
