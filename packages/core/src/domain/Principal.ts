/** Who makes a request, and what that key may do. */
import { Context, Schema } from "effect"

export const Scope = Schema.Literals([
  "projects:read",
  "projects:execute",
  "queue:read",
  "queue:write",
  "sessions:read",
  "sessions:execute",
  "sdlc:read",
  "sdlc:write",
  "sdlc:approve",
  "builds:read",
  "builds:write",
  "services:read",
  "services:write",
  "webhooks:manage",
  "keys:manage",
  "audit:read",
  "admin"
])
export type Scope = typeof Scope.Type

export const Principal = Schema.Struct({
  /** e.g. `key_01J…` or `platform`. */
  id: Schema.String,
  name: Schema.String,
  type: Schema.Literals(["human", "agent", "ci", "platform"]),
  scopes: Schema.Array(Scope),
  /** Project ids this principal is restricted to; null = all. */
  projects: Schema.NullOr(Schema.Array(Schema.String))
})
export type Principal = typeof Principal.Type

export const platform: Principal = { id: "platform", name: "rdev", type: "platform", scopes: ["admin"], projects: null }

/** `admin` includes every scope. */
export const allows = (principal: Principal, scope: Scope): boolean =>
  principal.scopes.includes("admin") || principal.scopes.includes(scope)
export const allowsProject = (principal: Principal, projectId: string): boolean =>
  principal.projects === null || principal.projects.includes(projectId)

/** The request on whose behalf a fiber runs; the default is the platform itself. */
export const CurrentRequest = Context.Reference<{
  readonly principal: Principal
  readonly requestId: string | null
  readonly sourceAddress: string | null
}>("rdev/CurrentRequest", { defaultValue: () => ({ principal: platform, requestId: null, sourceAddress: null }) })
