/**
 * Carries out what people say in comments of an issue, in their name: commands, and answers to the question that was put. Each comment
 * counts once: how far they were read stands in the link, and what was begun when a process died is told from the feature's own events.
 */
import { Effect } from "effect"
import type { IssueLink } from "../../domain/forge/IssueLink.ts"
import { IssueStore } from "../../ports/stores/IssueStore.ts"
import { Features } from "../Features.ts"
import type { Snapshot } from "../features/read/FeatureFiles.ts"
import type { FeatureError } from "../features/report/FeatureError.ts"
import * as Commands from "./Commands.ts"
import { as, type Desk, nameOf, type Spoken } from "./Desk.ts"

const quiet = (text: string): string =>
  text
    .replaceAll(/\s+/g, " ")
    .replaceAll(/([@#])(?=\w)/g, "$1\u200b")
    .slice(0, 500)

/** Stands in the reason of what is recorded, by which it is found again. */
const markOf = ({ issue: { number } }: Desk, comment: Spoken): string => `issue #${number}, comment ${comment.number}`
const isRecorded = ({ loaded }: Snapshot, actor: string, mark: string): boolean =>
  loaded.events.some(
    ({ actor: by, data }) =>
      by.id === actor && Object.values(data).some((value) => typeof value === "string" && value.endsWith(`(${mark})`))
  )
const reasonOf = (text: string, mark: string): string => `${text === "" ? "asked for" : text} (${mark})`

/** The question that was put last, if it is the one that is open, and if the comment came after it. */
const isAnswerable = ({ state }: Snapshot, { question }: IssueLink, comment: Spoken): boolean =>
  question !== null && comment.number > question.comment && state.escalations[0]?.id === question.escalation

const carryOut = Effect.fn("Obeying.carryOut")(function* (
  desk: Desk,
  link: IssueLink,
  comment: Spoken,
  command: Commands.Command
) {
  const features = yield* Features
  const { id } = desk.project
  const mark = markOf(desk, comment)
  const { snapshot } = yield* features.snapshot(id, link.slug)
  if (isRecorded(snapshot, nameOf(desk.adapter, comment.author), mark)) return "done"
  switch (command.verb) {
    case "wrong":
      return `${command.problem}. There are ${Commands.usage}`
    case "run":
      return yield* Effect.as(features.run(id, link.slug), "looked at again: it is under way already")
    case "pause":
      return yield* Effect.as(features.pause(id, link.slug, reasonOf(command.reason, mark)), "done")
    case "cancel":
      return yield* Effect.as(features.cancel(id, link.slug, reasonOf(command.reason, mark)), "done")
    case "resume":
      return yield* Effect.as(features.resume(id, link.slug), "done")
    case "approve": {
      const given = { verdict: "approve", gate: command.gate, reason: reasonOf("approved", mark) } as const
      return yield* Effect.as(features.verdict(id, link.slug, given), "done")
    }
    case "retry":
      return snapshot.state.escalations.length > 0
        ? yield* Effect.as(features.answer(id, link.slug, reasonOf("Try it again.", mark)), "done")
        : yield* Effect.as(features.run(id, link.slug), "done")
    case "answer":
      return isAnswerable(snapshot, link, comment)
        ? yield* Effect.as(features.answer(id, link.slug, command.text), "done")
        : "no question is open that was put here"
  }
})

/** What became of it, in words; a refusal is one, and something that is away is an error, after which it is tried again. */
const told = (desk: Desk, link: IssueLink, comment: Spoken, command: Commands.Command) =>
  carryOut(desk, link, comment, command).pipe(
    as(desk, comment.author),
    Effect.catchTag("FeatureError", (error: FeatureError) => Effect.succeed(`not done: ${error.message}`)),
    Effect.map((outcome) => `\`/rdev ${command.verb}\` of ${comment.author}: ${quiet(outcome)}`)
  )

/** A comment that is no command answers the open question. */
const commandOf = ({ question }: IssueLink, { body }: Spoken): Commands.Command | null => {
  const command = Commands.parse(body)
  if (command !== null || question === null || body.trim() === "") return command
  return { verb: "answer", text: body.trim().slice(0, 8_000) }
}

/** Everything said since the last look, in order. */
export const obey = Effect.fn("Obeying.obey")(function* (desk: Desk, from: IssueLink) {
  const store = yield* IssueStore
  let link = from
  for (const comment of desk.comments) {
    if (link.readTo !== null && comment.number <= link.readTo) continue
    const command = commandOf(link, comment)
    const counts = command !== null && (yield* desk.mayWrite(comment.author))
    const isTalk = command?.verb === "answer" && Commands.parse(comment.body) === null
    const note = counts ? yield* told(desk, link, comment, command) : link.note
    link = { ...link, readTo: comment.number, note: isTalk && note?.endsWith("put here") === true ? link.note : note }
    yield* store.put(link)
  }
  return link
})
