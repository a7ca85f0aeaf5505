/** `rdev show` and `rdev diff`: what is approved is looked at before. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Output } from "@rdev/api/RdevClient"
import { ask, find } from "../Connection.ts"
import { common, feature, flag, project } from "../Flags.ts"
import { fields, given, printAnswer, printed } from "../Printing.ts"
import { Screen, table } from "../Screen.ts"
import { changeLines, documentLines, statLines } from "./ChangeLines.ts"
import type { Named } from "./FeatureLines.ts"
import { placesOf } from "./Verdicts.ts"

const listLines = (input: Named, { documents, due }: Output<"features", "documents">, screen: Screen) => [
  ...(documents.length === 0
    ? ["It has no documents yet."]
    : table([
        ["DOCUMENT", "BYTES", "PATH"].map((title) => screen.style.dim(title)),
        ...documents.map((one) => [one.name, String(one.size_bytes), one.paths.join(", ")])
      ])),
  "",
  ...fields(
    [
      ["read one", `rdev show ${input.project} ${input.feature} ${documents[0]?.name ?? "<document>"}`],
      ["the change", `rdev diff ${input.project} ${input.feature}`],
      ...(due === null
        ? []
        : [
            ["waits at", due.gate] as const,
            ...placesOf(input, due).map((place) => ["look at", place] as const),
            ["then", `rdev approve ${input.project} ${input.feature}`] as const
          ])
    ],
    screen
  )
]

const document = Argument.String("document").pipe(
  Argument.withDescription("Its name, e.g. spec (or requirements), design, tasks, review; without it they are listed"),
  Argument.optional,
  Argument.map(Option.getOrNull)
)
export const show = Command.make("show", { ...common, project, feature, document }, (input) =>
  Effect.gen(function* () {
    const { document, feature, project } = input
    const target = yield* find(input)
    const screen = new Screen(process.stdout)
    if (document === null) {
      const list = yield* ask(target, (rdev, call) => rdev.features.documents({ project, feature }, call))
      return printAnswer(input, list, screen, listLines(input, list, screen))
    }
    const found = yield* ask(target, (rdev, call) => rdev.features.document({ project, feature, document }, call))
    printAnswer(input, found, screen, documentLines(found, screen))
  })
).pipe(Command.withDescription("Documents of a feature as they stand at its branch"))

const path = Argument.String("path").pipe(
  Argument.withDescription("Only this file, or the files below this folder"),
  Argument.optional,
  Argument.map(Option.getOrNull)
)
export const diff = Command.make(
  "diff",
  { ...common, project, feature, path, stat: flag("stat", "Only which files change, and how much") },
  (input) =>
    printed(
      input,
      (target) =>
        ask(target, (rdev, call) =>
          rdev.features.diff({ project: input.project, feature: input.feature, ...given({ path: input.path }) }, call)
        ),
      (changes, screen) => (input.stat ? statLines(changes, screen) : changeLines(changes, screen))
    )
).pipe(Command.withDescription("What the branch of a feature changes of its base"))
