/**
 * @rdev/sdlc: the pure life-cycle engine. Plain functions over plain data; importing this module loads no runtime dependency.
 * Schemas of the same shapes live in `@rdev/sdlc/Schemas`.
 */
export { classify } from "./classify/Classify.ts"
export { floor, gates } from "./classify/Gates.ts"
export { table } from "./classify/Table.ts"
export type { Actor, Decision, DecisionKind, FeatureDecision, Read, WhyNot } from "./model/Decision.ts"
export { type DocumentState, factDomains, type FactName, factNames, type Facts, type FactValue, initialFacts } from "./model/Facts.ts"
export { type Phase, phaseIndex, phases } from "./model/Phase.ts"
