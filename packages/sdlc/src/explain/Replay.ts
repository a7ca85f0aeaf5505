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
import { fold, foldEach } from "../derive/Fold.ts"
import { order } from "../derive/fold/Order.ts"

/** What a replay takes for documents and observations, kept up to date event by event. */
const circumstances = () => {
  let artifacts: Artifacts = {}
  let head: Observed["head"]
  let deps: NonNullable<Observed["deps"]> = {}
  return (event: LoadedEvent): { readonly artifacts: Artifacts; readonly observed: Observed } => {
    if (event.type === "artifact-submitted" && documentKinds.some((kind) => kind === event.data.kind)) {
      const { hash, kind } = event.data
      artifacts = {
        ...artifacts,
        [kind]: { kind, hash, author: event.actor, lint: [], openQuestions: 0 } satisfies Artifact
      }
    }
    if ("tree" in event.data) {
      const { tree } = event.data
      const patch = "patch" in event.data ? event.data.patch : head?.tree === tree ? head.patch : undefined
      head = {
        tree,
        sha: "sha" in event.data ? (event.data.sha ?? tree) : tree,
        ...(patch === undefined ? {} : { patch })
      }
    }
    // What somebody approved was the feature as it stood.
    if (event.type === "verdict" && head !== undefined && event.data.subject?.startsWith("patch1:") === true)
      head = { ...head, patch: event.data.subject }
    // Work went on, so what it depended on was there.
    if (event.type === "feature-created" || event.type === "feature-amended")
      deps = { ...deps, ...Object.fromEntries((event.data.deps ?? []).map((dep) => [dep, "met" as const])) }
    return { artifacts, observed: { ...(head === undefined ? {} : { head }), deps } }
  }
}

/** The feature after its first `count` events in their one order. */
export const replayFirst = (events: ReadonlyArray<LoadedEvent>, count: number): FeatureState => {
  const first = order(events).events.slice(0, count)
  const next = circumstances()
  let given: ReturnType<typeof next> = { artifacts: {}, observed: { deps: {} } }
  for (const event of first) given = next(event)
  return fold(first, given.artifacts, given.observed)
}

/** The feature after each of its events, in one pass; a state holds until the next one is asked for. */
function* states(events: ReadonlyArray<LoadedEvent>): Generator<readonly [LoadedEvent, FeatureState]> {
  const { errors, events: ordered } = order(events)
  if (errors.length > 0) {
    // Which of the errors a beginning has depends on the events in it.
    for (const [index, event] of ordered.entries()) yield [event, replayFirst(ordered, index + 1)]
    return
  }
  let index = 0
  for (const state of foldEach(ordered, circumstances())) yield [ordered[index++] as LoadedEvent, state]
}

/** The feature as it was at an event (by id) or at an instant (ISO 8601); undefined when that is before its creation or unknown. */
export const replayAt = (events: ReadonlyArray<LoadedEvent>, at: string): FeatureState | undefined => {
  const ordered = order(events).events
  const byId = ordered.findIndex((event) => event.id === at)
  const instant = Date.parse(at)
  const last =
    byId >= 0 ? byId : Number.isNaN(instant) ? -1 : ordered.findLastIndex((event) => Date.parse(event.at) <= instant)
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
  const moments: Array<Moment> = []
  for (const [event, state] of states(events))
    moments.push({
      event: event.id,
      type: event.type,
      at: event.at,
      decision: decide(state, policy, Date.parse(event.at))
    })
  return moments
}

export interface Difference {
  readonly event: string
  readonly at: string
  readonly before: Pick<Decision, "rule" | "via" | "action" | "actor" | "kind" | "to">
  readonly after: Pick<Decision, "rule" | "via" | "action" | "actor" | "kind" | "to">
}

const essence = ({ action, actor, kind, rule, to, via }: Decision): Difference["before"] => ({
  rule,
  ...(via === undefined ? {} : { via }),
  action,
  actor,
  kind,
  ...(to === undefined ? {} : { to })
})

const differ = (a: Difference["before"], b: Difference["before"]): boolean =>
  a.rule !== b.rule ||
  a.via !== b.via ||
  a.action !== b.action ||
  a.actor !== b.actor ||
  a.kind !== b.kind ||
  a.to !== b.to

/** Past decisions that another policy would have changed. */
export const diffPolicies = (
  events: ReadonlyArray<LoadedEvent>,
  before: Policy,
  after: Policy
): ReadonlyArray<Difference> => {
  const then = history(events, before)
  const now = history(events, after)
  return then.flatMap((moment, i) => {
    const [a, b] = [essence(moment.decision), essence((now[i] as Moment).decision)]
    return differ(a, b) ? [{ event: moment.event, at: moment.at, before: a, after: b }] : []
  })
}

/** Past decisions that another classifier (another version of the table) would have changed. */
export const diffRules = (
  events: ReadonlyArray<LoadedEvent>,
  policy: Policy,
  before: (facts: Facts) => Decision,
  after: (facts: Facts) => Decision
): ReadonlyArray<Difference> => {
  const found: Array<Difference> = []
  for (const [event, state] of states(events)) {
    const facts = derive(state, policy, Date.parse(event.at))
    const [a, b] = [essence(before(facts)), essence(after(facts))]
    if (differ(a, b)) found.push({ event: event.id, at: event.at, before: a, after: b })
  }
  return found
}

/** Changes of phase on record whose rule this table would not give at that point: what an older table, or another hand, decided otherwise. */
export const diffRecorded = (events: ReadonlyArray<LoadedEvent>, policy: Policy): ReadonlyArray<Difference> => {
  const found: Array<Difference> = []
  const { events: ordered } = order(events)
  let index = 0
  for (const [, state] of states(ordered)) {
    // The decision that a move carried out was due before it.
    const event = ordered[++index]
    if (event?.type !== "phase-moved") continue
    const now = essence(decide(state, policy, Date.parse(event.at)))
    const { rule, to } = event.data
    const recorded: Difference["before"] = { ...now, rule, to, action: now.to === to ? now.action : "move" }
    if (now.rule !== rule || now.to !== to) found.push({ event: event.id, at: event.at, before: recorded, after: now })
  }
  return found
}

/** Golden cases (of another version of the table) that come out differently here. */
export const diffVectors = (
  file: {
    readonly initial: Facts
    readonly cases: ReadonlyArray<{
      readonly name: string
      readonly facts: Partial<Facts>
      readonly decision: Difference["before"]
    }>
  },
  classify: (facts: Facts) => Decision
): ReadonlyArray<{ readonly name: string } & Omit<Difference, "event" | "at">> =>
  file.cases.flatMap((one) => {
    const after = essence(classify({ ...file.initial, ...one.facts }))
    const { action, actor, kind, rule, to, via } = one.decision
    const before: Difference["before"] = {
      rule,
      ...(via === undefined ? {} : { via }),
      action,
      actor,
      kind,
      ...(to === undefined ? {} : { to })
    }
    return differ(before, after) ? [{ name: one.name, before, after }] : []
  })
