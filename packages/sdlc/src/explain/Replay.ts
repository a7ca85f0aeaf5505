/**
 * Replay and diff: a feature as it was after any event, and which of its past decisions another policy or table would have changed.
 * Works from events alone: documents are taken as last submitted and clean, the code as last judged, everything else as recorded.
 */
import type { Artifact, Artifacts } from "../model/Artifact.ts"
import type { Decision, FeatureDecision } from "../model/Decision.ts"
import type { Facts } from "../model/Facts.ts"
import type { LoadedEvent } from "../model/FeatureEvent.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import { documentKinds } from "../model/Names.ts"
import type { Observed } from "../model/Observed.ts"
import type { Policy } from "../model/Policy.ts"
import { decide } from "../derive/Decide.ts"
import { derive } from "../derive/Derive.ts"
import { fold } from "../derive/Fold.ts"
import { order } from "../derive/fold/Order.ts"

const documentsOf = (events: ReadonlyArray<LoadedEvent>): Artifacts => {
  const found: { [kind: string]: Artifact } = {}
  for (const event of events) {
    if (event.type === "artifact-submitted" && documentKinds.some((kind) => kind === event.data.kind)) {
      const { hash, kind } = event.data
      found[kind] = { kind, hash, author: event.actor, lint: [], openQuestions: 0 }
    }
  }
  return found
}

const observedOf = (events: ReadonlyArray<LoadedEvent>): Observed => {
  const judged = events.findLast((event) => "tree" in event.data)
  const met = events.flatMap((event) => event.type === "feature-created" || event.type === "feature-amended" ? event.data.deps ?? [] : [])
  return {
    ...(judged !== undefined && "tree" in judged.data ? { head: { tree: judged.data.tree, sha: "sha" in judged.data ? judged.data.sha : judged.data.tree } } : {}),
    // Work went on, so what it depended on was there.
    deps: Object.fromEntries(met.map((dep) => [dep, "met" as const]))
  }
}

/** The feature after its first `count` events in their one order. */
export const replayFirst = (events: ReadonlyArray<LoadedEvent>, count: number): FeatureState => {
  const first = order(events).events.slice(0, count)
  return fold(first, documentsOf(first), observedOf(first))
}

/** The feature as it was at an event (by id) or at an instant (ISO 8601); undefined when that is before its creation or unknown. */
export const replayAt = (events: ReadonlyArray<LoadedEvent>, at: string): FeatureState | undefined => {
  const ordered = order(events).events
  const byId = ordered.findIndex((event) => event.id === at)
  const instant = Date.parse(at)
  const last = byId >= 0 ? byId : Number.isNaN(instant) ? -1 : ordered.findLastIndex((event) => Date.parse(event.at) <= instant)
  return last < 0 ? undefined : replayFirst(ordered, last + 1)
}

export interface Moment {
  /** The event after which the decision was due. */
  readonly event: string
  readonly type: string
  readonly at: string
  readonly decision: FeatureDecision
}

/** Every decision of a feature's past, one after each event. */
export const history = (events: ReadonlyArray<LoadedEvent>, policy: Policy): ReadonlyArray<Moment> => {
  const ordered = order(events).events
  return ordered.map((event, i) => ({ event: event.id, type: event.type, at: event.at, decision: decide(replayFirst(ordered, i + 1), policy, Date.parse(event.at)) }))
}

export interface Difference {
  readonly event: string
  readonly at: string
  readonly before: Pick<Decision, "rule" | "via" | "action" | "actor" | "kind" | "to">
  readonly after: Pick<Decision, "rule" | "via" | "action" | "actor" | "kind" | "to">
}

const essence = ({ action, actor, kind, rule, to, via }: Decision): Difference["before"] => ({ rule, ...(via === undefined ? {} : { via }), action, actor, kind, ...(to === undefined ? {} : { to }) })

const differ = (a: Difference["before"], b: Difference["before"]): boolean =>
  a.rule !== b.rule || a.via !== b.via || a.action !== b.action || a.actor !== b.actor || a.kind !== b.kind || a.to !== b.to

/** Past decisions that another policy would have changed. */
export const diffPolicies = (events: ReadonlyArray<LoadedEvent>, before: Policy, after: Policy): ReadonlyArray<Difference> => {
  const then = history(events, before)
  const now = history(events, after)
  return then.flatMap((moment, i) => {
    const [a, b] = [essence(moment.decision), essence((now[i] as Moment).decision)]
    return differ(a, b) ? [{ event: moment.event, at: moment.at, before: a, after: b }] : []
  })
}

/** Past decisions that another classifier (another version of the table) would have changed. */
export const diffRules = (events: ReadonlyArray<LoadedEvent>, policy: Policy, before: (facts: Facts) => Decision, after: (facts: Facts) => Decision): ReadonlyArray<Difference> => {
  const ordered = order(events).events
  return ordered.flatMap((event, i) => {
    const facts = derive(replayFirst(ordered, i + 1), policy, Date.parse(event.at))
    const [a, b] = [essence(before(facts)), essence(after(facts))]
    return differ(a, b) ? [{ event: event.id, at: event.at, before: a, after: b }] : []
  })
}

/** Changes of phase on record whose rule this table would not give at that point: what an older table, or another hand, decided otherwise. */
export const diffRecorded = (events: ReadonlyArray<LoadedEvent>, policy: Policy): ReadonlyArray<Difference> => {
  const ordered = order(events).events
  return ordered.flatMap((event, i) => {
    if (event.type !== "phase-moved" || i === 0) return []
    const now = essence(decide(replayFirst(ordered, i), policy, Date.parse(event.at)))
    const { rule, to } = event.data
    const recorded: Difference["before"] = { ...now, rule, to, action: now.to === to ? now.action : "move" }
    return now.rule === rule && now.to === to ? [] : [{ event: event.id, at: event.at, before: recorded, after: now }]
  })
}

/** Golden cases (of another version of the table) that come out differently here. */
export const diffVectors = (
  file: { readonly initial: Facts; readonly cases: ReadonlyArray<{ readonly name: string; readonly facts: Partial<Facts>; readonly decision: Difference["before"] }> },
  classify: (facts: Facts) => Decision
): ReadonlyArray<{ readonly name: string } & Omit<Difference, "event" | "at">> =>
  file.cases.flatMap((one) => {
    const after = essence(classify({ ...file.initial, ...one.facts }))
    const { action, actor, kind, rule, to, via } = one.decision
    const before: Difference["before"] = { rule, ...(via === undefined ? {} : { via }), action, actor, kind, ...(to === undefined ? {} : { to }) }
    return differ(before, after) ? [{ name: one.name, before, after }] : []
  })
