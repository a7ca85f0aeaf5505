/** `rdev features`, and the verbs that drive one: next, why, run, answer, unblock. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ask, find, type Json, list, type Target } from "../Connection.ts"
import { common, feature, flag, optionalText, project } from "../Flags.ts"
import { given, printed, rows, string } from "../Printing.ts"
import { table } from "../Screen.ts"
import { type Named, showDecision, showDetail, showWayOut } from "./FeatureLines.ts"

const one = ({ feature, project }: Named): Named => ({ project, feature })
const nextOf = (target: Target, input: Named) => ask(target, (rdev, call) => rdev.features.next(one(input), call))
const featuresCreate = Command.make(
  "create",
  {
    ...common,
    project,
    title: Argument.String("title").pipe(Argument.withDescription("What is wanted, in a line")),
    slug: optionalText("slug", "Short name; made from the title when absent"),
    kind: Flag.Literals("kind", ["feature", "bugfix", "refactor", "hotfix"]).pipe(
      Flag.optional,
      Flag.map(Option.getOrNull)
    ),
    description: optionalText("description", "What is wanted and why; the first agent reads it"),
    dependsOn: Flag.String("depends-on").pipe(
      Flag.withDescription("Slug of a feature that must be released first; may be given several times"),
      Flag.between(0, 50)
    ),
    preset: optionalText("preset", "Preset of the project's policy"),
    hold: flag("hold", "Do not start; wait for rdev run")
  },
  (input) =>
    printed(
      input,
      (target) =>
        ask(target, (rdev, call) =>
          rdev.features.create(
            {
              project: input.project,
              title: input.title,
              ...given({
                slug: input.slug,
                kind: input.kind,
                description: input.description,
                preset: input.preset,
                deps: input.dependsOn.length === 0 ? null : input.dependsOn,
                start: input.hold ? false : null
              })
            },
            call
          )
        ),
      (made) => [
        `${made.slug} created${input.hold ? "" : " and started"}; follow it with \`rdev events ${input.project} --follow\``
      ]
    )
).pipe(Command.withDescription("Create a feature and start driving it"))

const featuresList = Command.make("list", { ...common, project }, (input) =>
  printed(
    input,
    (target) => list(target, (rdev, call) => rdev.features.listAll({ project: input.project }, call)),
    rows(
      [
        ["FEATURE", (row) => string(row["slug"])],
        ["PHASE", (row) => string(row["phase"])],
        ["STATE", (row) => string(row["lifecycle"])],
        ["NEXT", (row) => string((row["decision"] as Json | null)?.["action"])],
        ["TITLE", (row) => string(row["title"])]
      ],
      `There are no features; make one with \`rdev features create ${input.project} "<title>"\`.`
    )
  )
).pipe(Command.withDescription("List the features of a project"))

const featuresShow = Command.make("show", { ...common, project, feature }, (input) =>
  printed(
    input,
    (target) => ask(target, (rdev, call) => rdev.features.get(one(input), call)),
    (detail, screen) => [...showDetail(detail, screen), ...showWayOut(input, detail.next, screen)]
  )
).pipe(Command.withDescription("Show a feature and its next action"))

const verb = (name: "resume", description: string) =>
  Command.make(name, { ...common, project, feature }, (input) =>
    printed(input, (target) => ask(target, (rdev, call) => rdev.features[name](one(input), call)), showDetail)
  ).pipe(Command.withDescription(description))
const reasonFlag = Flag.String("reason").pipe(Flag.withDescription("Why; it is recorded"))
const verbWithReason = (name: "pause" | "cancel", description: string) =>
  Command.make(name, { ...common, project, feature, reason: reasonFlag }, (input) =>
    printed(
      input,
      (target) => ask(target, (rdev, call) => rdev.features[name]({ ...one(input), reason: input.reason }, call)),
      showDetail
    )
  ).pipe(Command.withDescription(description))
export const features = Command.make("features").pipe(
  Command.withDescription("Features of a project"),
  Command.withSubcommands([
    featuresList,
    featuresCreate,
    featuresShow,
    verbWithReason("pause", "Pause a feature"),
    verb("resume", "Resume a paused feature"),
    verbWithReason("cancel", "Cancel a feature")
  ])
)

export const next = Command.make("next", { ...common, project, feature }, (input) =>
  printed(
    input,
    (target) => nextOf(target, input),
    (decision, screen) => [...showDecision(decision, screen), ...showWayOut(input, decision, screen)]
  )
).pipe(Command.withDescription("The next valid action of a feature"))
export const why = Command.make("why", { ...common, project, feature }, (input) =>
  printed(
    input,
    (target) => ask(target, (rdev, call) => rdev.features.why(one(input), call)),
    (decision, screen) => [
      ...showDecision(decision, screen),
      ...showWayOut(input, decision, screen),
      screen.style.dim("facts"),
      ...table(decision.facts.map(({ fact, value }) => [`  ${fact}`, string(value)])),
      screen.style.dim("rules before it"),
      ...table(decision.skipped.slice(0, 40).map(({ action, because, rule }) => [`  ${rule}`, action, because]))
    ]
  )
).pipe(Command.withDescription("The next action, the facts it rests on, and why no earlier rule hit"))
export const run = Command.make(
  "run",
  {
    ...common,
    project,
    feature,
    follow: flag("follow", "Show what happens until it is released or waits for a person")
  },
  (input) =>
    Effect.gen(function* () {
      const target = yield* find(input)
      const page = yield* ask(target, (rdev, call) => rdev.events.ofProject({ project: input.project, limit: 1 }, call))
      yield* printed(input, () => ask(target, (rdev, call) => rdev.features.run(one(input), call)), showDetail)
      if (!input.follow) return
      const { followFeature } = yield* Effect.promise(() => import("../Watch.ts"))
      yield* followFeature(target, input.project, input.feature, page.watermark)
    })
).pipe(Command.withDescription("Look at a feature again and go on"))

export const answer = Command.make(
  "answer",
  {
    ...common,
    project,
    feature,
    text: Argument.String("text").pipe(Argument.withDescription("The answer; it is recorded, and the agent reads it"))
  },
  (input) =>
    printed(
      input,
      (target) => ask(target, (rdev, call) => rdev.features.answer({ ...one(input), text: input.text }, call)),
      (detail, screen) => [...showDetail(detail, screen), ...showWayOut(input, detail.next, screen)]
    )
).pipe(Command.withDescription("Answer the open escalation of a feature"))
export const unblock = Command.make(
  "unblock",
  {
    ...common,
    project,
    feature,
    task: Argument.String("task").pipe(Argument.withDescription("Plan task, e.g. task-003"))
  },
  (input) =>
    printed(
      input,
      (target) => ask(target, (rdev, call) => rdev.features.unblock({ ...one(input), plan_task: input.task }, call)),
      (detail, screen) => [...showDetail(detail, screen), ...showWayOut(input, detail.next, screen)]
    )
).pipe(Command.withDescription("Unblock a plan task of a feature"))
