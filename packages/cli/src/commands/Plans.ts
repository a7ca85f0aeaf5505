/** `rdev plan` and `rdev apply`: what would be done to a project, and doing exactly that, watched to its end. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import type { CallOptions, Plan, RdevClient } from "@rdev/api/RdevClient"
import { ask, find, type Target } from "../Connection.ts"
import { type CliFailure, exitCodes, fail } from "../Failure.ts"
import { common, flag, optionalText } from "../Flags.ts"
import { given, printed, string } from "../Printing.ts"
import { Screen, table } from "../Screen.ts"

export const newProject = {
  name: Argument.String("name").pipe(
    Argument.withDescription("A DNS label: it becomes host name, repository and folder")
  ),
  template: optionalText("template", "Template (default: default)"),
  description: optionalText("description", "What it is for"),
  agent: optionalText("agent", "Agent that works on it (see rdev agents)"),
  from: optionalText(
    "from",
    "Instead of a template: clone URL of a repository, or a folder of this machine that is one"
  ),
  fromBranch: optionalText(
    "from-branch",
    "Its branch that becomes the default one (default: the one it says is its own)"
  ),
  fromTokenEnv: optionalText("from-token-env", "Variable of this shell with the token that opens the URL"),
  fromUsername: optionalText("from-username", "Login name beside the token (default: rdev; most hosts take any)")
}
export interface NewProject {
  readonly name: string
  readonly template: string | null
  readonly description: string | null
  readonly agent: string | null
  readonly from: string | null
  readonly fromBranch: string | null
  readonly fromTokenEnv: string | null
  readonly fromUsername: string | null
}
const isUrl = (from: string) => /^https?:\/\//.test(from)
export const isFolder = ({ from }: Pick<NewProject, "from">): boolean => from !== null && !isUrl(from)
/** What is wrong with the flags about a repository; null when nothing is. */
export const sourceProblem = (wanted: NewProject): string | null => {
  const { from, fromTokenEnv, template } = wanted
  const [first = null] = Object.entries({
    "--from-branch": wanted.fromBranch,
    "--from-token-env": fromTokenEnv,
    "--from-username": wanted.fromUsername
  }).flatMap(([flag, value]) => (value === null ? [] : [flag]))
  if (from === null) return first === null ? null : `${first} belongs to --from`
  if (template !== null) return "--from and --template exclude each other: a project begins with one of them"
  if (fromTokenEnv === null) return null
  if (!isUrl(from)) return "--from-token-env is for a URL; a folder of this machine needs no token"
  return (process.env[fromTokenEnv] ?? "") === "" ? `--from-token-env: ${fromTokenEnv} is not set in this shell` : null
}
const repositoryInput = ({ from, fromBranch, fromTokenEnv, fromUsername }: NewProject) =>
  from === null
    ? null
    : {
        url: isUrl(from) ? from : null,
        ...given({
          branch: fromBranch,
          username: fromUsername,
          token: fromTokenEnv === null ? null : { value: process.env[fromTokenEnv] ?? "" }
        })
      }
export const projectInput = (wanted: NewProject) => ({
  name: wanted.name,
  ...given({
    template: wanted.template,
    description: wanted.description,
    agent: wanted.agent,
    repository: repositoryInput(wanted)
  })
})

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
/** What is asked for: a project that does not exist is created, one that does is synced, or deleted if that is asked for. */
interface Way {
  readonly what: "create" | "sync" | "destroy"
  readonly plan: (rdev: RdevClient, call: CallOptions) => Promise<Plan>
  readonly start: (
    rdev: RdevClient,
    digest: string | null,
    call: CallOptions
  ) => Promise<{ readonly operation_id: string }>
}
const onProject = (what: "sync" | "destroy", project: string): Way => {
  const wanted = { project, kind: what === "sync" ? "project.sync" : "project.delete" } as const
  return {
    what,
    plan: (rdev, call) => rdev.operations.plan(wanted, call),
    start: (rdev, plan_digest, call) => rdev.operations.start({ ...wanted, ...given({ plan_digest }) }, call)
  }
}
const creation = (wanted: NewProject): Way => ({
  what: "create",
  plan: (rdev, call) => rdev.projects.plan(projectInput(wanted), call),
  start: (rdev, plan_digest, call) => rdev.projects.create({ ...projectInput(wanted), ...given({ plan_digest }) }, call)
})

const wayOf = (target: Target, wanted: Wanted): Effect.Effect<Way, CliFailure> => {
  if (wanted.destroy) return Effect.succeed(onProject("destroy", wanted.name))
  return ask(target, (rdev, call) => rdev.projects.get({ project: wanted.name }, call)).pipe(
    Effect.flatMap((): Effect.Effect<Way, CliFailure> => {
      const { name: _, ...changed } = projectInput(wanted)
      const [first] = Object.keys(changed)
      return first === undefined
        ? Effect.succeed(onProject("sync", wanted.name))
        : Effect.fail(fail("usage", `--${first}: the project ${wanted.name} exists already; this flag is for new ones`))
    }),
    Effect.catchIf(
      (failure) => failure.exitCode === exitCodes.notFound,
      () => Effect.succeed(creation(wanted))
    )
  )
}

const planned = (target: Target, way: Way) => ask(target, (rdev, call) => way.plan(rdev, call))

const headings = {
  create: "would be created",
  sync: "exists; it would be synced",
  destroy: "would be deleted"
} as const
const isEmpty = ({ steps }: Plan) => steps.every(({ change }) => change === "no-op")
const headingOf = (plan: Plan, what: Way["what"]) =>
  isEmpty(plan) ? "is as it should be; there is nothing to do" : headings[what]
const flagsOf = ({ agent, description, destroy, template, ...source }: Wanted): string =>
  [
    ...Object.entries({
      template,
      description,
      agent,
      from: source.from,
      "from-branch": source.fromBranch,
      "from-token-env": source.fromTokenEnv,
      "from-username": source.fromUsername
    }).flatMap(([name, value]) => (value === null ? [] : [` --${name} ${JSON.stringify(value)}`])),
    ...(destroy ? [" --destroy --yes"] : [])
  ].join("")

const destroy = flag("destroy", "Of the project's deletion")

export const plan = Command.make("plan", { ...common, ...newProject, destroy }, (input) =>
  printed(
    input,
    (target) =>
      Effect.gen(function* () {
        const way = yield* wayOf(target, input)
        return { way, plan: yield* planned(target, way) }
      }).pipe(Effect.map(({ plan, way }) => (input.json ? plan : { ...plan, way }))),
    (found, screen) => [
      ...("way" in found ? [screen.style.bold(`${input.name} ${headingOf(found, found.way.what)}`)] : []),
      ...planLines(found, screen),
      ...(isEmpty(found)
        ? []
        : [screen.style.dim(`Exactly this: rdev apply ${input.name}${flagsOf(input)} --plan ${found.digest}`)])
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
      const way = yield* wayOf(target, input)
      const screen = new Screen(process.stdout)
      const shown = input.plan === null ? yield* planned(target, way) : null
      if (shown !== null && !input.json) for (const line of planLines(shown, screen)) screen.line(line)
      const started = yield* ask(target, (rdev, call) => way.start(rdev, input.plan ?? shown?.digest ?? null, call))
      if (!input.json) screen.line(screen.style.bold(`${input.name}: ${started.operation_id}`))
      const { follow } = yield* Effect.promise(() => import("../OperationFollow.ts"))
      yield* follow(target, started.operation_id, { json: input.json })
    })
).pipe(Command.withDescription("Create, sync or delete a project as planned, and show every step until it has ended"))
