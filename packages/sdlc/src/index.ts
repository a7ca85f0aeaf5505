/**
 * @rdev/sdlc: the pure life-cycle engine. Plain functions over plain data; importing this module loads no runtime dependency.
 * Schemas of the same shapes live in `@rdev/sdlc/Schemas`.
 */
export { classify } from "./classify/Classify.ts"
export { floor, gates, type Passage } from "./classify/Gates.ts"
export type { Rule } from "./classify/Rule.ts"
export { allRules, type Guard, ruleOf, type Table, table, tableRev } from "./classify/Table.ts"
export { type DecisionV0, toV0 } from "./derive/CompatV0.ts"
export { decide } from "./derive/Decide.ts"
export { type DependencyNode, dependencyStatuses } from "./derive/Dependencies.ts"
export { derive } from "./derive/Derive.ts"
export { fold } from "./derive/Fold.ts"
export { needsSignature } from "./derive/fold/Trust.ts"
export { planDigest, subjectOf, upstreamOf } from "./derive/Verdicts.ts"
export { historyGraph, rulesGraph } from "./explain/Graph.ts"
export { path, pathFrom, type Play, type PlayOptions, simulate, type Step } from "./explain/Path.ts"
export {
  type Difference,
  diffPolicies,
  diffRecorded,
  diffRules,
  diffVectors,
  history,
  type Moment,
  replayAt,
  replayFirst
} from "./explain/Replay.ts"
export { ruleTableMarkdown } from "./explain/RuleTable.ts"
export {
  actions,
  type FactOrigin,
  type GateStatus,
  gateStatuses,
  type Obstacle,
  type Why,
  why,
  whyNot
} from "./explain/Why.ts"
export type { Artifact, ArtifactKind, Artifacts, DocumentKind, LintFinding, Upstream } from "./model/Artifact.ts"
export type { Actor, Decision, DecisionKind, FeatureDecision, Read, WhyNot } from "./model/Decision.ts"
export { canonicalJson, sha256 } from "./model/Digest.ts"
export {
  type DocumentState,
  factDomains,
  type FactName,
  factNames,
  type Facts,
  type FactValue,
  initialFacts
} from "./model/Facts.ts"
export type { Feature, FeatureKind, Lifecycle } from "./model/Feature.ts"
export type { EventData, EventOf, EventType, FeatureEvent, LoadedEvent } from "./model/FeatureEvent.ts"
export type { FeatureState } from "./model/FeatureState.ts"
export { artifactKinds, documentKinds, gateNames, severities, upstreamKinds } from "./model/Names.ts"
export type { DependencyStatus, IntegrityError, Observed } from "./model/Observed.ts"
export { type Phase, phaseIndex, phases } from "./model/Phase.ts"
export type { Gate, GateMode, Policy, PolicyPatch } from "./model/Policy.ts"
export { leanPolicy, policyFor, policyRev, standardPolicy } from "./model/Presets.ts"
export type { Principal, PrincipalType } from "./model/Principal.ts"
export type { Task, TaskSpec } from "./model/Task.ts"
export type { Verdict, VerdictGate } from "./model/Verdict.ts"
