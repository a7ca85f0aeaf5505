/** `rdev tree`: run cookbook trees on the server as operations, list those it ships, check a file. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import type { Input } from "@rdev/api/RdevClient"
import { ask, find, type Json } from "../Connection.ts"
import { type CliFailure, fail } from "../Failure.ts"
import { common, optionalText } from "../Flags.ts"
import { given, printed, rows, string } from "../Printing.ts"
import { Screen } from "../Screen.ts"

const file = Argument.String("file").pipe(
  Argument.withDescription("A YAML file, or the name of a tree that the server ships (rdev tree list)")
)

const shippedName = /^[a-z][a-z0-9-]{0,39}$/
const readText = (path: string): Effect.Effect<string, CliFailure> =>
  Effect.try({
    try: () => readFileSync(path, "utf8"),
    catch: (cause) =>
      fail(
        "usage",
        `${path} cannot be read (${cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)}); give a YAML file or the name of a shipped tree (rdev tree list)`
      )
  })
/** A file that is there goes before a shipped tree of the same name. */
const sourceOf = (given: string): Effect.Effect<Input<"trees", "run">, CliFailure> =>
  Effect.catchIf(
    Effect.map(readText(given), (text): Input<"trees", "run"> => ({ text })),
    () => shippedName.test(given),
    () => Effect.succeed({ name: given })
  )

const variables = (pairs: ReadonlyArray<string>): Effect.Effect<Record<string, string>, CliFailure> => {
  const bad = pairs.find((pair) => !/^[a-z][a-z0-9_]{0,39}=/.test(pair))
  return bad === undefined
    ? Effect.succeed(
        Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]))
      )
    : Effect.fail(
        fail(
          "usage",
          `--var: ${JSON.stringify(bad)} is not name=value with a name of lower-case letters, digits and underscores`
        )
      )
}

/** What a run takes down when it has ended, said before it begins; a tree with the variable `keep` can be told not to. */
export const endOf = (
  tree: {
    readonly teardown: ReadonlyArray<{ readonly id: string; readonly title: string | null }>
    readonly vars: ReadonlyArray<{ readonly name: string }>
  },
  given: Readonly<Record<string, unknown>>
): string | null => {
  const keeps = tree.vars.some(({ name }) => name === "keep")
  if (tree.teardown.length === 0 || (keeps && given["keep"] === "true")) return null
  const lower = (title: string) => `${title.slice(0, 1).toLowerCase()}${title.slice(1)}`
  const steps = tree.teardown.map(({ id, title }) => lower(title ?? id)).join(", ")
  return `At its end it will: ${steps}.${keeps ? " With --var keep=true it leaves everything in place." : ""}`
}

const run = Command.make(
  "run",
  {
    ...common,
    file,
    projectName: optionalText("project-name", "Value of the variable project_name"),
    var: Flag.String("var").pipe(
      Flag.withDescription("A variable as name=value; may be given several times"),
      Flag.between(0, 100)
    ),
    project: optionalText("project", "Run it on this existing project: its stream and audit trail then hold the run")
  },
  (input) =>
    Effect.gen(function* () {
      const vars = { ...given({ project_name: input.projectName }), ...(yield* variables(input.var)) }
      const tree = { ...(yield* sourceOf(input.file)), vars }
      const target = yield* find(input)
      const { project } = input
      const text = "text" in tree ? tree.text : undefined
      const view = yield* ask(target, async (rdev, call) =>
        text === undefined
          ? (await rdev.trees.list({}, call)).trees.find(({ name }) => name === input.file)
          : rdev.trees.check({ text }, call)
      )
      const started = yield* ask(target, (rdev, call) =>
        project === null ? rdev.trees.run(tree, call) : rdev.operations.start({ project, kind: "tree.run", tree }, call)
      )
      const screen = new Screen(process.stdout)
      if (!input.json) screen.line(screen.style.bold(`${input.file}: ${started.operation_id}`))
      const end = view === undefined ? null : endOf(view, vars)
      if (!input.json && end !== null) screen.line(screen.style.yellow(end))
      const { follow } = yield* Effect.promise(() => import("../OperationFollow.ts"))
      yield* follow(target, started.operation_id, { json: input.json })
    })
).pipe(
  Command.withDescription("Run a tree on the server and show every step until it has ended; the exit code says how")
)

const treesList = Command.make("list", common, (input) =>
  printed(
    input,
    (target) => ask(target, async (rdev, call) => (await rdev.trees.list({}, call)).trees),
    rows(
      [
        ["TREE", (row) => string(row["name"])],
        ["STEPS", (row) => string((row["steps"] as ReadonlyArray<Json>).length)],
        [
          "VARIABLES",
          (row) =>
            (row["vars"] as ReadonlyArray<Json>)
              .map((one) => (one["required"] === true ? string(one["name"]) : `[${string(one["name"])}]`))
              .join(" ")
        ],
        ["", (row) => string(row["description"])]
      ],
      "The server ships no trees."
    )
  )
).pipe(Command.withDescription("Trees that the server ships"))

const check = Command.make(
  "check",
  { ...common, file: Argument.String("file").pipe(Argument.withDescription("A YAML file")) },
  (input) =>
    printed(
      input,
      (target) =>
        Effect.flatMap(readText(input.file), (text) => ask(target, (rdev, call) => rdev.trees.check({ text }, call))),
      (tree) => [
        `${input.file}: ${string(tree["name"])}, ${(tree["steps"] as ReadonlyArray<Json>).length} steps and ${(tree["teardown"] as ReadonlyArray<Json>).length} to tear down; nothing is wrong with it`
      ]
    )
).pipe(Command.withDescription("Check a tree without running it"))

export const tree = Command.make("tree").pipe(
  Command.withDescription("Cookbook trees: workflows in YAML that run as durable operations"),
  Command.withSubcommands([run, treesList, check])
)
