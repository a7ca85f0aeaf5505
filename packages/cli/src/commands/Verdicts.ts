/** `rdev approve`, `rdev reject` and `rdev waive`. What is approved is shown before, on a terminal; without one it is said where it stands. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Output } from "@rdev/api/RdevClient"
import { ask, find, type Target } from "../Connection.ts"
import { type CliFailure, exitCodes, fail } from "../Failure.ts"
import { common, feature, flag, optionalText, project } from "../Flags.ts"
import { given, printAnswer, string } from "../Printing.ts"
import { Screen } from "../Screen.ts"
import { changeLines, documentLines } from "./ChangeLines.ts"
import { type Named, wayOut } from "./FeatureLines.ts"

type Due = NonNullable<Output<"features", "documents">["due"]>
type Gate = Due["gate"]

/** A verdict that does not fit the state: says what to type where an answer is what the feature waits for. */
const withWayOut = <A>(
  target: Target,
  input: Named,
  verdict: Effect.Effect<A, CliFailure>
): Effect.Effect<A, CliFailure> =>
  Effect.catchIf(
    verdict,
    (failure) => failure.exitCode === exitCodes.conflict,
    (failure) =>
      Effect.flatMap(
        ask(target, (rdev, call) => rdev.features.next(one(input), call)),
        (decision) => {
          const command = wayOut(input, decision)
          return Effect.fail(
            command === null ? failure : fail("conflict", `${failure.message}\nGo on with \`${command}\``)
          )
        }
      )
  )

const one = ({ feature, project }: Named): Named => ({ project, feature })
/** What a person types to see what a verdict is about. */
export const placesOf = ({ feature, project }: Named, due: Pick<Due, "code" | "documents">): ReadonlyArray<string> => [
  ...due.documents.map((name) => `rdev show ${project} ${feature} ${name}`),
  ...(due.code ? [`rdev diff ${project} ${feature}`] : [])
]

/** As many lines of one document or change as are looked at without a pager. */
const mostLines = 200
const cut = (lines: ReadonlyArray<string>, place: string): ReadonlyArray<string> => {
  const all = lines.flatMap((line) => line.split("\n"))
  return all.length <= mostLines
    ? all
    : [...all.slice(0, mostLines), `… ${all.length - mostLines} more lines: ${place}`]
}

/** Shows what is decided about, then asks. False: no. */
const agreed = Effect.fnUntraced(function* (target: Target, input: Named, due: Due, screen: Screen) {
  const places = placesOf(input, due)
  for (const [at, name] of due.documents.entries()) {
    const document = yield* ask(target, (rdev, call) => rdev.features.document({ ...one(input), document: name }, call))
    for (const line of cut(documentLines(document, screen), places[at] ?? "")) screen.line(line)
    screen.line()
  }
  if (due.code) {
    const changes = yield* ask(target, (rdev, call) => rdev.features.diff(one(input), call))
    for (const line of cut(changeLines(changes, screen), places.at(-1) ?? "")) screen.line(line)
    screen.line()
  }
  return yield* Prompt.run(Prompt.Confirm({ message: `Approve ${due.gate} of ${input.feature}?` }))
})

const gate = Flag.Literals("gate", [
  "spec",
  "design",
  "tasks",
  "qa-plan",
  "start",
  "human-review",
  "risk",
  "uat",
  "merge",
  "action"
]).pipe(Flag.withDescription("Gate to decide; default: the one that waits"), Flag.optional, Flag.map(Option.getOrNull))

const subject = optionalText(
  "subject",
  "Digest that was looked at (rdev show --json, rdev diff --json); another by now is refused"
)
const isTerminal = () => process.stdin.isTTY === true && process.stdout.isTTY === true
const dueOf = (target: Target, input: Named, gate: Gate | null) =>
  Effect.map(
    ask(target, (rdev, call) => rdev.features.documents({ ...one(input), ...given({ gate }) }, call)),
    ({ due }) => due
  )

type Verdict = Output<"features", "approve">
const decided = ({ gate, subject, verdict }: Verdict): string =>
  `${gate}: ${verdict === "approve" ? "approved" : verdict === "reject" ? "rejected" : "waived"} ${string(subject)}`

export const approve = Command.make(
  "approve",
  {
    ...common,
    project,
    feature,
    gate,
    subject,
    yes: flag("yes", "Do not show it and ask first"),
    reason: optionalText("reason", "Why; the agent reads it")
  },
  (input) =>
    Effect.gen(function* () {
      const target = yield* find(input)
      const screen = new Screen(process.stdout)
      const { gate, reason, subject } = input
      const due = input.json ? null : yield* dueOf(target, input, gate)
      const asks = due !== null && due.subject !== null && !input.yes && isTerminal()
      if (asks && !(yield* agreed(target, input, due, screen)))
        return yield* fail("failed", "nothing was approved; `rdev reject` says what is to be changed")
      const said = { ...one(input), ...given({ gate, reason, subject: subject ?? (asks ? due.subject : null) }) }
      const verdict = yield* withWayOut(
        target,
        input,
        ask(target, (rdev, call) => rdev.features.approve(said, call))
      )
      const seen = due === null || asks ? [] : placesOf(input, due)
      printAnswer(input, verdict, screen, [
        decided(verdict),
        ...seen.map((place) => screen.style.dim(`what was approved: ${place}`))
      ])
    })
).pipe(Command.withDescription("Approve what a feature waits for"))

const refusal = (name: "reject" | "waive", description: string) =>
  Command.make(
    name,
    { ...common, project, feature, gate, subject, reason: optionalText("reason", "Why; the agent reads it") },
    (input) =>
      Effect.gen(function* () {
        const { gate, reason, subject } = input
        if (reason === null) return yield* fail("usage", `--reason: to ${name} needs a reason; the agent reads it`)
        const target = yield* find(input)
        const said = { ...one(input), ...given({ gate, subject }), reason }
        const verdict = yield* withWayOut(
          target,
          input,
          ask(target, (rdev, call) => rdev.features[name](said, call))
        )
        printAnswer(input, verdict, new Screen(process.stdout), [decided(verdict)])
      })
  ).pipe(Command.withDescription(description))

export const reject = refusal("reject", "Reject it, with a reason")
export const waive = refusal("waive", "Do without a gate, with a reason")
