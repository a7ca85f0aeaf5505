/** How events about code change the state. Results are kept per code tree; nothing is ever stale here, staleness is for `derive` to see. */
import type { CodeData } from "../../model/events/Code.ts"
import type { Run } from "../../model/FeatureState.ts"
import { about, type Builder, failed, type Handlers, recorded, sameCode, sameTree, settle } from "./Builder.ts"

type Types = keyof CodeData

const seen = <R>(runs: ReadonlyArray<Run<R>>, code: { readonly tree: string; readonly patch?: string }): boolean =>
  runs.some((run) => sameCode(run, code) && run.result !== undefined)

const setPr = (
  state: Builder,
  number: number,
  pr: "open" | "closed",
  event: Parameters<typeof recorded>[0],
  url?: string
): void => {
  if (state.retiredPrs.includes(number)) return
  state.pr = { number, state: pr, ...(url === undefined ? {} : { url }), ...recorded(event) }
}

export const codeHandlers: Handlers<Types> = {
  "pr-opened": (state, event) => setPr(state, event.data.number, "open", event, event.data.url),
  "pr-closed": (state, event) => {
    if (state.pr?.number === event.data.number) setPr(state, event.data.number, "closed", event, state.pr.url)
  },
  "pr-reopened": (state, event) => setPr(state, event.data.number, "open", event, state.pr?.url),
  "ci-started": (state, event) => {
    state.ci = settle(state.ci, { tree: event.data.tree, ...recorded(event) }, sameTree)
  },
  "ci-recorded": (state, event) => {
    const { patch, run: _, tree, ...result } = event.data
    state.ci = settle(
      state.ci,
      { tree, ...(patch === undefined ? {} : { patch }), result, ...recorded(event) },
      sameTree
    )
    if (result.status !== "passed") failed(state, "ci")
  },
  "review-started": (state, event) => {
    state.reviews = settle(state.reviews, { ...about(event.data), ...recorded(event) })
  },
  "review-recorded": (state, event) => {
    const { findings, verdict } = event.data
    // Changes asked for again on the same code: the fixes were disputed, which is rework too.
    if (verdict === "changes" && seen(state.reviews, event.data)) state.rework++
    state.reviews = settle(state.reviews, { ...about(event.data), result: { verdict, findings }, ...recorded(event) })
  },
  "thread-opened": (state, event) => {
    const { message, thread } = event.data
    if (state.closedThreads.delete(thread)) state.rework++
    state.threads.set(thread, { id: thread, text: message ?? "", ...recorded(event) })
  },
  "thread-resolved": (state, event) => {
    if (state.threads.delete(event.data.thread)) state.closedThreads.add(event.data.thread)
  },
  "audit-started": (state, event) => {
    state.audits = settle(state.audits, { ...about(event.data), ...recorded(event) })
  },
  "audit-recorded": (state, event) => {
    const { patch: _, sha: __, tree: ___, ...result } = event.data
    state.audits = settle(state.audits, { ...about(event.data), result, ...recorded(event) })
    if (!result.valid) failed(state, "audit")
  },
  "finding-disposed": (state, event) => {
    const { disposition, finding, reason } = event.data
    state.dispositions.set(finding, { disposition, reason, ...recorded(event) })
  },
  "qa-started": (state, event) => {
    state.qa = settle(state.qa, { ...about(event.data), ...recorded(event) })
  },
  "qa-recorded": (state, event) => {
    const { checks } = event.data
    state.qa = settle(state.qa, { ...about(event.data), result: { checks }, ...recorded(event) })
    if (checks.some((check) => check.status === "not-run")) failed(state, "qa")
  },
  "evidence-attached": (state, event) => {
    const { check: id, evidence } = event.data
    const last = state.qa.findLastIndex((run) => sameCode(run, event.data) && run.result !== undefined)
    const run = state.qa[last]
    if (run?.result === undefined) return
    const checks = run.result.checks.map((check) => (check.id === id ? { ...check, evidence } : check))
    state.qa = state.qa.with(last, { ...run, result: { checks }, event: event.id })
  }
}
