/** Issues of Gitea, and what people may do there. Who gave a label or assigned is read in the issue's timeline, which Gitea writes itself. */
import { ForgeError, type RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { ForgeIssues, Issue, Permission } from "@rdev/core/ports/forge/ForgeIssues"
import { Effect, Schema } from "effect"
import type { GiteaError } from "./GiteaError.ts"
import { notFound } from "./GiteaError.ts"
import type { Place } from "./GiteaPlace.ts"
import { pathOf } from "./GiteaRepositories.ts"

const User = Schema.Struct({ login: Schema.String })
const Label = Schema.Struct({ name: Schema.String })
const Found = Schema.Struct({
  number: Schema.Int,
  title: Schema.String,
  body: Schema.String,
  state: Schema.String,
  user: User,
  labels: Schema.NullOr(Schema.Array(Label)),
  assignees: Schema.NullOr(Schema.Array(User)),
  html_url: Schema.String,
  pull_request: Schema.optionalKey(Schema.NullOr(Schema.Unknown))
})
const Entry = Schema.Struct({
  type: Schema.String,
  user: Schema.NullOr(User),
  /** Of labels: `1` where one was added, empty where it was removed. */
  body: Schema.String,
  label: Schema.optionalKey(Schema.NullOr(Label)),
  assignee: Schema.optionalKey(Schema.NullOr(User)),
  removed_assignee: Schema.optionalKey(Schema.Boolean)
})
const Level = Schema.Struct({ permission: Schema.String })

const view = (found: typeof Found.Type): Issue => ({
  number: found.number,
  title: found.title,
  body: found.body,
  state: found.state === "open" ? "open" : "closed",
  author: found.user.login,
  labels: (found.labels ?? []).map(({ name }) => name),
  assignees: (found.assignees ?? []).map(({ login }) => login),
  url: found.html_url,
  isPullRequest: found.pull_request !== undefined && found.pull_request !== null
})
const levels: Readonly<Record<string, Permission>> = { owner: "write", admin: "write", write: "write", read: "read" }

type By = { readonly label: string } | { readonly assignee: string }
/** Whether an entry adds it, takes it away, or is about something else. */
const change = (entry: typeof Entry.Type, by: By): "added" | "removed" | null => {
  if ("label" in by)
    return entry.type === "label" && entry.label?.name === by.label ? (entry.body === "1" ? "added" : "removed") : null
  return entry.type === "assignees" && entry.assignee?.login === by.assignee
    ? entry.removed_assignee === true
      ? "removed"
      : "added"
    : null
}
export const whoAdded = (timeline: ReadonlyArray<typeof Entry.Type>, by: By): string | null => {
  let who: string | null = null
  for (const entry of timeline) {
    const what = change(entry, by)
    if (what !== null) who = what === "added" ? (entry.user?.login ?? null) : null
  }
  return who
}

const verb = <A>(operation: string, work: Effect.Effect<A, GiteaError>): Effect.Effect<A, ForgeError> =>
  Effect.mapError(
    work,
    ({ answer, reason }) => new ForgeError({ operation: `ForgeIssues.${operation}`, reason, cause: answer })
  )

export const make = (place: Place): ForgeIssues => {
  const { client } = place
  const at = (target: RepositoryTarget) => Effect.map(place.at(target), ({ found }) => pathOf(found))
  const issue = Effect.fnUntraced(function* (target: RepositoryTarget, number: number) {
    const path = yield* at(target)
    const valid = Number.isSafeInteger(number) && number > 0
    const found = valid ? yield* client.find(`${path}/issues/${number}`, Found) : null
    return view(found ?? (yield* notFound(`issue #${number} does not exist`)))
  })
  const changedSince = Effect.fnUntraced(function* (target: RepositoryTarget, sinceMillis: number) {
    const { json } = yield* client.call("GET", `${yield* at(target)}/issues`, {
      query: { state: "open", type: "issues", since: new Date(sinceMillis).toISOString(), limit: 50, sort: "updated" }
    })
    const rows = Schema.decodeUnknownOption(Schema.Array(Schema.Struct({ number: Schema.Int })))(json)
    return rows._tag === "Some" ? rows.value.map(({ number }) => number) : []
  })
  const permission = Effect.fnUntraced(function* (target: RepositoryTarget, login: string) {
    if (!/^[\w.-]{1,100}$/.test(login)) return "none" satisfies Permission
    const path = `${yield* at(target)}/collaborators/${encodeURIComponent(login)}/permission`
    const found = yield* client.find(path, Level)
    return found === null ? "none" : (levels[found.permission] ?? "none")
  })
  const ensureLabel = Effect.fnUntraced(function* (
    target: RepositoryTarget,
    { color, description, name }: Parameters<ForgeIssues["ensureLabel"]>[1]
  ) {
    const path = `${yield* at(target)}/labels`
    // Gitea makes a second one of the same name without a word.
    if ((yield* client.all(path, Label)).some((label) => label.name === name)) return
    yield* client.call("POST", path, { body: { name, color: `#${color}`, description } })
  })
  return {
    me: verb(
      "me",
      Effect.map(place.owner, ({ me }) => me)
    ),
    issue: (target, number) => verb("issue", issue(target, number)),
    changedSince: (target, since) => verb("changedSince", changedSince(target, since)),
    permission: (target, login) => verb("permission", permission(target, login)),
    whoAsked: (target, number, by) =>
      verb(
        "whoAsked",
        Effect.flatMap(at(target), (path) =>
          Effect.map(client.all(`${path}/issues/${number}/timeline`, Entry), (timeline) => whoAdded(timeline, by))
        )
      ),
    ensureLabel: (target, label) => verb("ensureLabel", ensureLabel(target, label))
  }
}
