/**
 * Whether somebody who may write to the repository asks for a feature: by a command, by the label, or by assigning the issue to rdev. Who
 * gave a label is asked of the forge: issue templates, and people who may label but not write, set labels too.
 */
import { Effect } from "effect"
import { ProjectSettings } from "../projects/ProjectSettings.ts"
import * as Commands from "./Commands.ts"
import type { Desk } from "./Desk.ts"

export interface Asked {
  readonly by: string
  readonly agent: string | null
  readonly preset: string | null
  /** Comments up to here are no commands to the feature. */
  readonly readTo: number | null
}

/** `after`: only commands that came after this comment. */
export const byCommand = Effect.fn("Asking.byCommand")(function* (desk: Desk, after: number | null) {
  for (const { author, body, number } of desk.comments) {
    if (after !== null && number <= after) continue
    const command = Commands.parse(body)
    if (command?.verb === "run" && (yield* desk.mayWrite(author)))
      return { by: author, agent: command.agent, preset: command.preset, readTo: number } satisfies Asked
  }
  return null
})

export const find = Effect.fn("Asking.find")(function* (desk: Desk) {
  const { issue, issues, target } = desk
  if (issue.state !== "open" || issue.isPullRequest) return null
  const commanded = yield* byCommand(desk, null)
  if (commanded !== null) return commanded
  const { issueLabel = "rdev" } = yield* ProjectSettings
  const me = yield* issues.me
  const ways = [
    ...(issue.labels.includes(issueLabel) ? [{ label: issueLabel }] : []),
    ...(issue.assignees.includes(me) ? [{ assignee: me }] : [])
  ]
  for (const way of ways) {
    const by = yield* issues.whoAsked(target, issue.number, way)
    if (by !== null && (yield* desk.mayWrite(by)))
      return { by, agent: null, preset: null, readTo: desk.comments.at(-1)?.number ?? null } satisfies Asked
  }
  return null
})
