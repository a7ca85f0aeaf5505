/** `rdev tasks`: tasks of the work queue. */
import * as Command from "effect/cli/Command"
import { ask, type Json, list } from "../Connection.ts"
import { common, named, optionalText } from "../Flags.ts"
import { fields, given, printed, rows, string, type TaskStatus, when } from "../Printing.ts"

const taskCommand = (name: string, verb: "get" | "cancel" | "retry", description: string) =>
  Command.make(name, { ...common, id: named("id") }, (input) =>
    printed(
      input,
      (target) => ask(target, (rdev, call) => rdev.tasks[verb]({ task: input.id }, call)),
      (value, screen) =>
        fields(
          Object.entries(value).map(([key, entry]) => [key, string(entry)] as const),
          screen
        )
    )
  ).pipe(Command.withDescription(description))

const tasksList = Command.make(
  "list",
  {
    ...common,
    project: optionalText("project", "Only of this project"),
    status: optionalText("status", "pending, running, completed, failed or cancelled")
  },
  ({ project, status, ...input }) =>
    printed(
      input,
      (target) =>
        list(target, (rdev, call) => rdev.tasks.listAll(given({ project, status: status as TaskStatus | null }), call)),
      rows(
        [
          ["TASK", (row) => string(row["id"])],
          ["KIND", (row) => string(row["kind"])],
          ["STATUS", (row) => string(row["status"])],
          ["TRIES", (row) => string(row["deliveries"])],
          ["CREATED", (row) => when(row["created_at"])],
          [
            "ERROR",
            (row) =>
              row["error"] === null
                ? ""
                : (string((row["error"] as Json)["message"])
                    .split("\n", 1)[0]
                    ?.slice(0, 80) ?? "")
          ]
        ],
        "There are no such tasks."
      )
    )
).pipe(Command.withDescription("List tasks of the work queue"))
export const tasks = Command.make("tasks").pipe(
  Command.withDescription("Tasks of the work queue"),
  Command.withSubcommands([
    tasksList,
    taskCommand("show", "get", "Show a task"),
    taskCommand("cancel", "cancel", "Cancel a task"),
    taskCommand("retry", "retry", "Run a task again")
  ])
)
