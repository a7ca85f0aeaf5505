/** `rdev projects` and `rdev git-token`: make, look at and delete projects. */
import type { Output } from "@rdev/api/RdevClient"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { ask, type Json, list, type Target } from "../Connection.ts"
import { exitCodes, fail } from "../Failure.ts"
import { boundedInt, common, flag, project } from "../Flags.ts"
import * as LocalHistory from "../LocalHistory.ts"
import * as OperationOutcome from "../OperationOutcome.ts"
import { fields, printed, rows, string, when } from "../Printing.ts"
import { type Screen, table } from "../Screen.ts"
import * as Waiting from "../Waiting.ts"
import { isFolder, newProject, planLines, projectInput, sourceProblem } from "./Plans.ts"

/** Whether it is as it should be; of what is not, each thing with what to do. */
const conditionLines = (one: Json): ReadonlyArray<string> => {
  const conditions = (one["conditions"] ?? []) as ReadonlyArray<Json>
  const wrong = conditions.filter(({ status, type }) => status !== "true" && type !== "Ready")
  const ready = conditions.find(({ type }) => type === "Ready")
  const isWaiting = wrong.length === 0 && ready !== undefined && ready["status"] !== "true"
  return (isWaiting ? [ready] : wrong.filter(({ reason }) => reason !== "Unavailable" && reason !== "Unseen")).map(
    ({ message, reason, since, type }) => `${string(type)}: ${string(reason)} since ${when(since)}: ${string(message)}`
  )
}

/** What it began with; of a repository, what was found in it. */
const origin = (one: Json): ReadonlyArray<readonly [string, string]> => {
  const source = one["source"] as Json | null
  if (source === null) return [["template", string(one["template"])]]
  const setup = one["setup"] as Json | null
  const pull = setup === null ? null : setup["pull_request"]
  return [
    [
      "history",
      source["url"] === null
        ? `pushed, branch ${string(source["branch"])}`
        : `${string(source["url"])}, branch ${string(source["branch"])}`
    ],
    ...(pull === null
      ? []
      : [
          [
            "set up",
            `pull request #${string(pull)} says more of it to rdev; merge it: rdev projects setup ${string(one["name"])}`
          ] as const
        ]),
    ...((setup?.["findings"] ?? []) as ReadonlyArray<Json>).map(
      (finding) =>
        ["", `${string(finding["about"])}, ${string(finding["confidence"])}: ${string(finding["reason"])}`] as const
    )
  ]
}
const showProject = (one: Json, screen: Screen) => {
  const environments = one["environments"] as ReadonlyArray<Json>
  const resources = one["resources"] as ReadonlyArray<Json>
  return [
    ...fields(
      [
        ["id", string(one["id"])],
        ["name", string(one["name"])],
        ["status", string(one["status"])],
        ...origin(one),
        ["agent", string(one["agent"])],
        [
          "clone",
          one["clone_url"] === null
            ? "–"
            : `${string(one["clone_url"])}  with a token: rdev git-token ${string(one["name"])}`
        ],
        ...environments.map(
          (env) =>
            [
              string(env["name"]),
              `${string(env["url"])}  ${env["sha"] === null ? "nothing released" : string(env["sha"]).slice(0, 10)}`
            ] as const
        )
      ],
      screen
    ),
    ...conditionLines(one),
    ...((one["damages"] ?? []) as ReadonlyArray<Json>).map(
      (damage) => `damaged: ${string(damage["part"])}: ${string(damage["message"])}. ${string(damage["repair"])}`
    ),
    ...table(
      resources.map((resource) => [
        `  ${string(resource["kind"])}${resource["environment"] === null ? "" : ` of ${string(resource["environment"])}`}`,
        string(resource["status"]),
        string(resource["detail"] ?? resource["external_id"])
      ])
    )
  ]
}
const wait = boundedInt("wait", 0, 60).pipe(
  Flag.withDescription("Seconds to wait for the end (at most 60)"),
  Flag.withDefault(60)
)
/** As the API answers it, without what stands in a header. */
const shownProject = (target: Target, project: string) =>
  ask(target, async (rdev, call) => {
    const { etag: _, ...shown } = await rdev.projects.get({ project }, call)
    return shown
  })

/** What begins at once has mostly ended in this time; what has not is asked for what it waits for. */
const shortSeconds = 3
const provisioned = Effect.fnUntraced(function* (
  target: Target,
  { operation_id: operation, project }: Output<"projects", "create">,
  seconds: number
) {
  if (project.status !== "provisioning" || seconds <= 0) return project
  const said = Waiting.watch(
    ask(target, (rdev, call) => rdev.operations.get({ operation }, call)),
    (line) => process.stderr.write(`${line}\n`)
  )
  yield* Effect.raceFirst(
    said,
    ask(target, (rdev, call) => rdev.operations.get({ operation, wait: seconds }, call))
  )
  return yield* shownProject(target, project.id)
})

/** Pushes the folder's history once the repository is there to take it. */
const pushed = Effect.fnUntraced(function* (target: Target, project: string, history: LocalHistory.LocalHistory) {
  const token = ask(target, (rdev, call) =>
    rdev.projects.createGitToken({ project, access: "write", ttl_seconds: 3_600 }, call)
  )
  const access = yield* Effect.retry(token, {
    while: (failure) => failure.exitCode === exitCodes.conflict,
    schedule: Schedule.spaced("300 millis"),
    times: 200
  })
  process.stderr.write(`pushing ${history.refs.length} branches and tags of ${history.folder}\n`)
  yield* LocalHistory.push(history, access)
})

const projectsCreate = Command.make("create", { ...common, ...newProject, wait }, (input) =>
  printed(
    input,
    (target) =>
      Effect.gen(function* () {
        const wrong = sourceProblem(input)
        if (wrong !== null) return yield* fail("usage", wrong)
        const history = isFolder(input) ? yield* LocalHistory.look(input.from ?? "", input.fromBranch) : null
        const wanted = projectInput(history === null ? input : { ...input, fromBranch: history.branch })
        const asked = yield* ask(target, (rdev, call) =>
          rdev.projects.create({ ...wanted, wait: history === null ? Math.min(input.wait, shortSeconds) : 0 }, call)
        )
        if (history !== null) yield* pushed(target, asked.project.id, history)
        const started = { ...asked, project: yield* provisioned(target, asked, input.wait - shortSeconds) }
        if (started.project.status !== "failed") return started
        const { error } = yield* ask(target, (rdev, call) =>
          rdev.operations.get({ operation: started.operation_id }, call)
        )
        return yield* fail(
          "failed",
          `the project could not be provisioned: ${string(error?.message)}; everything was undone. See \`rdev operations show ${started.operation_id}\``
        )
      }),
    (started, screen) => [
      ...showProject(started.project, screen),
      ...(started.project.status === "provisioning"
        ? [`It is still being provisioned: rdev operations show ${started.operation_id}`]
        : [])
    ]
  )
).pipe(Command.withDescription("Create a project and provision everything it needs"))

const projectsPlan = Command.make("plan", { ...common, ...newProject }, (input) =>
  printed(input, (target) => ask(target, (rdev, call) => rdev.projects.plan(projectInput(input), call)), planLines)
).pipe(Command.withDescription("Show what creating a project would do; changes nothing"))

const projectsList = Command.make("list", common, (input) =>
  printed(
    input,
    (target) => list(target, (rdev, call) => rdev.projects.listAll({}, call)),
    rows(
      [
        ["NAME", (row) => string(row["name"])],
        ["STATUS", (row) => string(row["status"])],
        ["TEMPLATE", (row) => string(row["template"])],
        ["AGENT", (row) => string(row["agent"])],
        ["CREATED", (row) => when(row["created_at"])]
      ],
      "There are no projects; make one with `rdev projects create <name>`."
    )
  )
).pipe(Command.withDescription("List projects"))

const projectsShow = Command.make("show", { ...common, project }, (input) =>
  printed(input, (target) => shownProject(target, input.project), showProject)
).pipe(Command.withDescription("Show a project"))

const projectsSync = Command.make(
  "sync",
  {
    ...common,
    project,
    make: Flag.String("make").pipe(
      Flag.withDescription("Kinds whose loss is accepted, with commas between them: they are made anew, empty"),
      Flag.withDefault("")
    )
  },
  (input) =>
    printed(
      input,
      (target) => {
        const make = input.make.split(",").flatMap((kind) => kind.trim() || [])
        return ask(target, (rdev, call) => rdev.projects.sync({ project: input.project, make }, call))
      },
      (synced, screen) => [
        ...showProject(synced.project, screen),
        synced.operation_id === null
          ? "Nothing is made again."
          : `It is being repaired: rdev operations follow ${synced.operation_id}`
      ]
    )
).pipe(Command.withDescription("Look at a project's infrastructure now, and repair it"))
const projectsSetup = Command.make("setup", { ...common, project }, (input) =>
  printed(
    input,
    (target) => ask(target, (rdev, call) => rdev.projects.mergeSetup({ project: input.project }, call)),
    (merged) => [
      `${input.project}: pull request #${string(merged["pull_request"])} is merged (${string(merged["sha"]).slice(0, 10)})`
    ]
  )
).pipe(Command.withDescription("Merge the pull request that sets rdev up in a repository that was brought in"))

const projectsDelete = Command.make(
  "delete",
  { ...common, project, wait, yes: flag("yes", "Really delete it, its repository included") },
  (input) =>
    input.yes
      ? printed(
          input,
          (target) =>
            Effect.flatMap(
              ask(target, (rdev, call) => rdev.projects.delete({ project: input.project, wait: input.wait }, call)),
              ({ operation_id }) =>
                Effect.map(
                  Effect.flatMap(OperationOutcome.read(target, operation_id), OperationOutcome.orFailure),
                  ({ operation }) => operation
                )
            ),
          (operation) => [
            operation["status"] === "completed"
              ? `${input.project}: deleted`
              : `${input.project}: the deletion is ${string(operation["status"])}; watch it with \`rdev operations follow ${string(operation["id"])}\``
          ]
        )
      : Effect.fail(
          fail("usage", `this deletes ${input.project} with its repository, releases and names; say so with --yes`)
        )
).pipe(Command.withDescription("Delete a project and everything that was provisioned for it"))

const projectsCredentials = Command.make("credentials", { ...common, project }, (input) =>
  printed(
    input,
    (target) =>
      ask(
        target,
        async (rdev, call) => (await rdev.projects.credentials({ project: input.project }, call)).credentials
      ),
    rows(
      [
        ["NAME", (row) => string(row["name"])],
        ["VALUE", (row) => string(row["value"])],
        ["UPDATED", (row) => when(row["updated_at"])]
      ],
      `${input.project} has no credentials.`
    )
  )
).pipe(Command.withDescription("The credentials that a project's workspaces and deployments get, redacted"))

export const projects = Command.make("projects").pipe(
  Command.withDescription("Projects"),
  Command.withSubcommands([
    projectsList,
    projectsCreate,
    projectsPlan,
    projectsShow,
    projectsSync,
    projectsSetup,
    projectsDelete,
    projectsCredentials
  ])
)

export const gitToken = Command.make(
  "git-token",
  {
    ...common,
    project,
    write: flag("write", "May push too"),
    ttl: boundedInt("ttl", 1, 30 * 24 * 3600).pipe(
      Flag.withDescription("Seconds until it expires (at most 30 days)"),
      Flag.withDefault(3600)
    )
  },
  (input) =>
    printed(
      input,
      (target) =>
        ask(target, (rdev, call) =>
          rdev.projects.createGitToken(
            { project: input.project, access: input.write ? "write" : "read", ttl_seconds: input.ttl },
            call
          )
        ),
      (made, screen) => [
        string(made["clone_command"]),
        screen.style.dim(
          `It may ${input.write ? "fetch and push" : "fetch only (--write: push too)"} until ${when(made["expires_at"])} UTC. It is shown this once.`
        )
      ]
    )
).pipe(Command.withDescription("Make a token for a project's repository and print the command that clones it"))
