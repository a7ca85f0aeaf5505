/**
 * fold: events, documents and observations → FeatureState.
 * Pure; independent of the order of its input; a duplicate counts once; what is wrong with the set is named in `integrity`.
 */
import type { Artifact, Artifacts, DocumentKind } from "../model/Artifact.ts"
import { sha256 } from "../model/Digest.ts"
import type { Feature } from "../model/Feature.ts"
import type { EventOf, EventType, LoadedEvent } from "../model/FeatureEvent.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import { documentKinds } from "../model/Names.ts"
import type { IntegrityError, Observed } from "../model/Observed.ts"
import { type Builder, emptyBuilder, type Handlers } from "./fold/Builder.ts"
import { codeHandlers } from "./fold/Code.ts"
import { controlHandlers, deliveryHandlers } from "./fold/Delivery.ts"
import { lifeHandlers } from "./fold/Life.ts"
import { contested } from "./fold/Contest.ts"
import { order } from "./fold/Order.ts"
import { counts } from "./fold/Trust.ts"
import { workHandlers } from "./fold/Work.ts"

const handlers: Handlers<EventType> = {
  ...lifeHandlers,
  ...workHandlers,
  ...codeHandlers,
  ...deliveryHandlers,
  ...controlHandlers
}

const apply = <T extends EventType>(state: Builder, event: EventOf<T> & { readonly type: T }): void =>
  handlers[event.type](state, event)

const absent = (kind: DocumentKind): Artifact => ({ kind, hash: null, lint: [], openQuestions: 0 })

/** Stands in for a feature whose creation is missing; the state is corrupt then. */
const unknownFeature: Feature = {
  id: "0".repeat(26),
  slug: "unknown",
  title: "",
  kind: "feature",
  deps: [],
  created: "1970-01-01T00:00:00Z"
}

const defined = <T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }

const revision = (events: ReadonlyArray<LoadedEvent>, artifacts: Artifacts): string => {
  const ids = events.map((event) => (event.trusted === false ? `!${event.id}` : event.id)).sort()
  const documents = documentKinds.map((kind) => {
    const artifact = artifacts[kind]
    return artifact === undefined
      ? ""
      : `${artifact.hash} ${artifact.openQuestions} ${artifact.lint.filter((finding) => finding.severity === "error").length}`
  })
  return `rev:${sha256([...ids, ...documents].join("\n"))}`
}

/** A fold under way. */
interface Progress {
  readonly builder: Builder
  readonly untrusted: Array<string>
}

const step = ({ builder, untrusted }: Progress, event: LoadedEvent): void => {
  if (counts(event)) {
    apply(builder, event)
    builder.last[event.type] = event.id
  } else untrusted.push(event.id)
}

/** The state as it stands; it shares the lists of the fold, so it holds until the next event. */
const snapshot = (
  { builder, untrusted }: Progress,
  events: ReadonlyArray<LoadedEvent>,
  count: number,
  errors: ReadonlyArray<IntegrityError>,
  artifacts: Artifacts,
  observed: Observed
): FeatureState => {
  const integrity: Array<IntegrityError> = [...errors, ...builder.errors, ...(observed.errors ?? [])]
  if (builder.feature === undefined) {
    integrity.push({
      file: "events/",
      problem: "no feature-created event",
      fix: "restore it from git history, or start the feature with `sdlc init`"
    })
  }
  const tasks = [...builder.tasks.values()]
    .map((task) => ({ ...task, failures: builder.failures.get(task.id) ?? 0 }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  let rev: string | undefined
  let disputes: FeatureState["contested"] | undefined
  return {
    feature: builder.feature ?? unknownFeature,
    phase: builder.phase,
    lifecycle: builder.lifecycle,
    // Sorting and hashing all ids is most of a step's time, and neither a listing nor a replay asks for it.
    get rev() {
      return (rev ??= revision(events.slice(0, count), artifacts))
    },
    integrity,
    documents: {
      spec: artifacts.spec ?? absent("spec"),
      design: artifacts.design ?? absent("design"),
      tasks: artifacts.tasks ?? absent("tasks"),
      "qa-plan": artifacts["qa-plan"] ?? absent("qa-plan")
    },
    submissions: builder.submissions,
    verdicts: builder.verdicts,
    history: builder.history,
    last: builder.last,
    tasks,
    updates: builder.updates,
    get contested() {
      return (disputes ??= contested(events.slice(0, count), tasks))
    },
    coders: [...builder.coders.values()],
    retiredPrs: builder.retiredPrs,
    ci: builder.ci,
    reviews: builder.reviews,
    audits: builder.audits,
    qa: builder.qa,
    threads: [...builder.threads.values()],
    dispositions: Object.fromEntries(builder.dispositions),
    merge: builder.merge,
    release: builder.release,
    incidents: [...builder.incidents.values()],
    escalations: [...builder.escalations.values()],
    blockers: [...builder.blockers.values()],
    failures: Object.fromEntries(builder.failures),
    rework: builder.rework,
    cost: builder.cost,
    granted: builder.granted,
    untrusted,
    observed,
    ...defined({
      lifecycleReason: builder.lifecycleReason,
      plan: builder.plan,
      claim: builder.claim,
      branch: builder.branch,
      pr: builder.pr,
      sync: builder.sync
    })
  }
}

export const fold = (events: ReadonlyArray<LoadedEvent>, artifacts: Artifacts, observed: Observed): FeatureState => {
  const ordered = order(events)
  const progress: Progress = { builder: emptyBuilder(), untrusted: [] }
  for (const event of ordered.events) step(progress, event)
  return snapshot(progress, ordered.events, ordered.events.length, ordered.errors, artifacts, observed)
}

/**
 * The state after each event of a set in its one order: what `fold` gives for the first one, the first two and so on, in one pass.
 * A state holds until the next one is asked for. The set must be whole: no parent missing.
 */
export function* foldEach(
  ordered: ReadonlyArray<LoadedEvent>,
  inputs: (event: LoadedEvent) => { readonly artifacts: Artifacts; readonly observed: Observed }
): Generator<FeatureState> {
  const progress: Progress = { builder: emptyBuilder(), untrusted: [] }
  for (const [index, event] of ordered.entries()) {
    step(progress, event)
    const { artifacts, observed } = inputs(event)
    yield snapshot(progress, ordered, index + 1, [], artifacts, observed)
  }
}
