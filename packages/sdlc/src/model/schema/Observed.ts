/**
 * Observed: live observations that are not stored in the feature's files. The platform reads them from its database and its forge,
 * the CLI from the local git repository. A field that is missing falls back to what the events say.
 */
import { Schema } from "effect"
import { Digest, Instant } from "./Scalars.ts"

/** Something that makes the stored state unusable: a file that does not decode, a hash that does not fit, an event that is missing. */
export const IntegrityError = Schema.Struct({
  file: Schema.String,
  problem: Schema.String,
  fix: Schema.optionalKey(Schema.String)
})
export type IntegrityError = typeof IntegrityError.Type

export const DependencyStatus = Schema.Literals(["met", "unmet", "dead", "cycle"])
export type DependencyStatus = typeof DependencyStatus.Type

export const Landed = Schema.Struct({
  sha: Schema.String,
  how: Schema.Literals(["merge", "fast-forward", "squash", "cherry-pick"]),
  records: Schema.Boolean,
  reverted: Schema.optionalKey(Schema.String)
})

export const Observed = Schema.Struct({
  errors: Schema.optionalKey(Schema.Array(IntegrityError)),
  /** Tip of the feature's branch; `tree` is the digest of its git tree without `.sdlc/`. */
  head: Schema.optionalKey(
    Schema.Struct({
      sha: Schema.String,
      tree: Digest,
      patch: Schema.optionalKey(Digest),
      since: Schema.optionalKey(Schema.Record(Schema.String, Schema.Array(Schema.String)))
    })
  ),
  landed: Schema.optionalKey(Landed),
  /** Relation of the feature's branch to its base. */
  branch: Schema.optionalKey(
    Schema.Struct({
      relation: Schema.Literals(["none", "ok", "behind", "conflict"]),
      behind: Schema.optionalKey(Schema.Int),
      conflicts: Schema.optionalKey(Schema.Array(Schema.String))
    })
  ),
  /** Slots that other features hold. */
  wip: Schema.optionalKey(Schema.Struct({ used: Schema.Int })),
  /** Whether the slot is still held, when the platform knows better than the events. */
  claim: Schema.optionalKey(Schema.Literals(["none", "held"])),
  /** Work in flight for this feature. */
  lease: Schema.optionalKey(Schema.Struct({ holder: Schema.String, until: Instant })),
  /** Status per dependency (slug); a dependency that is not listed counts as unmet. */
  deps: Schema.optionalKey(Schema.Record(Schema.String, DependencyStatus)),
  /** A freeze beyond the policy's windows; without `until` it holds until it is no longer observed. */
  freeze: Schema.optionalKey(
    Schema.Struct({ until: Schema.optionalKey(Instant), reason: Schema.optionalKey(Schema.String) })
  ),
  /** CI of the head's tree. */
  ci: Schema.optionalKey(
    Schema.Struct({
      tree: Digest,
      status: Schema.Literals(["running", "passed", "failed", "infra"]),
      job: Schema.optionalKey(Schema.String)
    })
  ),
  train: Schema.optionalKey(
    Schema.Struct({ position: Schema.Int, behind: Schema.optionalKey(Schema.Array(Schema.String)) })
  ),
  pr: Schema.optionalKey(
    Schema.Struct({
      number: Schema.Int,
      state: Schema.Literals(["open", "closed", "merged"]),
      sha: Schema.optionalKey(Schema.String)
    })
  ),
  /** Digests of the evidence that is at hand; when given, evidence outside it does not count. */
  evidence: Schema.optionalKey(Schema.Array(Digest)),
  /** Cost spent beyond what events record. */
  cost: Schema.optionalKey(
    Schema.Struct({
      usd: Schema.optionalKey(Schema.Finite),
      tokens: Schema.optionalKey(Schema.Finite),
      agentMinutes: Schema.optionalKey(Schema.Finite)
    })
  )
})
export type Observed = typeof Observed.Type
