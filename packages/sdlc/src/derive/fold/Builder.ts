/** The state while it is being folded: maps instead of lists, mutable, never handed out. */
import type { FeatureEvent, EventOf, EventType } from "../../model/FeatureEvent.ts"
import type { Feature, Lifecycle } from "../../model/Feature.ts"
import type * as State from "../../model/FeatureState.ts"
import type { IntegrityError } from "../../model/Observed.ts"
import type { Phase } from "../../model/Phase.ts"
import type { Cost } from "../../model/Policy.ts"
import type { Principal } from "../../model/Principal.ts"
import type { Task } from "../../model/Task.ts"
import type { Verdict } from "../../model/Verdict.ts"

export interface Builder {
  feature: Feature | undefined
  phase: Phase
  lifecycle: Lifecycle
  lifecycleReason: State.Open | undefined
  readonly errors: Array<IntegrityError>
  readonly submissions: Array<State.Submission>
  readonly verdicts: Array<Verdict>
  readonly history: Array<State.PhaseMove>
  readonly last: { [T in EventType]?: string }
  plan: State.FeatureState["plan"]
  readonly tasks: Map<string, Task>
  readonly coders: Map<string, Principal>
  claim: State.FeatureState["claim"]
  branch: State.FeatureState["branch"]
  readonly updates: Array<State.FeatureState["updates"][number]>
  pr: State.FeatureState["pr"]
  readonly retiredPrs: Array<number>
  ci: Array<State.Run<State.CiResult>>
  reviews: Array<State.Run<State.ReviewResult>>
  audits: Array<State.Run<State.AuditResult>>
  qa: Array<State.Run<State.QaResult>>
  readonly threads: Map<string, State.Open>
  readonly closedThreads: Set<string>
  readonly dispositions: Map<string, State.Disposed>
  merge: State.Merge
  release: State.Release
  readonly incidents: Map<string, State.Open>
  sync: State.Recorded | undefined
  readonly escalations: Map<string, State.Open & { readonly rule: string }>
  readonly blockers: Map<string, State.Blocker>
  readonly failures: Map<string, number>
  rework: number
  /** Fix tasks were added since the last change of phase: the regression that follows belongs to them. */
  fixesPlanned: boolean
  cost: Cost
  granted: Cost
}

export const emptyBuilder = (): Builder => ({
  feature: undefined,
  phase: "draft",
  lifecycle: "active",
  lifecycleReason: undefined,
  errors: [],
  submissions: [],
  verdicts: [],
  history: [],
  last: {},
  plan: undefined,
  tasks: new Map(),
  coders: new Map(),
  claim: undefined,
  branch: undefined,
  updates: [],
  pr: undefined,
  retiredPrs: [],
  ci: [],
  reviews: [],
  audits: [],
  qa: [],
  threads: new Map(),
  closedThreads: new Set(),
  dispositions: new Map(),
  merge: { status: "idle" },
  release: { status: "none" },
  incidents: new Map(),
  sync: undefined,
  escalations: new Map(),
  blockers: new Map(),
  failures: new Map(),
  rework: 0,
  fixesPlanned: false,
  cost: {},
  granted: {}
})

export type Handlers<T extends EventType> = { readonly [K in T]: (state: Builder, event: EventOf<K>) => void }

export const recorded = (event: FeatureEvent): State.Recorded => ({ by: event.actor, at: event.at, event: event.id })

export const failed = (state: Builder, subject: string): void =>
  void state.failures.set(subject, (state.failures.get(subject) ?? 0) + 1)

export const addCost = (a: Cost, b: Cost): Cost => {
  const sum: { -readonly [K in keyof Cost]: Cost[K] } = { ...a }
  for (const key of ["usd", "tokens", "agentMinutes"] as const) {
    const more = b[key]
    if (more !== undefined) sum[key] = (sum[key] ?? 0) + more
  }
  return sum
}

/** Whether two runs, or a run and a head, are about the same code: the same tree, or the same changes of the feature. */
export const sameCode = (
  a: { readonly tree: string; readonly patch?: string },
  b: { readonly tree: string; readonly patch?: string }
): boolean => a.tree === b.tree || (a.patch !== undefined && a.patch === b.patch)

/** What a run is about, as its event says. */
export const about = ({
  patch,
  sha,
  tree
}: {
  readonly tree: string
  readonly patch?: string
  readonly sha?: string
}): { readonly tree: string; readonly patch?: string; readonly sha?: string } => ({
  tree,
  ...(patch === undefined ? {} : { patch }),
  ...(sha === undefined ? {} : { sha })
})

/** A run that was only started is replaced by what comes next for the same code. */
export const settle = <R>(
  runs: ReadonlyArray<State.Run<R>>,
  next: State.Run<R>,
  same: (a: State.Run<R>, b: State.Run<R>) => boolean = sameCode
): Array<State.Run<R>> => [...runs.filter((run) => !same(run, next) || run.result !== undefined), next]

/** CI speaks about the whole tree. */
export const sameTree = (a: { readonly tree: string }, b: { readonly tree: string }): boolean => a.tree === b.tree
