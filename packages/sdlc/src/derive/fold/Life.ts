/** How life and planning events change the state. */
import type { LifeData } from "../../model/events/Life.ts"
import type { PlanData } from "../../model/events/Plan.ts"
import { phaseIndex } from "../../model/Phase.ts"
import { type Builder, failed, type Handlers, recorded } from "./Builder.ts"

type Types = keyof LifeData | keyof PlanData

/** A rolled-back release starts over: its merge, its deploy, its incidents and its pull request belong to the past. */
const reopen = (state: Builder): void => {
  state.merge = { status: "idle" }
  state.release = { status: "none" }
  state.incidents.clear()
  state.sync = undefined
  if (state.pr !== undefined) state.retiredPrs.push(state.pr.number)
  state.pr = undefined
}

export const lifeHandlers: Handlers<Types> = {
  "feature-created": (state, event) => {
    if (state.feature !== undefined) {
      state.errors.push({
        file: `events/${event.id}-${event.type}.json`,
        problem: `the feature was already created by event ${state.feature.id}`,
        fix: "give one of the two features another slug"
      })
      return
    }
    const { deps, kind, preset, slug, title } = event.data
    state.feature = {
      id: event.id,
      slug,
      title,
      kind,
      ...(preset === undefined ? {} : { preset }),
      deps: deps ?? [],
      created: event.at
    }
  },
  "feature-imported": (state, event) => {
    if (state.feature === undefined || state.phase !== "draft" || state.history.length > 0) return
    const { evidence, from, says } = event.data
    state.history.push({
      from: "draft",
      to: "released",
      rule: "import",
      reason: `${says} (${from}; ${evidence})`,
      ...recorded(event)
    })
    state.phase = "released"
    state.merge = { status: "merged", ...recorded(event) }
    state.release = { status: "live", detail: evidence, ...recorded(event) }
    state.sync = recorded(event)
  },
  "feature-amended": (state, { data: { deps, title } }) => {
    if (state.feature !== undefined)
      state.feature = {
        ...state.feature,
        ...(deps === undefined ? {} : { deps }),
        ...(title === undefined ? {} : { title })
      }
  },
  "phase-moved": (state, event) => {
    const { cause, from, reason, rule, to } = event.data
    const distance = phaseIndex[to] - phaseIndex[from]
    // Two branches may both have recorded the move, or one of them a later one: only a move out of the present phase counts.
    if (from !== state.phase || distance > 1 || distance === 0) return
    state.history.push({ from, to, rule, reason, ...(cause === undefined ? {} : { cause }), ...recorded(event) })
    state.phase = to
    if (distance === 1) state.failures.clear()
    else {
      // What others brought about is not this feature's rework; an agent's word that it was so does not count.
      const byOthers = cause === "base" && event.actor.type !== "agent"
      if (!state.fixesPlanned && !byOthers) state.rework++
      if (rule === "M10") reopen(state)
    }
    state.fixesPlanned = false
  },
  paused: (state, event) => {
    if (state.lifecycle !== "active") return
    state.lifecycle = "paused"
    state.lifecycleReason = { id: event.id, text: event.data.reason, ...recorded(event) }
  },
  resumed: (state) => {
    if (state.lifecycle !== "paused") return
    state.lifecycle = "active"
    state.lifecycleReason = undefined
  },
  cancelled: (state, event) => {
    if (state.lifecycle === "archived" || state.lifecycle === "cancelled") return
    state.lifecycle = "cancelled"
    state.lifecycleReason = { id: event.id, text: event.data.reason, ...recorded(event) }
  },
  archived: (state) => {
    state.lifecycle = "archived"
  },
  "artifact-submitted": (state, event) => void state.submissions.push({ ...event.data, ...recorded(event) }),
  verdict: (state, event) => {
    const { gate, verdict } = event.data
    state.verdicts.push({ ...event.data, ...recorded(event) })
    // Two agents may disagree about a document for ever; after some rounds a person has to decide.
    if (verdict === "reject" && event.actor.type !== "human") failed(state, gate)
  },
  "claim-taken": (state, event) => {
    state.claim = { ...event.data, ...recorded(event) }
  },
  "claim-released": (state) => {
    state.claim = undefined
  },
  "branch-provisioned": (state, event) => {
    const { base, branch, resources, sha } = event.data
    state.branch = {
      name: branch,
      ...(base === undefined ? {} : { base }),
      ...(sha === undefined ? {} : { sha }),
      resources: resources ?? [branch],
      ...recorded(event)
    }
  },
  "branch-updated": (state, event) =>
    void state.updates.push({ from: event.data.from, to: event.data.to, ...recorded(event) }),
  "branch-lost": (state) => {
    state.branch = undefined
  },
  "cleanup-recorded": (state) => {
    state.branch = undefined
    state.claim = undefined
  }
}
