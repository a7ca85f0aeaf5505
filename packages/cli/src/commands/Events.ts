/** `rdev events` and `rdev exec`: what happens in a project, and commands in its workspace. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { find } from "../Connection.ts"
import { boundedInt, common, flag, optionalText, project } from "../Flags.ts"

export const events = Command.make(
  "events",
  {
    ...common,
    project,
    follow: flag("follow", "Go on live until Ctrl-C").pipe(Flag.withAlias("f")),
    after: boundedInt("after", 0, Number.MAX_SAFE_INTEGER).pipe(
      Flag.withDescription("Only events after this number"),
      Flag.withDefault(0)
    ),
    types: optionalText("types", "Comma-separated types, e.g. output,complete")
  },
  (input) =>
    Effect.gen(function* () {
      const { showEvents } = yield* Effect.promise(() => import("../Watch.ts"))
      yield* showEvents(yield* find(input), { project: input.project }, input)
    })
).pipe(Command.withDescription("Show or follow the events of a project"))

export const exec = Command.make(
  "exec",
  {
    ...common,
    project,
    workspace: optionalText("workspace", "A feature's slug, to run in its workspace"),
    timeout: boundedInt("timeout", 1, 86_400).pipe(
      Flag.withDescription("Seconds until it is ended"),
      Flag.withDefault(600)
    ),
    command: Argument.String("command").pipe(
      Argument.withDescription("Program and arguments, after --"),
      Argument.variadic({ min: 1 })
    )
  },
  (input) =>
    Effect.gen(function* () {
      const { execute } = yield* Effect.promise(() => import("../Watch.ts"))
      yield* execute(yield* find(input), input)
    })
).pipe(Command.withDescription("Run a command in a project's workspace; ends with its exit code"))
