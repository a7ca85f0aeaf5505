/** `rdev keys`: API keys. */
import type { Input } from "@rdev/api/RdevClient"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { ask, list } from "../Connection.ts"
import { common, named, optionalText } from "../Flags.ts"
import { given, printed, removed, rows, string, when } from "../Printing.ts"

const keysCreate = Command.make(
  "create",
  {
    ...common,
    name: Argument.String("name"),
    scope: Flag.String("scope").pipe(
      Flag.withDescription("e.g. sdlc:read; may be given several times"),
      Flag.between(1, 32)
    ),
    project: Flag.String("project").pipe(
      Flag.withDescription("Restrict it to a project; may be given several times"),
      Flag.between(0, 100)
    ),
    type: Flag.Literals("type", ["human", "agent", "ci"]).pipe(
      Flag.withDescription("Who speaks with it"),
      Flag.withDefault("human" as const)
    ),
    expires: optionalText("expires", "Time in ISO 8601, e.g. 2027-01-01T00:00:00Z")
  },
  (input) =>
    printed(
      input,
      (target) =>
        ask(target, (rdev, call) =>
          rdev.keys.create(
            {
              name: input.name,
              // What is no scope is refused by the server, which names them all.
              scopes: input.scope as Input<"keys", "create">["scopes"],
              type: input.type,
              ...given({
                expires_at: input.expires,
                projects: input.project.length === 0 ? null : input.project
              })
            },
            call
          )
        ),
      (made) => [made.key, "It is shown this once."]
    )
).pipe(Command.withDescription("Make an API key"))
const keysList = Command.make("list", common, (input) =>
  printed(
    input,
    (target) => list(target, (rdev, call) => rdev.keys.listAll({}, call)),
    rows(
      [
        ["KEY", (row) => string(row["id"])],
        ["NAME", (row) => string(row["name"])],
        ["HINT", (row) => string(row["hint"])],
        ["SCOPES", (row) => (row["scopes"] as ReadonlyArray<string>).join(",")],
        ["USED", (row) => when(row["last_used_at"])],
        ["STATE", (row) => (row["revoked_at"] === null ? "live" : "revoked")]
      ],
      "There are no keys."
    )
  )
).pipe(Command.withDescription("List API keys"))
const keysRevoke = Command.make("revoke", { ...common, id: named("id") }, (input) =>
  printed(
    input,
    (target) => removed(ask(target, (rdev, call) => rdev.keys.revoke({ key: input.id }, call))),
    () => [`${input.id} is revoked`]
  )
).pipe(Command.withDescription("Revoke an API key"))
export const keys = Command.make("keys").pipe(
  Command.withDescription("API keys"),
  Command.withSubcommands([keysList, keysCreate, keysRevoke])
)
