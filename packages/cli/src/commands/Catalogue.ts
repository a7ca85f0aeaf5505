/** `rdev agents` and `rdev templates`: what projects can be made with. */
import * as Command from "effect/cli/Command"
import { ask } from "../Connection.ts"
import { common } from "../Flags.ts"
import { printed, rows, string } from "../Printing.ts"

export const agents = Command.make("agents", common, (input) =>
  printed(
    input,
    (target) => ask(target, async (rdev, call) => (await rdev.catalogue.agents({}, call)).agents),
    rows(
      [
        ["AGENT", (row) => string(row["name"])],
        ["READY", (row) => (row["ready"] === true ? "yes" : "no")],
        ["TITLE", (row) => string(row["title"])],
        ["", (row) => string(row["message"])]
      ],
      "There are no agents."
    )
  )
).pipe(Command.withDescription("Agents of the server, and whether they are ready"))
export const templates = Command.make("templates", common, (input) =>
  printed(
    input,
    (target) => ask(target, async (rdev, call) => (await rdev.catalogue.templates({}, call)).templates),
    rows(
      [
        ["TEMPLATE", (row) => string(row["name"])],
        ["KIND", (row) => string(row["kind"])],
        ["", (row) => string(row["description"])]
      ],
      "There are no templates."
    )
  )
).pipe(Command.withDescription("Templates of the server"))
