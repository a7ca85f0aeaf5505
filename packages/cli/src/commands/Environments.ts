/** `rdev environments`: where a project's code runs, and what is live there. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { ask, type Json } from "../Connection.ts"
import { common, project } from "../Flags.ts"
import { fields, printed, rows, string, when } from "../Printing.ts"
import { type Screen, table } from "../Screen.ts"

const live = (one: Json): string => {
  const release = one["release"] as Json | null
  return release === null
    ? "nothing released"
    : `${string(release["sha"]).slice(0, 10)} since ${when(release["released_at"])}`
}

const list = Command.make("list", { ...common, project }, (input) =>
  printed(
    input,
    (target) => ask(target, (rdev, call) => rdev.environments.list({ project: input.project }, call)),
    ({ environments }, screen) =>
      rows(
        [
          ["NAME", (row) => string(row["name"])],
          ["KIND", (row) => string(row["kind"])],
          ["STATUS", (row) => string(row["status"])],
          ["URL", (row) => string(row["url"])],
          ["LIVE", live]
        ],
        "It has no environments."
      )(environments as unknown as ReadonlyArray<Json>, screen)
  )
).pipe(Command.withDescription("List the environments of a project"))

const shown = (one: Json, screen: Screen): ReadonlyArray<string> => [
  ...fields(
    [
      ["id", string(one["id"])],
      ["name", string(one["name"])],
      ["kind", string(one["kind"])],
      ["status", string(one["status"])],
      ["hosts", (one["hosts"] as ReadonlyArray<string>).join(" ")],
      ["url", string(one["url"])],
      ["live", live(one)],
      ["variables", (one["variables"] as ReadonlyArray<string>).join(" ") || "none"]
    ],
    screen
  ),
  ...(one["conditions"] as ReadonlyArray<Json>).flatMap(({ message, reason, since, status, type }) =>
    status === "true" || reason === "Unavailable" || (type === "Ready" && reason !== "Unobservable")
      ? []
      : [`${string(type)}: ${string(reason)} since ${when(since)}: ${string(message)}`]
  ),
  ...table(
    (one["bindings"] as ReadonlyArray<Json>).map((binding) => [
      `  ${string(binding["kind"])}`,
      string(binding["status"]),
      string(binding["detail"] ?? binding["external_id"])
    ])
  )
]
const show = Command.make(
  "show",
  {
    ...common,
    project,
    environment: Argument.String("environment").pipe(Argument.withDescription("e.g. staging"))
  },
  (input) =>
    printed(
      input,
      (target) =>
        ask(target, (rdev, call) =>
          rdev.environments.get({ project: input.project, environment: input.environment }, call)
        ),
      (one, screen) => shown(one as unknown as Json, screen)
    )
).pipe(Command.withDescription("Show an environment"))

export const environments = Command.make("environments").pipe(
  Command.withDescription("Where a project's code runs: staging, production"),
  Command.withSubcommands([list, show])
)
