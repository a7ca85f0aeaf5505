/** The instruction an agent gets for one decision: the life-cycle command that handles the action, and what exactly is asked for. Pure. */
import { commandFor, commands } from "@rdev/sdlc/commands/Commands"
import type { FeatureDecision } from "@rdev/sdlc/model/Decision"
import type { FeatureIndex } from "../../../domain/FeatureIndex.ts"
import type { Project } from "../../../domain/Project.ts"

export interface Prompt {
  /** Id of the agent command, e.g. `implement`. */
  readonly command: string
  readonly text: string
}

const bodyOf = (id: string, slug: string) =>
  commands.find((command) => command.id === id)?.body.replaceAll("{{args.feature}}", slug) ?? ""

const subject = (decision: FeatureDecision) =>
  decision.taskId === undefined
    ? ""
    : `\nPlan task: ${decision.taskId}. Work on this one alone; claim it with \`sdlc task claim ${decision.taskId}\` when it is done.`

/** Approvals that the policy leaves to an agent are given by a session that wrote none of what it judges. */
const approval = (decision: FeatureDecision, slug: string) =>
  `Read what was submitted and judge it as its reader: is it complete, testable, and does it follow from what it builds on?\n` +
  `Then give the verdict with \`sdlc approve ${decision.action.replace("approve-", "")} ${slug}\` or \`sdlc reject ${decision.action.replace("approve-", "")} ${slug} --reason "…"\`. Change no file.`

const conflicts = (base: string) =>
  `The branch to merge with is known here as origin/${base}: merge it, resolve every conflict so that both sides' intentions hold, and leave the result in the working tree.`

export const make = (
  about: { readonly index: FeatureIndex; readonly project: Pick<Project, "defaultBranch"> },
  decision: FeatureDecision
): Prompt => {
  const slug = about.index.slug
  const command = decision.kind === "approve" ? "review" : (commandFor(decision.action) ?? "next")
  return {
    command,
    text: [
      `You work on the feature "${about.index.title}" (${slug}) in this repository. What it is about stands in .sdlc/features/${slug}/idea.md, what is done so far in the same folder.`,
      `Action: ${decision.action}. Why: ${decision.reason}${subject(decision)}`,
      `Do this one action and stop. Record what you did with the \`sdlc\` command line; you need no network, no push and no commit: the platform commits what you leave in the working tree.`,
      ...(decision.action === "resolve-conflicts" ? [conflicts(about.project.defaultBranch)] : []),
      decision.kind === "approve" ? approval(decision, slug) : bodyOf(command, slug)
    ].join("\n\n")
  }
}
