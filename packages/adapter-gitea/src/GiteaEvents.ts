/** What Gitea (and Forgejo) post, in words that are no vendor's. Pure; a body that is not as Gitea writes it says where. */
import type { ForgeEvent } from "@rdev/core/domain/forge/ForgeEvent"
import { commit, read as readBy, type Shape, shape, time } from "@rdev/core/ports/forge/HookReading"
import * as ForgeSpeech from "@rdev/core/ports/infra/ForgeSpeech"
import { Schema } from "effect"

const User = Schema.Struct({ login: Schema.String })
const by = { sender: User }
const Numbered = Schema.Struct({ number: Schema.Int, updated_at: Schema.String })
const Push = Schema.Struct({ ref: Schema.String, before: Schema.String, after: Schema.String, pusher: User })
const Gone = Schema.Struct({ ref: Schema.String, ref_type: Schema.String, ...by })
const Issue = Schema.Struct({ action: Schema.String, number: Schema.Int, issue: Numbered, ...by })
const Comment = Schema.Struct({
  action: Schema.String,
  issue: Numbered,
  comment: Schema.Struct({ id: Schema.Int, body: Schema.String, user: User }),
  is_pull: Schema.optionalKey(Schema.Boolean),
  ...by
})
const Pull = Schema.Struct({
  action: Schema.String,
  number: Schema.Int,
  pull_request: Schema.Struct({
    updated_at: Schema.String,
    merged: Schema.Boolean,
    head: Schema.Struct({ ref: Schema.String, sha: Schema.String })
  }),
  ...by
})
const Status = Schema.Struct({ sha: Schema.String, state: Schema.String, context: Schema.String, ...by })
const Run = Schema.Struct({
  workflow_run: Schema.Struct({
    head_sha: Schema.String,
    head_branch: Schema.optionalKey(Schema.NullOr(Schema.String)),
    status: Schema.String,
    conclusion: Schema.optionalKey(Schema.NullOr(Schema.String)),
    display_title: Schema.optionalKey(Schema.String),
    path: Schema.optionalKey(Schema.String)
  }),
  ...by
})

/** What it is asked to post; others come with these. */
export const events: ReadonlyArray<string> = [
  "push",
  "delete",
  "pull_request",
  "pull_request_sync",
  "pull_request_comment",
  "issues",
  "issue_label",
  "issue_assign",
  "issue_comment",
  "status",
  "workflow_run"
]

const issueActions: Readonly<Record<string, "opened" | "closed" | "reopened" | "deleted">> = {
  opened: "opened",
  closed: "closed",
  reopened: "reopened",
  deleted: "deleted"
}
const runState = (status: string, conclusion: string | null | undefined) => {
  if (status !== "completed") return "pending"
  switch (conclusion) {
    case "success":
    case "cancelled":
    case "skipped":
    case "failure":
      return conclusion
    default:
      return "error"
  }
}

const issue = shape(Issue, ({ action, issue: { updated_at }, number, sender }, who) => {
  const about = { number, by: who(sender.login) }
  const event: ForgeEvent = action.startsWith("label_")
    ? { _tag: "Label", action: "changed", label: null, ...about }
    : action.endsWith("assigned")
      ? { _tag: "Assignment", action: action === "assigned" ? "added" : "removed", assignee: null, ...about }
      : { _tag: "Issue", action: issueActions[action] ?? "changed", ...about }
  return { atMillis: time(updated_at), events: [event] }
})
/** A person may use the account that rdev works as: what rdev wrote has its mark. */
const comment = shape(Comment, ({ action, comment: { body, id }, is_pull, issue, sender }, who) => {
  const { login, own } = who(sender.login)
  return {
    atMillis: time(issue.updated_at),
    events: [
      {
        _tag: "Comment",
        number: issue.number,
        id: String(id),
        action: action === "created" || action === "deleted" ? action : "changed",
        on: is_pull === true ? "pull_request" : "issue",
        by: { login, own: own && ForgeSpeech.unmarked(body).key !== null }
      }
    ]
  }
})
const pull = shape(Pull, ({ action, number, pull_request: { head, merged, updated_at }, sender }, who) => ({
  atMillis: time(updated_at),
  events: [
    {
      _tag: "PullRequest",
      number,
      action:
        action === "closed"
          ? merged
            ? "merged"
            : "closed"
          : action === "opened" || action === "reopened"
            ? action
            : "changed",
      head: head.ref,
      headSha: head.sha,
      by: who(sender.login)
    }
  ]
}))

const shapes: Readonly<Record<string, Shape>> = {
  push: shape(Push, ({ after, before, pusher, ref }, who) => ({
    atMillis: null,
    events: [{ _tag: "Push", refs: [{ ref, old: commit(before), next: commit(after) }], by: who(pusher.login) }]
  })),
  // A branch that is deleted is told of in no push.
  delete: shape(Gone, ({ ref, ref_type, sender }, who) => ({
    atMillis: null,
    events: [
      {
        _tag: "Push",
        refs: [{ ref: `refs/${ref_type === "tag" ? "tags" : "heads"}/${ref}`, old: null, next: null }],
        by: who(sender.login)
      }
    ]
  })),
  issues: issue,
  issue_comment: comment,
  pull_request: pull,
  status: shape(Status, ({ context, sender, sha, state }, who) => ({
    atMillis: null,
    events: [
      {
        _tag: "Check",
        sha,
        branch: null,
        name: context,
        state: state === "success" || state === "pending" || state === "failure" ? state : "error",
        by: who(sender.login)
      }
    ]
  })),
  workflow_run: shape(Run, ({ sender, workflow_run: run }, who) => ({
    atMillis: null,
    events: [
      {
        _tag: "Check",
        sha: run.head_sha,
        branch: run.head_branch ?? null,
        name: run.path ?? run.display_title ?? "workflow",
        state: runState(run.status, run.conclusion),
        by: who(sender.login)
      }
    ]
  }))
}

/** `own`: whether a login is the account that rdev works as. An event that is not in the list says nothing. */
export const read = readBy(shapes)
