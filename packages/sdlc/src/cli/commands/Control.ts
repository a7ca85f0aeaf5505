/** `sdlc pause`, `resume`, `cancel`, `archive`, `block`, `unblock`, `answer`: a person's hand on the wheel. */
import * as Disk from "../../repo/Disk.ts"
import type { Draft } from "../../repo/Repo.ts"
import * as Ulid from "../../repo/Ulid.ts"
import { type Args, oneOf } from "../Args.ts"
import { Failure } from "../Failure.ts"
import * as Identity from "../Identity.ts"
import { done, type Result } from "../Result.ts"
import * as Session from "../Session.ts"
import * as Specs from "../Specs.ts"
import { jsonOf, line } from "./Next.ts"

const required = (args: Args, flag: string): string => {
  const value = args.value(flag)
  if (value === undefined || value.trim() === "") throw new Failure(`--${flag}: it is missing.`, `write --${flag} "…".`)
  return value
}

const finish = (session: Session.Session, seen: Session.View, draft: Draft, text: string): Result => {
  const [event] = Session.record(session, seen.loaded, [draft], Identity.current(session.env, session.root))
  const { decision } = Session.view(session, seen.state.feature.slug)
  return done(`${text}\n${line(decision)}`, { event: event?.path, type: draft.type, next: jsonOf(decision) })
}

export const lifeSpec = { positionals: ["feature?"], flags: { reason: "value" } } as const

export const life =
  (verb: "pause" | "resume" | "cancel") =>
  (session: Session.Session, args: Args): Result => {
    const seen = Session.writable(session, Session.featureArg(session, args, 0))
    const { lifecycle } = seen.state
    const fits = {
      pause: lifecycle === "active",
      resume: lifecycle === "paused",
      cancel: lifecycle === "active" || lifecycle === "paused"
    }[verb]
    if (!fits)
      throw new Failure(
        `feature: it is ${lifecycle}, so it cannot be ${{ pause: "paused", resume: "resumed", cancel: "cancelled" }[verb]}.`,
        "sdlc status shows where it stands."
      )
    const reason = args.value("reason")
    const draft: Draft =
      verb === "resume"
        ? { type: "resumed", data: reason === undefined ? {} : { reason } }
        : { type: verb === "pause" ? "paused" : "cancelled", data: { reason: required(args, "reason") } }
    return finish(
      session,
      seen,
      draft,
      `${seen.state.feature.slug}: ${{ pause: "paused", resume: "resumed", cancel: "cancelled" }[verb]}`
    )
  }

export const archiveSpec = { positionals: ["feature?"], flags: {} } as const

/** Moves the folder of a feature that has come to its end to `.sdlc/archive/`; those that depend on it still find it there. */
export const archive = (session: Session.Session, args: Args): Result => {
  const seen = Session.writable(session, Session.featureArg(session, args, 0))
  const { feature } = seen.state
  if (seen.decision.kind !== "done")
    throw new Failure(
      `feature: ${feature.slug} is not at its end; ${seen.decision.action} is due.`,
      "release or cancel it first."
    )
  if (seen.state.sync !== undefined && seen.state.lifecycle === "active") Specs.requireFolded(session, seen.loaded)
  const to = Disk.archive(session.root, feature.slug, new Date(session.now).toISOString().slice(0, 10))
  const home = Session.homeOf(session, seen.loaded)
  if (home !== null) session.wrote.add(home)
  return done(`${feature.slug}: moved to ${to}`, { feature: feature.slug, archive: to })
}

export const blockSpec = { positionals: ["feature?"], flags: { needs: "value", reason: "value", id: "value" } } as const

export const block = (session: Session.Session, args: Args): Result => {
  const seen = Session.writable(session, Session.featureArg(session, args, 0))
  const needs = oneOf("--needs", args.value("needs") ?? "human", ["human", "agent"])
  const blocker = args.value("id") ?? `b-${Ulid.make(session.now, Session.randomness()).slice(-6).toLowerCase()}`
  return finish(
    session,
    seen,
    { type: "blocker-opened", data: { blocker, needs, reason: required(args, "reason") } },
    `${blocker}: opened, ${needs === "human" ? "a person" : "an agent"} has to answer`
  )
}

export const unblockSpec = { positionals: ["blocker", "feature?"], flags: { answer: "value" } } as const

export const unblock = (session: Session.Session, args: Args): Result => {
  const seen = Session.writable(session, Session.featureArg(session, args, 1))
  const [id = ""] = args.positionals
  const open = seen.state.blockers.find((blocker) => blocker.id === id)
  if (open === undefined)
    throw new Failure(
      `blocker: there is no open "${id}".`,
      seen.state.blockers.length === 0
        ? "nothing is blocked."
        : `open: ${seen.state.blockers.map((blocker) => blocker.id).join(", ")}.`
    )
  const actor = Identity.current(session.env, session.root)
  if (open.needs === "human" && actor.type !== "human")
    throw new Failure(`blocker: ${id} needs a person, and you are ${actor.type} ${actor.id}.`, "ask a person.", 20)
  const answer = args.value("answer")
  return finish(
    session,
    seen,
    { type: "blocker-cleared", data: { blocker: id, ...(answer === undefined ? {} : { answer }) } },
    `${id}: cleared`
  )
}

export const answerSpec = {
  positionals: ["escalation", "feature?"],
  flags: { answer: "value", usd: "value", tokens: "value", "agent-minutes": "value" }
} as const

const amount = (args: Args, flag: string): number | undefined => {
  const value = args.value(flag)
  if (value === undefined) return undefined
  const number = Number(value)
  if (!Number.isFinite(number) || number < 0)
    throw new Failure(`--${flag}: "${value}" is not an amount.`, "write a number, such as 10.")
  return number
}

/** A person's answer to an escalation; it also gives attempts and rework a fresh start. */
export const answer = (session: Session.Session, args: Args): Result => {
  const seen = Session.writable(session, Session.featureArg(session, args, 1))
  const [id = ""] = args.positionals
  if (!seen.state.escalations.some((open) => open.id === id))
    throw new Failure(
      `escalation: there is no open "${id}".`,
      seen.state.escalations.length === 0
        ? "nothing waits for an answer."
        : `open: ${seen.state.escalations.map((open) => open.id).join(", ")}.`
    )
  const actor = Identity.current(session.env, session.root)
  if (actor.type !== "human")
    throw new Failure(`escalation: ${id} needs a person, and you are ${actor.type} ${actor.id}.`, "ask a person.", 20)
  const usd = amount(args, "usd")
  const tokens = amount(args, "tokens")
  const agentMinutes = amount(args, "agent-minutes")
  const budget = {
    ...(usd === undefined ? {} : { usd }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(agentMinutes === undefined ? {} : { agentMinutes })
  }
  return finish(
    session,
    seen,
    {
      type: "escalation-answered",
      data: {
        escalation: id,
        answer: required(args, "answer"),
        ...(Object.keys(budget).length === 0 ? {} : { budget })
      }
    },
    `${id}: answered`
  )
}
