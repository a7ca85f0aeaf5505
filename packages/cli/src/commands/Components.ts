/** `rdev components`: the parts of a repository that are deployed or built, as `rdev.yaml` says. */
import * as Command from "effect/cli/Command"
import { ask, type Json } from "../Connection.ts"
import { common, optionalText, project } from "../Flags.ts"
import { printed, rows, string } from "../Printing.ts"
import type { Screen } from "../Screen.ts"

const faultLines = (faults: ReadonlyArray<Json>): ReadonlyArray<string> => [
  "rdev.yaml cannot be used:",
  ...faults.map(
    ({ fix, line, path, problem }) =>
      `  line ${String(line)}${path === "" ? "" : `, ${string(path)}`}: ${string(problem)}. ${string(fix)}`
  )
]

const shown = (found: Json, screen: Screen): ReadonlyArray<string> => {
  const faults = found["faults"] as ReadonlyArray<Json>
  if (faults.length > 0) return faultLines(faults)
  const missing = found["unavailable"] as ReadonlyArray<string>
  return [
    ...rows(
      [
        ["NAME", (row) => string(row["name"])],
        ["KIND", (row) => string(row["kind"])],
        ["PATH", (row) => string(row["path"])],
        ["NEEDS", (row) => (row["needs"] as ReadonlyArray<string>).join(" ") || "nothing"],
        ["PUBLIC", (row) => (row["public"] === true ? "yes" : "")]
      ],
      "It has no components."
    )(found["components"] as ReadonlyArray<Json>, screen),
    ...(missing.length === 0
      ? []
      : [`This installation does not offer ${missing.join(", ")}: see \`rdev adapters\`, or remove it from needs.`])
  ]
}

const list = Command.make(
  "list",
  { ...common, project, at: optionalText("at", "A branch, or the whole id of a commit (default: the default branch)") },
  (input) =>
    printed(
      input,
      (target) =>
        ask(target, (rdev, call) =>
          rdev.components.list({ project: input.project, ...(input.at === null ? {} : { at: input.at }) }, call)
        ),
      (found, screen) => shown(found as unknown as Json, screen)
    )
).pipe(Command.withDescription("List the components of a project, or what is wrong with its rdev.yaml"))

export const components = Command.make("components").pipe(
  Command.withDescription("Parts of a repository that are deployed or built (rdev.yaml)"),
  Command.withSubcommands([list])
)
