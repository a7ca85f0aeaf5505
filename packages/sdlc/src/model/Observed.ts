/**
 * Observed: live observations that are not stored in the feature's files. The platform reads them from its database and its forge,
 * the CLI from the local git repository. A field that is missing falls back to what the events say.
 */
import type { Cost } from "./Policy.ts"

/** Something that makes the stored state unusable: a file that does not decode, a hash that does not fit, an event that is missing. */
export interface IntegrityError {
  readonly file: string
  readonly problem: string
  readonly fix?: string
}

export type DependencyStatus = "met" | "unmet" | "dead" | "cycle"

/** How a feature's changes came into the base. */
export interface Landed {
  /** The commit of the base that brought them. */
  readonly sha: string
  readonly how: "merge" | "fast-forward" | "squash" | "cherry-pick"
  /** Whether the feature's records came along, so that it goes on in the base. */
  readonly records: boolean
  /** The commit that took the changes back, when one did. */
  readonly reverted?: string
}

export interface Observed {
  readonly errors?: ReadonlyArray<IntegrityError>
  /**
   * Tip of the feature's branch; `tree` is the digest of its git tree without `.sdlc/`, `patch` that of its own changes alone (see `repo/Patch`).
   * `since`: per commit that an earlier result holds for, the files in which the patch differs from it now.
   */
  readonly head?: {
    readonly sha: string
    readonly tree: string
    readonly patch?: string
    readonly since?: { readonly [sha: string]: ReadonlyArray<string> }
  }
  /** The feature's changes were found in the base although no event says that they were merged. */
  readonly landed?: Landed
  /** Relation of the feature's branch to its base. */
  readonly branch?: {
    readonly relation: "none" | "ok" | "behind" | "conflict"
    readonly behind?: number
    readonly conflicts?: ReadonlyArray<string>
  }
  /** Slots that other features hold. */
  readonly wip?: { readonly used: number }
  /** Whether the slot is still held, when the platform knows better than the events. */
  readonly claim?: "none" | "held"
  /** Work in flight for this feature. */
  readonly lease?: { readonly holder: string; readonly until: string }
  /** Status per dependency (slug); a dependency that is not listed counts as unmet. */
  readonly deps?: { readonly [slug: string]: DependencyStatus }
  /** A freeze beyond the policy's windows; without `until` it holds until it is no longer observed. */
  readonly freeze?: { readonly until?: string; readonly reason?: string }
  /** CI of the head's tree. */
  readonly ci?: {
    readonly tree: string
    readonly status: "running" | "passed" | "failed" | "infra"
    readonly job?: string
  }
  /** Features that land before this one; while there are any, it waits instead of updating and testing itself for nothing. */
  readonly train?: { readonly position: number; readonly behind?: ReadonlyArray<string> }
  readonly pr?: { readonly number: number; readonly state: "open" | "closed" | "merged"; readonly sha?: string }
  /** Digests of the evidence that is at hand; when given, evidence outside it does not count. */
  readonly evidence?: ReadonlyArray<string>
  /** Cost spent beyond what events record. */
  readonly cost?: Cost
}
