/**
 * Whose something is that the platform keeps or runs: a project's, one environment's, a webhook's, the place's where a forge posts to, or
 * the installation's own. An owner is the id of what it belongs to, so that the id alone tells the kind. Schemas and pure functions only.
 */
import { Schema } from "effect"
import { EnvironmentId, HookId, ProjectId, WebhookId } from "./Ids.ts"

/** The installation itself: what belongs to nobody's project. */
export const system = "system"

export const OwnerId = Schema.Union([ProjectId, EnvironmentId, WebhookId, HookId, Schema.Literal(system)])
export type OwnerId = typeof OwnerId.Type

export type OwnerKind = "project" | "environment" | "webhook" | "hook" | "system"
const kinds: Readonly<Record<string, OwnerKind>> = { proj: "project", env: "environment", whk: "webhook", hook: "hook" }

export const kindOf = (owner: OwnerId): OwnerKind => kinds[owner.slice(0, Math.max(0, owner.indexOf("_")))] ?? "system"

/** The project that an owner is; null when it is something else. Whose environment or webhook it is, services/Owners tells. */
export const asProject = (owner: OwnerId): ProjectId | null =>
  kindOf(owner) === "project" ? (owner as ProjectId) : null
