/** Issues of GitHub, and what people may do there. Who gave a label or assigned is read in the issue's events, which GitHub writes itself. */
import { ForgeError, type RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { ForgeIssues, Issue, Permission } from "@rdev/core/ports/forge/ForgeIssues"
import { Effect, Schema } from "effect"
import { type GitHubFailure, is, notFound } from "./GitHubFailure.ts"
import type { Over } from "./Ownership.ts"

const User = Schema.Struct({ login: Schema.String })
const Label = Schema.Struct({ name: Schema.optionalKey(Schema.String) })
const IssueAnswer = Schema.Struct({
  number: Schema.Int,
  title: Schema.String,
  body: Schema.optionalKey(Schema.NullOr(Schema.String)),
  state: Schema.String,
  user: Schema.NullOr(User),
  labels: Schema.Array(Schema.Union([Schema.String, Label])),
  assignees: Schema.optionalKey(Schema.NullOr(Schema.Array(User))),
  html_url: Schema.String,
  pull_request: Schema.optionalKey(Schema.Unknown)
})
const EventAnswer = Schema.Struct({
  event: Schema.optionalKey(Schema.String),
  actor: Schema.optionalKey(Schema.NullOr(User)),
  label: Schema.optionalKey(Schema.NullOr(Label)),
  assignee: Schema.optionalKey(Schema.NullOr(User))
})
const Level = Schema.Struct({ permission: Schema.String })
const levels: Readonly<Record<string, Permission>> = { admin: "write", write: "write", read: "read" }

const view = (found: typeof IssueAnswer.Type): Issue => ({
  number: found.number,
  title: found.title,
  body: found.body ?? "",
  state: found.state === "open" ? "open" : "closed",
  // An account that was deleted is nobody's.
  author: found.user?.login ?? "ghost",
  labels: found.labels.flatMap((label) =>
    typeof label === "string" ? [label] : label.name === undefined ? [] : [label.name]
  ),
  assignees: (found.assignees ?? []).map(({ login }) => login),
  url: found.html_url,
  isPullRequest: found.pull_request !== undefined && found.pull_request !== null
})

type By = { readonly label: string } | { readonly assignee: string }
const change = ({ assignee, event, label }: typeof EventAnswer.Type, by: By): "added" | "removed" | null => {
  const [is, added, removed] =
    "label" in by
      ? [label?.name === by.label, "labeled", "unlabeled"]
      : [assignee?.login === by.assignee, "assigned", "unassigned"]
  return !is ? null : event === added ? "added" : event === removed ? "removed" : null
}
export const whoAdded = (events: ReadonlyArray<typeof EventAnswer.Type>, by: By): string | null => {
  let who: string | null = null
  for (const one of events) {
    const what = change(one, by)
    if (what !== null) who = what === "added" ? (one.actor?.login ?? null) : null
  }
  return who
}

const verb = <A>(operation: string, work: Effect.Effect<A, GitHubFailure>): Effect.Effect<A, ForgeError> =>
  Effect.mapError(work, ({ reason }) => new ForgeError({ operation: `ForgeIssues.${operation}`, reason }))

const reading = ({ access: { client }, repositories }: Over) => {
  const issue = (target: RepositoryTarget, number: number) =>
    Number.isSafeInteger(number) && number > 0
      ? Effect.map(
          repositories.at(target, (credential, place) =>
            client.ask(credential, "GET /repos/{owner}/{repo}/issues/{issue_number}", IssueAnswer, {
              ...place,
              issue_number: number
            })
          ),
          view
        )
      : Effect.fail(notFound(`there is no issue #${number}`))
  const changedSince = (target: RepositoryTarget, sinceMillis: number) =>
    Effect.map(
      repositories.at(target, (credential, place) =>
        client.ask(credential, "GET /repos/{owner}/{repo}/issues", Schema.Array(IssueAnswer), {
          ...place,
          state: "open",
          sort: "updated",
          direction: "desc",
          since: new Date(sinceMillis).toISOString(),
          per_page: 100
        })
      ),
      (all) => all.map(view).flatMap(({ isPullRequest, number }) => (isPullRequest ? [] : [number]))
    )
  const permission = (target: RepositoryTarget, login: string): Effect.Effect<Permission, GitHubFailure> =>
    // Of an App's own account GitHub knows no permission; it is nobody who asks.
    /^[A-Za-z0-9-]{1,100}$/.test(login)
      ? repositories
          .at(target, (credential, place) =>
            client.ask(credential, "GET /repos/{owner}/{repo}/collaborators/{username}/permission", Level, {
              ...place,
              username: login
            })
          )
          .pipe(
            Effect.map(({ permission }) => levels[permission] ?? "none"),
            Effect.catchIf(is("NotFound"), () => Effect.succeed("none" as const))
          )
      : Effect.succeed("none")
  return { issue, changedSince, permission }
}

const saying = ({ access: { client }, repositories }: Over) => {
  const whoAsked = (target: RepositoryTarget, number: number, by: By) =>
    Effect.map(
      repositories.at(target, (credential, place) =>
        client.all(
          credential,
          "GET /repos/{owner}/{repo}/issues/{issue_number}/events",
          Schema.Array(EventAnswer),
          (page) => page,
          { ...place, issue_number: number }
        )
      ),
      (events) => whoAdded(events, by)
    )
  const ensureLabel = (target: RepositoryTarget, label: Parameters<ForgeIssues["ensureLabel"]>[1]) =>
    repositories.at(target, (credential, place) =>
      client.ask(credential, "POST /repos/{owner}/{repo}/labels", Label, { ...place, ...label }).pipe(
        Effect.asVoid,
        Effect.catchIf(is("AlreadyExists"), () => Effect.void)
      )
    )
  return { whoAsked, ensureLabel }
}

export const make = (over: Over): ForgeIssues => {
  const { access } = over
  const { changedSince, issue, permission } = reading(over)
  const { ensureLabel, whoAsked } = saying(over)
  return {
    me: verb(
      "me",
      Effect.map(access.account(), ({ login }) => login)
    ),
    issue: (target, number) => verb("issue", issue(target, number)),
    changedSince: (target, since) => verb("changedSince", changedSince(target, since)),
    permission: (target, login) => verb("permission", permission(target, login)),
    whoAsked: (target, number, by) => verb("whoAsked", whoAsked(target, number, by)),
    ensureLabel: (target, label) => verb("ensureLabel", ensureLabel(target, label))
  }
}
