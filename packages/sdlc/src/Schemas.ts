/** The schemas of everything the engine takes and gives. This module loads effect; the root module does not. */
export { Artifact, ArtifactKind, DocumentKind, LintFinding, Upstream } from "./model/schema/Artifact.ts"
export { Signature } from "./model/schema/events/Event.ts"
export { Feature, FeatureKind, Lifecycle } from "./model/schema/Feature.ts"
export { eventTypes, FeatureEvent } from "./model/schema/FeatureEvent.ts"
export { Facts } from "./model/FactsSchema.ts"
export { Disposition, Finding, QaCheck } from "./model/schema/Finding.ts"
export { DependencyStatus, IntegrityError, Observed } from "./model/schema/Observed.ts"
export {
  Cost,
  FreezeWindow,
  Gate,
  GateMode,
  GateModes,
  KeyringEntry,
  Policy,
  PolicyPatch
} from "./model/schema/Policy.ts"
export { Principal, PrincipalType } from "./model/schema/Principal.ts"
export { Digest, Instant, Severity, Slug, TaskId, Ulid } from "./model/schema/Scalars.ts"
export { Task, TaskOrigin, TaskSpec, TaskStatus } from "./model/schema/Task.ts"
export { Verdict, VerdictGate } from "./model/schema/Verdict.ts"
