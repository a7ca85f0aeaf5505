/** What GitHub posts, in words that are no vendor's. Pure; a body that is not as GitHub writes it says where. */
import type { ForgeEvent } from "@rdev/core/domain/forge/ForgeEvent"
import { commit, read as readBy, type Shape, shape, time, type Who } from "@rdev/core/ports/forge/HookReading"
import * as ForgeSpeech from "@rdev/core/ports/infra/ForgeSpeech"
import { Schema } from "effect"

const User = Schema.Struct({ login: Schema.String })
const by = { sender: User }
const IssueOf = Schema.Struct({
  number: Schema.Int,
  updated_at: Schema.String,
  pull_request: Schema.optionalKey(Schema.Unknown)
})
const Push = Schema.Struct({ ref: Schema.String, before: Schema.String, after: Schema.String, ...by })
const Issue = Schema.Struct({
  action: Schema.String,
  issue: IssueOf,
  label: Schema.optionalKey(Schema.NullOr(Schema.Struct({ name: Schema.String }))),
  assignee: Schema.optionalKey(Schema.NullOr(User)),
  ...by
})
const Comment = Schema.Struct({
  action: Schema.String,
  issue: IssueOf,
  comment: Schema.Struct({ id: Schema.Int, body: Schema.String }),
  ...by
})
const Pull = Schema.Struct({
  action: Schema.String,
  number: Schema.Int,
  pull_request: Schema.Struct({
    updated_at: Schema.String,
    merged_at: Schema.NullOr(Schema.String),
    head: Schema.Struct({ ref: Schema.String, sha: Schema.String })
  }),
  ...by
})
const Status = Schema.Struct({ sha: Schema.String, state: Schema.String, context: Schema.String, ...by })
const Checked = {
  head_sha: Schema.String,
  status: Schema.NullOr(Schema.String),
  conclusion: Schema.optionalKey(Schema.NullOr(Schema.String)),
  name: Schema.optionalKey(Schema.NullOr(Schema.String))
}
const CheckRun = Schema.Struct({
  check_run: Schema.Struct({
    ...Checked,
    check_suite: Schema.optionalKey(
      Schema.NullOr(Schema.Struct({ head_branch: Schema.optionalKey(Schema.NullOr(Schema.String)) }))
    )
  }),
  ...by
})
const WorkflowRun = Schema.Struct({
  workflow_run: Schema.Struct({ ...Checked, head_branch: Schema.NullOr(Schema.String), updated_at: Schema.String }),
  ...by
})

/** What it is asked to post. `create` and `delete` are left out: pushes tell of both. */
export const events: ReadonlyArray<string> = [
  "push",
  "pull_request",
  "issues",
  "issue_comment",
  "status",
  "check_run",
  "workflow_run"
]

const issueActions: Readonly<Record<string, "opened" | "closed" | "reopened" | "deleted">> = {
  opened: "opened",
  closed: "closed",
  reopened: "reopened",
  deleted: "deleted",
  transferred: "deleted"
}
const issueEvent = ({ action, assignee, issue, label, sender }: typeof Issue.Type, who: Who): ForgeEvent => {
  const about = { number: issue.number, by: who(sender.login) }
  switch (action) {
    case "labeled":
    case "unlabeled":
      return { _tag: "Label", action: action === "labeled" ? "added" : "removed", label: label?.name ?? null, ...about }
    case "assigned":
    case "unassigned":
      return {
        _tag: "Assignment",
        action: action === "assigned" ? "added" : "removed",
        assignee: assignee?.login ?? null,
        ...about
      }
    default:
      return { _tag: "Issue", action: issueActions[action] ?? "changed", ...about }
  }
}

const conclusions: Readonly<Record<string, "success" | "failure" | "cancelled" | "skipped">> = {
  success: "success",
  neutral: "success",
  failure: "failure",
  cancelled: "cancelled",
  skipped: "skipped"
}
interface CheckedRun {
  readonly head_sha: string
  readonly status: string | null
  readonly conclusion?: string | null
  readonly name?: string | null
}
const checkEvent = (run: CheckedRun, branch: string | null, by: { login: string; own: boolean }): ForgeEvent => ({
  _tag: "Check",
  sha: run.head_sha,
  branch,
  name: run.name ?? "check",
  state: run.status === "completed" ? (conclusions[run.conclusion ?? ""] ?? "error") : "pending",
  by
})

const shapes: Readonly<Record<string, Shape>> = {
  push: shape(Push, ({ after, before, ref, sender }, who) => ({
    // When a commit was made says nothing of when it was pushed.
    atMillis: null,
    events: [{ _tag: "Push", refs: [{ ref, old: commit(before), next: commit(after) }], by: who(sender.login) }]
  })),
  issues: shape(Issue, (body, who) => ({ atMillis: time(body.issue.updated_at), events: [issueEvent(body, who)] })),
  // A person may use the account that rdev works as: what rdev wrote has its mark.
  issue_comment: shape(Comment, ({ action, comment: { body, id }, issue, sender }, who) => {
    const { login, own } = who(sender.login)
    return {
      atMillis: time(issue.updated_at),
      events: [
        {
          _tag: "Comment",
          number: issue.number,
          id: String(id),
          action: action === "created" || action === "deleted" ? action : "changed",
          on: issue.pull_request === undefined || issue.pull_request === null ? "issue" : "pull_request",
          by: { login, own: own && ForgeSpeech.unmarked(body).key !== null }
        }
      ]
    }
  }),
  pull_request: shape(Pull, ({ action, number, pull_request: { head, merged_at, updated_at }, sender }, who) => ({
    atMillis: time(updated_at),
    events: [
      {
        _tag: "PullRequest",
        number,
        action:
          action === "closed"
            ? merged_at === null
              ? "closed"
              : "merged"
            : action === "opened" || action === "reopened"
              ? action
              : "changed",
        head: head.ref,
        headSha: head.sha,
        by: who(sender.login)
      }
    ]
  })),
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
  check_run: shape(CheckRun, ({ check_run: run, sender }, who) => ({
    atMillis: null,
    events: [checkEvent(run, run.check_suite?.head_branch ?? null, who(sender.login))]
  })),
  workflow_run: shape(WorkflowRun, ({ sender, workflow_run: run }, who) => ({
    atMillis: time(run.updated_at),
    events: [checkEvent(run, run.head_branch, who(sender.login))]
  }))
}

/** `own`: whether a login is the account that rdev works as. An event that is not in the list says nothing. */
export const read = readBy(shapes)
