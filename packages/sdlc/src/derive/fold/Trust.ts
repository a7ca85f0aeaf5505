/**
 * Which events carry authority. Under a policy with a keyring such an event counts only when its signature was checked and holds;
 * the loader checks and sets `trusted`, this module says for which events that matters.
 */
import type { EventType, FeatureEvent, LoadedEvent } from "../../model/FeatureEvent.ts"

/** Events that open a way which a worker must not open for itself. */
const authoritative: ReadonlySet<EventType> = new Set<EventType>([
  "feature-imported",
  "verdict",
  "escalation-answered",
  "blocker-cleared",
  "resumed",
  "finding-disposed",
  "task-verified",
  "branch-updated",
  "ci-recorded",
  "merged",
  "deploy-recorded",
  "release-verified",
  "rollback-recorded",
  "incident-closed"
])

/** Of those, what an agent may say in its own name: the policy and the gates decide how much its word counts. */
const agentMay: ReadonlySet<EventType> = new Set<EventType>(["verdict", "finding-disposed", "blocker-cleared"])

/** Whether this event needs a valid signature when the policy has a keyring. */
export const needsSignature = (event: Pick<FeatureEvent, "type" | "actor">): boolean =>
  authoritative.has(event.type) && !(event.actor.type === "agent" && agentMay.has(event.type))

export const counts = (event: LoadedEvent): boolean => event.trusted !== false || !needsSignature(event)
