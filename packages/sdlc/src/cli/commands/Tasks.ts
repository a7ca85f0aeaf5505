/** `sdlc task`: start, claim, verify, fail, block, unblock, add, list. */
import { batchOf, readyTasks, statusOf } from "../../derive/Work.ts"
import type { Task } from "../../model/Task.ts"
import type { Draft } from "../../repo/Repo.ts"
import { type Args, nearest, oneOf } from "../Args.ts"
import { exit, Failure } from "../Failure.ts"
import * as Git from "../Git.ts"
import * as Identity from "../Identity.ts"
import { done, type Result, table } from "../Result.ts"
import * as Session from "../Session.ts"
import * as Evidence from "./Evidence.ts"
import { contests, jsonOf, line } from "./Next.ts"

export const spec = {
  positionals: ["verb", "task-or-feature?", "feature?"],
  flags: {
    reason: "value",
    note: "value",
    origin: "value",
    title: "value",
    covers: "value",
    writes: "value",
    depends: "value",
    verify: "values"
  }
} as const

const verbs = ["list", "add", "start", "claim", "done", "verify", "fail", "block", "unblock"] as const

const taskOf = (seen: Session.View, id: string | undefined): Task => {
  if (id === undefined)
    throw new Failure("<task> is missing.", "name one, such as task-001; sdlc task list shows them.")
  const found = seen.state.tasks.find((task) => task.id === id)
  if (found !== undefined) return found
  const close = nearest(
    id,
    seen.state.tasks.map((task) => task.id)
  )
  throw new Failure(
    `task: there is no "${id}".`,
    close !== null
      ? `did you mean ${close}?`
      : seen.state.tasks.length === 0
        ? "the tasks are created from the approved plan; sdlc next says when."
        : "sdlc task list shows them."
  )
}

const split = (value: string | undefined): ReadonlyArray<string> =>
  (value ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")

const list = (session: Session.Session, slug: string): Result => {
  const { state } = Session.intact(session, slug)
  const ready = new Set(readyTasks(state).map((task) => task.id))
  const tasks = state.tasks.map((task) => ({ ...task, status: statusOf(state, task), ready: ready.has(task.id) }))
  const rows = tasks.map((task) => [task.id, task.ready ? "ready" : task.status, task.origin, task.title])
  return done([rows.length === 0 ? "No tasks yet." : table(rows), ...contests(state)].join("\n"), {
    contested: state.contested,
    tasks,
    batch: batchOf(readyTasks(state)).map((task) => task.id)
  })
}

const nextId = (tasks: ReadonlyArray<Task>): string =>
  `task-${String(Math.max(900, ...tasks.map((task) => Number(task.id.slice(5)))) + 1).padStart(3, "0")}`

const add = (session: Session.Session, slug: string, args: Args): Result => {
  const { loaded, state } = Session.writable(session, slug)
  const origin = oneOf("--origin", args.value("origin") ?? "", ["review", "audit", "qa", "ci", "rollback"])
  const title = args.value("title")
  if (title === undefined) throw new Failure("--title: it is missing.", "say what the task repairs.")
  if (args.values("verify").length === 0)
    throw new Failure("--verify: it is missing.", "give a command that fails today and passes once the task is done.")
  const task = {
    id: nextId(state.tasks),
    title,
    deps: [...split(args.value("depends"))],
    covers: [...split(args.value("covers"))],
    writes: [...split(args.value("writes"))],
    verify: [...args.values("verify")]
  }
  for (const dep of task.deps) taskOf({ state } as Session.View, dep)
  Session.record(
    session,
    loaded,
    [
      {
        type: "fix-tasks-added",
        data: {
          origin,
          tasks: [task],
          ...(args.value("reason") === undefined ? {} : { reason: args.value("reason") ?? "" })
        }
      }
    ],
    Identity.current(session.env, session.root)
  )
  const { decision } = Session.view(session, slug)
  return done(`added ${task.id}: ${title}\n${line(decision)}`, { task, next: jsonOf(decision) })
}

/** Runs the task's verify commands and records what they show. */
export const verify = (
  session: Session.Session,
  seen: Session.View,
  task: Task,
  by = Identity.current(session.env, session.root),
  note?: string
): { readonly passed: boolean; readonly runs: ReadonlyArray<Evidence.Ran> } => {
  if (by.type === "agent")
    throw new Failure(
      `task: ${task.id} is verified by the platform or a person, not by agent ${by.id}.`,
      `claim it: sdlc task claim ${task.id}.`
    )
  const tree = Git.head(session.root, "HEAD")?.tree ?? "code1:none"
  if (task.verify.length === 0) {
    if (note === undefined || by.type !== "human")
      throw new Failure(
        `task: ${task.id} has no verify command, so nothing can show that it is done.`,
        `a person may look and say what they saw: sdlc task done ${task.id} --note "…"; or add verify to the plan.`
      )
    const seenBy = Evidence.observation(seen.state, tree, task.id, by, "passed", null, note)
    Session.record(
      session,
      seen.loaded,
      [{ type: "task-verified", data: { task: task.id, evidence: seenBy.digest } }],
      by,
      [seenBy]
    )
    return { passed: true, runs: [] }
  }
  const runs: Array<Evidence.Ran> = []
  for (const command of task.verify) {
    const ran = Evidence.run(session.root, command, session.env)
    runs.push(ran)
    if (ran.exitCode !== 0) break
  }
  const passed = runs.every((ran) => ran.exitCode === 0)
  const evidence = Evidence.testResult(seen.state, tree, task.id, by, runs)
  const failed = runs.at(-1)
  const draft: Draft = passed
    ? { type: "task-verified", data: { task: task.id, evidence: evidence.digest } }
    : {
        type: "task-failed",
        data: { task: task.id, reason: `${failed?.command ?? ""} exited with ${failed?.exitCode ?? "?"}` }
      }
  Session.record(session, seen.loaded, [draft], by, passed ? [evidence] : [])
  return { passed, runs }
}

const draftOf = (
  verb: "start" | "claim" | "fail" | "block" | "unblock",
  task: string,
  args: Args,
  sha: string | undefined
): Draft => {
  const reason = args.value("reason")
  if ((verb === "fail" || verb === "block") && (reason === undefined || reason.trim() === ""))
    throw new Failure(`--reason: task ${verb} needs one.`, 'write --reason "…".')
  const note = args.value("note")
  switch (verb) {
    case "start":
      return { type: "task-started", data: { task } }
    case "claim":
      return {
        type: "task-claimed",
        data: { task, ...(sha === undefined ? {} : { sha }), ...(note === undefined ? {} : { note }) }
      }
    case "fail":
      return { type: "task-failed", data: { task, reason: reason ?? "" } }
    case "block":
      return { type: "task-blocked", data: { task, reason: reason ?? "" } }
    case "unblock":
      return { type: "task-unblocked", data: { task, ...(reason === undefined ? {} : { reason }) } }
  }
}

const from: Readonly<Record<"start" | "claim" | "fail" | "block" | "unblock", ReadonlyArray<string>>> = {
  start: ["todo", "failed", "running"],
  claim: ["todo", "running", "failed"],
  fail: ["todo", "running", "claimed"],
  block: ["todo", "running", "failed", "claimed"],
  unblock: ["blocked"]
}

export const run = (session: Session.Session, args: Args): Result => {
  const verb = oneOf("task", args.positionals[0] ?? "", verbs)
  if (verb === "list" || verb === "add")
    return verb === "list"
      ? list(session, Session.featureArg(session, args, 1))
      : add(session, Session.featureArg(session, args, 1), args)
  const slug = Session.featureArg(session, args, 2)
  const seen = Session.writable(session, slug)
  const task = taskOf(seen, args.positionals[1])
  if (verb === "done" || verb === "verify") {
    const { passed, runs } = verify(session, seen, task, undefined, args.value("note"))
    const { decision } = Session.view(session, slug)
    const failed = runs.at(-1)
    const text = passed
      ? `${task.id} is done${runs.length === 0 ? "" : `: ${runs.length} commands passed`}`
      : `${task.id} failed: ${failed?.command ?? ""} exited with ${failed?.exitCode ?? "?"}\n${failed?.output.split("\n").slice(-20).join("\n") ?? ""}`
    return done(
      `${text}\n${line(decision)}`,
      { task: task.id, passed, runs, next: jsonOf(decision) },
      passed ? exit.action : exit.failed
    )
  }
  const status = statusOf(seen.state, task)
  if (!from[verb].includes(status))
    throw new Failure(
      `task: ${task.id} is ${status}, so it cannot ${verb === "unblock" ? "be unblocked" : verb}.`,
      `sdlc task list ${slug} shows where the tasks stand.`
    )
  if (verb === "start" && !readyTasks(seen.state).some((ready) => ready.id === task.id) && status === "todo") {
    throw new Failure(
      `task: ${task.id} waits for ${task.deps.filter((dep) => seen.state.tasks.find((other) => other.id === dep)?.status !== "done").join(", ")}.`,
      "take a ready task first."
    )
  }
  const sha = verb === "claim" ? (Git.commit(session.root, "HEAD") ?? undefined) : undefined
  Session.record(session, seen.loaded, [draftOf(verb, task.id, args, sha)], Identity.current(session.env, session.root))
  const { decision } = Session.view(session, slug)
  return done(`${task.id}: ${verb}${verb === "claim" ? "ed" : verb.endsWith("e") ? "d" : "ed"}\n${line(decision)}`, {
    task: task.id,
    verb,
    next: jsonOf(decision)
  })
}
