/** `sdlc status`: where a feature stands. */
import { documentState } from "../../derive/Documents.ts"
import { statusOf } from "../../derive/Work.ts"
import { documentKinds } from "../../model/Names.ts"
import { policyFor } from "../../model/Presets.ts"
import type { Args } from "../Args.ts"
import { done, type Result, table } from "../Result.ts"
import * as Session from "../Session.ts"
import * as Specs from "../Specs.ts"
import { jsonOf, line } from "./Next.ts"

export const statusSpec = { positionals: ["feature?"], flags: {} } as const

export const status = (session: Session.Session, args: Args): Result => {
  const { loaded, state, facts, decision } = Session.view(session, Session.inspectArg(session, args, 0), {
    whole: true
  })
  const policy = policyFor(loaded.policy, state.feature)
  const documents = documentKinds.map((kind) => ({
    kind,
    state: documentState(state, policy, kind),
    gate: policy.gates[kind],
    path: loaded.documents[kind]?.paths[0] ?? null
  }))
  const tasks = state.tasks.map((task) => ({ id: task.id, status: statusOf(state, task), title: task.title }))
  const open = [
    ...state.escalations.map((one) => `escalation ${one.id}: ${one.text}`),
    ...state.blockers.map((one) => `blocker ${one.id} (${one.needs}): ${one.text}`),
    ...state.threads.map((one) => `thread ${one.id}: ${one.text}`)
  ]
  const problems = [
    ...loaded.errors.map((error) => `corrupt: ${error.file}: ${error.problem}`),
    ...loaded.warnings.map((warning) => `warning: ${warning.file} ${warning.problem}`)
  ]
  const overlaps = Specs.overlapsOf(session, loaded)
  const text = [
    `${state.feature.slug}: ${state.feature.title} (${state.feature.kind}, ${state.lifecycle}, phase ${state.phase})`,
    table(
      documents.map((document) => [
        `  ${document.kind}`,
        document.state,
        document.gate === "off" ? "not asked" : `gate ${document.gate}`
      ])
    ),
    ...(tasks.length === 0 ? [] : [table(tasks.map((task) => [`  ${task.id}`, task.status, task.title]))]),
    ...open.map((one) => `  ${one}`),
    ...problems.map((one) => `  ${one}`),
    ...Specs.warningsOf(overlaps),
    `next: ${line(decision)}`
  ].join("\n")
  return done(
    text,
    {
      feature: state.feature,
      phase: state.phase,
      lifecycle: state.lifecycle,
      integrity: facts.integrity,
      documents,
      tasks,
      escalations: state.escalations,
      blockers: state.blockers,
      threads: state.threads,
      merge: state.merge,
      release: state.release,
      errors: loaded.errors,
      warnings: loaded.warnings,
      facts,
      ...Specs.jsonOf(overlaps),
      next: jsonOf(decision)
    },
    loaded.integrity === "corrupt" ? 3 : 0
  )
}
