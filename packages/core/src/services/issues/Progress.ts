/** The one comment in which an issue says how far its feature is. Pure. */
import type { FeatureIndex } from "../../domain/FeatureIndex.ts"
import type { IssueLink } from "../../domain/forge/IssueLink.ts"
import * as Commands from "./Commands.ts"

export const key = "progress"

const phases = [
  ["draft", "idea"],
  ["specified", "specification"],
  ["planned", "plan"],
  ["ready", "start"],
  ["implementation", "implementation"],
  ["review", "review"],
  ["audit", "audit"],
  ["qa", "QA"],
  ["merge", "merge"],
  ["released", "release"]
] as const

/** Cancelled, and put away after that. */
export const isGivenUp = ({ lifecycle, phase }: FeatureIndex): boolean =>
  lifecycle === "cancelled" || (lifecycle === "archived" && phase !== "released")

/** What is waited for, in words for whoever reads the issue. */
const waits = (feature: FeatureIndex): string => {
  const { decision, lifecycle, live, phase } = feature
  if (lifecycle === "paused") return "Paused. `/rdev resume` goes on."
  if (isGivenUp(feature)) return "Cancelled."
  if (!live && phase === "released") return "Released."
  if (decision?.action === "await-escalation") return "A question waits for an answer, see below."
  if (decision?.kind === "approve" && decision.actor === "human")
    return `Waits for somebody who approves: ${oneLine(decision.reason)}`
  if (decision?.kind === "wait" && decision.actor === "human") return `Waits for somebody: ${oneLine(decision.reason)}`
  return "Under way."
}
const oneLine = (text: string): string =>
  text
    .replaceAll(/[\s`<>@#]+/g, " ")
    .trim()
    .slice(0, 300)

export const progressOf = (link: IssueLink, feature: FeatureIndex | null): string => {
  if (feature === null)
    return link.status === "refused"
      ? `rdev could not make a feature of this issue. ${link.note ?? ""}\n\nCorrect that, then say \`/rdev run\`.`
      : `rdev makes the feature \`${link.slug}\` of this issue.`
  const at = phases.findIndex(([phase]) => phase === feature.phase)
  const steps = phases.map(([phase, title], i) => {
    const done = at < 0 ? false : i < at || (phase === "released" && feature.phase === "released" && !feature.live)
    return `- [${done ? "x" : " "}] ${title}${i === at && !done ? " (now)" : ""}`
  })
  const pull = link.pullRequest ?? feature.pullRequest
  return [
    `rdev works on this as \`${link.slug}\`${pull === null ? "" : `, in #${pull}`}. ${waits(feature)}`,
    steps.join("\n"),
    ...(link.note === null ? [] : [link.note]),
    `<sub>${Commands.usage}</sub>`
  ].join("\n\n")
}

export const questionKey = (escalation: string): string => `question/${escalation.toLowerCase().slice(0, 40)}`
export const questionOf = (text: string): string =>
  `**rdev asks:**\n\n${text
    .split("\n")
    .map((line) => `> ${line}`)
    .join("\n")}\n\nThe next comment of somebody who may write to this repository is the answer.`
