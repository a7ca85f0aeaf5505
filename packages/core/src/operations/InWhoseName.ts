/**
 * In whose name an operation goes on that somebody sets going again. One that acts for its starter never gets more rights by it than
 * both have: not the starter's for a weaker principal, and not those of a stronger one, who pressed a button on what another wrote,
 * unless that principal says so. Pure.
 */
import { Option } from "effect"
import { allows, type Principal } from "../domain/Principal.ts"

export type Answer =
  | { readonly _tag: "Starter" }
  | { readonly _tag: "Retrier" }
  | { readonly _tag: "Refused"; readonly message: string }

/** What `other` may do and `principal` may not, in words. */
const lacks = (principal: Principal, other: Principal): ReadonlyArray<string> => {
  const scopes = other.scopes.filter((scope) => !allows(principal, scope))
  const projects =
    principal.projects === null
      ? []
      : other.projects === null
        ? ["all projects"]
        : other.projects.filter((id) => principal.projects?.includes(id) === false).map((id) => `project ${id}`)
  return [...scopes, ...projects]
}

const take = "retry it in your own name (in_own_name=true), after reading what it does"

/** `starter`: what the principal that it acts for may do now; None = nothing any more. */
export const decide = (
  starterId: string,
  starter: Option.Option<Principal>,
  retrier: Principal,
  inOwnName: boolean
): Answer => {
  if (inOwnName) return { _tag: "Retrier" }
  if (retrier.id === starterId) return { _tag: "Starter" }
  if (Option.isNone(starter))
    return {
      _tag: "Refused",
      message: `it acts in the name of ${starterId}, which is good for nothing any more; ${take}`
    }
  const more = lacks(retrier, starter.value)
  return more.length === 0
    ? { _tag: "Starter" }
    : {
        _tag: "Refused",
        message: `it acts in the name of ${starterId}, which may do more than ${retrier.id} (${more.join(", ")}); ${take}`
      }
}
