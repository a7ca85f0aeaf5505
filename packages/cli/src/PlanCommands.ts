/** `rdev plan` and `rdev apply`: what would be done to a project, and doing exactly that, watched to its end. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { call, find, type Json, segment, type Target } from "./Connection.ts"
import { type CliFailure, exitCodes, fail } from "./Failure.ts"
import { common, flag, optionalText } from "./Flags.ts"
import { given, printed, string } from "./Printing.ts"
import { Screen, table } from "./Screen.ts"

export const newProject = {
  name: Argument.String("name").pipe(
    Argument.withDescription("A DNS label: it becomes host name, repository and folder")
  ),
  template: optionalText("template", "Template (default: default)"),
  description: optionalText("description", "What it is for"),
  agent: optionalText("agent", "Agent that works on it (see rdev agents)")
}
export interface NewProject {
  readonly name: string
  readonly template: string | null
  readonly description: string | null
  readonly agent: string | null
}
export const projectBody = ({ agent, description, name, template }: NewProject) =>
  given({ name, template, description, agent })

export interface Plan {
  readonly digest: string
  readonly steps: ReadonlyArray<Json>
}
export const planLines = (plan: Plan, screen: Screen): ReadonlyArray<string> =>
  table(
    plan.steps.map((step) => [
      `  ${string(step["change"])}`,
      string(step["title"]),
      screen.style.dim(string(step["reason"]))
    ])
  )

interface Wanted extends NewProject {
  readonly destroy: boolean
}
/** Where the request goes: a project that does not exist is created, one that does is synced, or deleted if that is asked for. */
interface Route {
  readonly what: "create" | "sync" | "destroy"
  readonly path: string
  readonly body: Json
}

const route = (target: Target, wanted: Wanted): Effect.Effect<Route, CliFailure> => {
  const path = `/projects/${segment(wanted.name)}/operations`
  if (wanted.destroy) return Effect.succeed({ what: "destroy", path, body: { kind: "project.delete" } })
  return call(target, `/projects/${segment(wanted.name)}`).pipe(
    Effect.flatMap((): Effect.Effect<Route, CliFailure> => {
      const { name: _, ...changed } = projectBody(wanted)
      const [first] = Object.keys(changed)
      return first === undefined
        ? Effect.succeed({ what: "sync", path, body: { kind: "project.sync" } })
        : Effect.fail(fail("usage", `--${first}: the project ${wanted.name} exists already; this flag is for new ones`))
    }),
    Effect.catchIf(
      (failure) => failure.exitCode === exitCodes.notFound,
      () => Effect.succeed<Route>({ what: "create", path: "/projects", body: projectBody(wanted) })
    )
  )
}

const planned = (target: Target, { body, path }: Route) => call<Plan>(target, `${path}?dry_run=true`, { body })

const headings = {
  create: "would be created",
  sync: "exists; it would be synced",
  destroy: "would be deleted"
} as const
const flagsOf = ({ agent, description, destroy, template }: Wanted): string =>
  [
    ...Object.entries({ template, description, agent }).flatMap(([name, value]) =>
      value === null ? [] : [` --${name} ${JSON.stringify(value)}`]
    ),
    ...(destroy ? [" --destroy --yes"] : [])
  ].join("")

const destroy = flag("destroy", "Of the project's deletion")

export const plan = Command.make("plan", { ...common, ...newProject, destroy }, (input) =>
  printed(
    input,
    (target) =>
      Effect.gen(function* () {
        const way = yield* route(target, input)
        return { way, plan: yield* planned(target, way) }
      }).pipe(Effect.map(({ plan, way }) => (input.json ? plan : { ...plan, way }))),
    (found, screen) => [
      ...("way" in found ? [screen.style.bold(`${input.name} ${headings[found.way.what]}`)] : []),
      ...planLines(found, screen),
      screen.style.dim(`Exactly this: rdev apply ${input.name}${flagsOf(input)} --plan ${found.digest}`)
    ]
  )
).pipe(Command.withDescription("Show what would be done to create, sync or delete a project; changes nothing"))

export const apply = Command.make(
  "apply",
  {
    ...common,
    ...newProject,
    plan: optionalText("plan", "Digest that rdev plan printed: exactly that is done, or nothing"),
    destroy: flag("destroy", "Delete the project"),
    yes: flag("yes", "Really delete it, its repository included")
  },
  (input) =>
    Effect.gen(function* () {
      if (input.destroy && !input.yes)
        return yield* fail(
          "usage",
          `this deletes ${input.name} with its repository, releases and names; say so with --yes`
        )
      const target = yield* find(input)
      const way = yield* route(target, input)
      const screen = new Screen(process.stdout)
      const shown = input.plan === null ? yield* planned(target, way) : null
      if (shown !== null && !input.json) for (const line of planLines(shown, screen)) screen.line(line)
      const started = yield* call<{ readonly operation_id: string }>(target, way.path, {
        body: { ...way.body, plan_digest: input.plan ?? shown?.digest }
      })
      if (!input.json) screen.line(screen.style.bold(`${input.name}: ${started.operation_id}`))
      const { follow } = yield* Effect.promise(() => import("./OperationFollow.ts"))
      yield* follow(target, started.operation_id, { json: input.json })
    })
).pipe(Command.withDescription("Create, sync or delete a project as planned, and show every step until it has ended"))
