/** What a person types to take the step that is due, and to see what it is about. Part of the hot path: no imports but types. */
import type { FeatureDecision } from "../model/Decision.ts"
import type { FeatureState } from "../model/FeatureState.ts"

export interface Hand {
  /** Shows what is to be decided. */
  readonly look: string | null
  /** The command that decides, then the other way to decide. */
  readonly type: ReadonlyArray<string>
}

const gates: Readonly<Record<string, readonly [gate: string, look: string]>> = {
  "approve-spec": ["spec", "show spec"],
  "approve-design": ["design", "show design"],
  "approve-tasks": ["tasks", "show tasks"],
  "approve-qa-plan": ["qa-plan", "show qa-plan"],
  "approve-start": ["start", "show tasks"],
  "approve-review": ["human-review", "show code"],
  "approve-qa": ["uat", "show code"],
  "approve-merge": ["merge", "show code"],
  "accept-risk": ["risk", "findings"],
  "confirm-action": ["action", "why"]
}

const other = ({ action, rule, taskId }: FeatureDecision, state: FeatureState, slug: string): Hand | null => {
  const clarify = /^clarify-(.+)$/.exec(action)?.[1]
  if (clarify !== undefined) return { look: `sdlc show ${clarify} ${slug}`, type: [`sdlc lint ${slug}`] }
  switch (action) {
    case "await-resume":
      return { look: `sdlc status ${slug}`, type: [`sdlc resume ${slug}`] }
    case "await-escalation":
      return {
        look: `sdlc why ${slug}`,
        type: [`sdlc answer ${state.escalations[0]?.id ?? "<escalation>"} ${slug} --answer "…"`]
      }
    case "resolve-blocker":
      return {
        look: `sdlc status ${slug}`,
        type: [`sdlc unblock ${state.blockers[0]?.id ?? "<blocker>"} ${slug} --answer "…"`]
      }
    case "unblock-task":
      return { look: `sdlc task list ${slug}`, type: [`sdlc task unblock ${taskId ?? "<task>"} ${slug}`] }
    case "reopen-pr":
      return {
        look: `sdlc why ${slug}`,
        type: [
          `sdlc record pr-reopened ${slug} --data '{"number":${state.pr?.number ?? 1}}'`,
          `sdlc cancel ${slug} --reason "…"`
        ]
      }
    case "replan":
      return {
        look: `sdlc why ${slug}`,
        type: [
          `sdlc approve ${rule === "M2" ? "merge" : "start"} ${slug} --as-human`,
          `sdlc cancel ${slug} --reason "…"`
        ]
      }
    case "resolve-dependency":
      return { look: `sdlc why ${slug}`, type: [`sdlc cancel ${slug} --reason "…"`] }
    default:
      return null
  }
}

/** `signed`: the policy has a keyring, so that a key speaks for a person and `--as-human` says nothing. */
export const handOf = (decision: FeatureDecision, state: FeatureState, signed: boolean): Hand | null => {
  const slug = decision.feature
  const gate = gates[decision.action]
  if (gate !== undefined && (decision.kind === "approve" || decision.kind === "hold")) {
    const asHuman = decision.approver === "agent" || signed ? "" : " --as-human"
    return {
      look: `sdlc ${gate[1]} ${slug}`,
      type: [`sdlc approve ${gate[0]} ${slug}${asHuman}`, `sdlc reject ${gate[0]} ${slug} --reason "…"${asHuman}`]
    }
  }
  if (decision.actor === "platform" && (decision.kind === "do" || decision.kind === "move"))
    return { look: null, type: [`sdlc apply ${slug}`] }
  return decision.kind === "hold" || decision.actor === "human" ? other(decision, state, slug) : null
}
