/** How events about landing, releasing and the bounds of autonomy change the state. */
import type { ControlData } from "../../model/events/Control.ts"
import type { DeliveryData } from "../../model/events/Delivery.ts"
import { addCost, failed, type Handlers, recorded } from "./Builder.ts"

type Delivery = keyof DeliveryData
type Control = keyof ControlData

export const deliveryHandlers: Handlers<Delivery> = {
  "merge-queued": (state, event) => {
    if (state.merge.status !== "merged") state.merge = { status: "queued", ...event.data, ...recorded(event) }
  },
  "merge-dequeued": (state, event) => {
    if (state.merge.status === "queued") state.merge = { status: "idle", reason: event.data.reason, ...recorded(event) }
  },
  "merge-ejected": (state, event) => {
    if (state.merge.status === "merged") return
    state.merge = { status: "ejected", reason: event.data.reason, ...recorded(event) }
    failed(state, "merge")
  },
  merged: (state, event) => {
    state.merge = { status: "merged", ...event.data, ...recorded(event) }
  },
  "deploy-started": (state, event) => {
    state.release = { status: "deploying", ...event.data, ...recorded(event) }
  },
  "deploy-recorded": (state, event) => {
    const { deploy, error, status } = event.data
    state.release = {
      ...state.release,
      deploy,
      status: status === "succeeded" ? "verifying" : "failed",
      ...(error === undefined ? {} : { detail: error }),
      ...recorded(event)
    }
    if (status === "failed") failed(state, "deploy")
  },
  "release-verified": (state, event) => {
    state.release = { ...state.release, status: "live", ...event.data, ...recorded(event) }
  },
  "release-unhealthy": (state, event) => {
    state.release = {
      ...state.release,
      status: "unhealthy",
      deploy: event.data.deploy,
      detail: event.data.check,
      ...recorded(event)
    }
  },
  "rollback-started": (state, event) => {
    state.release = { ...state.release, status: "rollingBack", deploy: event.data.deploy, ...recorded(event) }
  },
  "rollback-recorded": (state, event) => {
    const { deploy, error, status } = event.data
    state.release = {
      ...state.release,
      deploy,
      status: status === "succeeded" ? "rolledBack" : "rollbackFailed",
      ...(error === undefined ? {} : { detail: error }),
      ...recorded(event)
    }
  },
  "incident-opened": (state, event) =>
    void state.incidents.set(event.data.incident, {
      id: event.data.incident,
      text: event.data.cause,
      ...recorded(event)
    }),
  "incident-closed": (state, event) => void state.incidents.delete(event.data.incident),
  "sync-recorded": (state, event) => {
    state.sync = recorded(event)
  }
}

export const controlHandlers: Handlers<Control> = {
  "escalation-opened": (state, event) => {
    const { escalation, question, rule } = event.data
    state.escalations.set(escalation, { id: escalation, text: question, rule, ...recorded(event) })
  },
  "escalation-answered": (state, event) => {
    if (event.actor.type !== "human" || !state.escalations.delete(event.data.escalation)) return
    state.failures.clear()
    state.rework = 0
    if (event.data.budget !== undefined) state.granted = addCost(state.granted, event.data.budget)
  },
  "blocker-opened": (state, event) => {
    const { blocker, needs, reason } = event.data
    state.blockers.set(blocker, { id: blocker, text: reason, needs, ...recorded(event) })
  },
  "blocker-cleared": (state, event) => {
    const open = state.blockers.get(event.data.blocker)
    if (open !== undefined && (open.needs === "agent" || event.actor.type === "human")) state.blockers.delete(open.id)
  },
  "attempt-recorded": (state, event) => {
    const { outcome, rule, subject } = event.data
    // Per rule, so that the number of things that can fail is finite; per task where a rule serves many.
    if (outcome === "failed")
      failed(state, subject !== undefined && state.tasks.has(subject) ? `${rule} ${subject}` : rule)
  },
  "rework-counted": (state) => void state.rework++,
  "cost-recorded": (state, event) => {
    state.cost = addCost(state.cost, event.data.cost)
  }
}
