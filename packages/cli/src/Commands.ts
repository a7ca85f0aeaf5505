/**
 * The command tree of `rdev`. A handler finds the server, makes one or a few calls, and prints what a person reads, or with `--json`
 * exactly what the API answered. What is heavy (the server) is loaded by the commands that need it.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { audit } from "./AuditCommands.ts"
import { call, type Json, find, list, segment, type Target } from "./Connection.ts"
import { type CliFailure, exitCodes, fail } from "./Failure.ts"
import { boundedInt, common, flag, named, optionalText, project, where } from "./Flags.ts"
import { fields, given, printed, rows, string, when } from "./Printing.ts"
import { operations } from "./OperationCommands.ts"
import * as OperationOutcome from "./OperationOutcome.ts"
import { policy } from "./PolicyCommands.ts"
import { apply, newProject, plan, planLines, projectBody } from "./PlanCommands.ts"
import { type Screen, table } from "./Screen.ts"
import { tree } from "./TreeCommands.ts"
import * as Waiting from "./Waiting.ts"
import { webhooks } from "./WebhookCommands.ts"

const feature = named("feature").pipe(Argument.withDescription("Slug of the feature"))

// ── projects ────────────────────────────────────────────────────────────────────────────────────────────────────────────────
const showProject = (one: Json, screen: Screen) => {
  const environments = one["environments"] as ReadonlyArray<Json>
  const resources = one["resources"] as ReadonlyArray<Json>
  return [
    ...fields(
      [
        ["id", string(one["id"])],
        ["name", string(one["name"])],
        ["status", string(one["status"])],
        ["template", string(one["template"])],
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
    ...((one["conditions"] ?? []) as ReadonlyArray<Json>).map(
      (condition) =>
        `damaged: ${string(condition["part"])}: ${string(condition["message"])}. ${string(condition["repair"])}`
    ),
    ...table(
      resources.map((resource) => [
        `  ${string(resource["kind"])}`,
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
const preferring = (seconds: number) => ({ prefer: `wait=${seconds}` })

/** What begins at once has mostly ended in this time; what has not is asked for what it waits for. */
const shortSeconds = 3
const provisioned = Effect.fnUntraced(function* (
  target: Target,
  { operation_id: id, project }: { readonly operation_id: string; readonly project: Json },
  seconds: number
) {
  if (project["status"] !== "provisioning" || seconds <= 0) return project
  const path = `/operations/${id}`
  const said = Waiting.watch(target, path, (line) => process.stderr.write(`${line}\n`))
  yield* Effect.raceFirst(said, call(target, path, { headers: preferring(seconds) }))
  return yield* call(target, `/projects/${segment(string(project["id"]))}`)
})

const projectsCreate = Command.make("create", { ...common, ...newProject, wait }, (input) =>
  printed(
    input,
    (target) =>
      Effect.gen(function* () {
        const asked = yield* call<{ readonly operation_id: string; readonly project: Json }>(target, "/projects", {
          body: projectBody(input),
          headers: preferring(Math.min(input.wait, shortSeconds))
        })
        const started = { ...asked, project: yield* provisioned(target, asked, input.wait - shortSeconds) }
        if (started.project["status"] !== "failed") return started
        const operation = yield* call(target, `/operations/${started.operation_id}`)
        return yield* fail(
          "failed",
          `the project could not be provisioned: ${string((operation["error"] as Json | null)?.["message"])}; everything was undone. See \`rdev operations show ${started.operation_id}\``
        )
      }),
    (started, screen) => [
      ...showProject(started.project, screen),
      ...(started.project["status"] === "provisioning"
        ? [`It is still being provisioned: rdev operations show ${started.operation_id}`]
        : [])
    ]
  )
).pipe(Command.withDescription("Create a project and provision everything it needs"))

const projectsPlan = Command.make("plan", { ...common, ...newProject }, (input) =>
  printed(
    input,
    (target) =>
      call<{ readonly digest: string; readonly steps: ReadonlyArray<Json> }>(target, "/projects?dry_run=true", {
        body: projectBody(input)
      }),
    planLines
  )
).pipe(Command.withDescription("Show what creating a project would do; changes nothing"))

const projectsList = Command.make("list", common, (input) =>
  printed(
    input,
    (target) => list(target, "/projects", "projects"),
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
  printed(input, (target) => call(target, `/projects/${segment(input.project)}`), showProject)
).pipe(Command.withDescription("Show a project"))

const projectsDelete = Command.make(
  "delete",
  { ...common, project, wait, yes: flag("yes", "Really delete it, its repository included") },
  (input) =>
    input.yes
      ? printed(
          input,
          (target) =>
            Effect.flatMap(
              call<{ readonly operation_id: string }>(target, `/projects/${segment(input.project)}`, {
                method: "DELETE",
                headers: preferring(input.wait)
              }),
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
      Effect.map(
        call<{ readonly credentials: ReadonlyArray<Json> }>(target, `/projects/${segment(input.project)}/credentials`),
        ({ credentials }) => credentials
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

const projects = Command.make("projects").pipe(
  Command.withDescription("Projects"),
  Command.withSubcommands([
    projectsList,
    projectsCreate,
    projectsPlan,
    projectsShow,
    projectsDelete,
    projectsCredentials
  ])
)

const gitToken = Command.make(
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
        call(target, `/projects/${segment(input.project)}/git-tokens`, {
          body: { access: input.write ? "write" : "read", ttl_seconds: input.ttl }
        }),
      (made, screen) => [
        string(made["clone_command"]),
        screen.style.dim(
          `It may ${input.write ? "fetch and push" : "fetch only (--write: push too)"} until ${when(made["expires_at"])} UTC. It is shown this once.`
        )
      ]
    )
).pipe(Command.withDescription("Make a token for a project's repository and print the command that clones it"))

// ── features ────────────────────────────────────────────────────────────────────────────────────────────────────────────────
const featurePath = (input: { readonly project: string; readonly feature: string }, verb = "") =>
  `/projects/${segment(input.project)}/sdlc/features/${segment(input.feature)}${verb}`
/** A person is named by the reason already. */
const waitingField = (one: unknown): ReadonlyArray<readonly [string, string]> => {
  const waits = one as Waiting.WaitingFor | null | undefined
  return waits == null || waits.reason === "human" ? [] : [["waits for", Waiting.line(waits).replace(/^waiting: /, "")]]
}
/** Of a server before policies were accepted there is none. */
const policyNote = (proposal: Json | null | undefined): ReadonlyArray<readonly [string, string]> => {
  if (proposal === null || proposal === undefined || proposal["rejected"] === true) return []
  const waiting = (proposal["weakens"] as ReadonlyArray<Json>).map((one) => string(one["field"]))
  const what =
    proposal["problem"] !== null
      ? `the file on the default branch cannot be read: ${string(proposal["problem"])}`
      : waiting.length === 0
        ? "a stricter one on the default branch holds already"
        : `another is proposed on the default branch; ${waiting.slice(0, 5).join(", ")}${waiting.length > 5 ? ", …" : ""} wait for acceptance`
  return [["policy", `${what} (rdev policy diff <project>)`]]
}
const showDecision = (one: Json, screen: Screen) =>
  fields(
    [
      ["phase", string(one["phase"])],
      [
        "action",
        screen.style.bold(string(one["action"])) + (one["task_id"] === null ? "" : ` ${string(one["task_id"])}`)
      ],
      ["actor", `${string(one["actor"])}${one["approver"] === null ? "" : ` (${string(one["approver"])})`}`],
      ["rule", string(one["rule"]) + (one["via"] === null ? "" : ` before ${string(one["via"])}`)],
      ["reason", string(one["reason"])],
      ...waitingField(one["waiting_for"]),
      ...policyNote(one["policy_proposal"] as Json | null)
    ],
    screen
  )
/** What the caller types next where nothing but a person's word goes on. */
const wayOut = (input: { readonly project: string; readonly feature: string }, one: Json): string | null => {
  switch (one["action"]) {
    case "await-escalation":
      return `rdev answer ${input.project} ${input.feature} "<answer>"`
    case "unblock-task":
      return `rdev unblock ${input.project} ${input.feature} ${string(one["task_id"])}`
    default:
      return null
  }
}
const showWayOut = (input: { readonly project: string; readonly feature: string }, one: Json, screen: Screen) => {
  const command = wayOut(input, one)
  return command === null ? [] : fields([["go on", command]], screen)
}
const showDetail = (detail: { readonly feature: Json; readonly next: Json }, screen: Screen) => [
  ...fields(
    [
      ["feature", `${string(detail.feature["slug"])}  ${string(detail.feature["title"])}`],
      ["state", string(detail.feature["lifecycle"])]
    ],
    screen
  ),
  ...showDecision(detail.next, screen)
]

const featuresCreate = Command.make(
  "create",
  {
    ...common,
    project,
    title: Argument.String("title").pipe(Argument.withDescription("What is wanted, in a line")),
    slug: optionalText("slug", "Short name; made from the title when absent"),
    kind: Flag.Literals("kind", ["feature", "bugfix", "refactor", "hotfix"]).pipe(
      Flag.optional,
      Flag.map(Option.getOrNull)
    ),
    description: optionalText("description", "What is wanted and why; the first agent reads it"),
    dependsOn: Flag.String("depends-on").pipe(
      Flag.withDescription("Slug of a feature that must be released first; may be given several times"),
      Flag.between(0, 50)
    ),
    preset: optionalText("preset", "Preset of the project's policy"),
    hold: flag("hold", "Do not start; wait for rdev run")
  },
  (input) =>
    printed(
      input,
      (target) =>
        call(target, `/projects/${segment(input.project)}/sdlc/features`, {
          body: given({
            title: input.title,
            slug: input.slug,
            kind: input.kind,
            description: input.description,
            preset: input.preset,
            ...(input.dependsOn.length === 0 ? {} : { deps: input.dependsOn }),
            ...(input.hold ? { start: false } : {})
          })
        }),
      (one) => [
        `${string(one["slug"])} created${input.hold ? "" : " and started"}; follow it with \`rdev events ${input.project} --follow\``
      ]
    )
).pipe(Command.withDescription("Create a feature and start driving it"))

const featuresList = Command.make("list", { ...common, project }, (input) =>
  printed(
    input,
    (target) => list(target, `/projects/${segment(input.project)}/sdlc/features`, "features"),
    rows(
      [
        ["FEATURE", (row) => string(row["slug"])],
        ["PHASE", (row) => string(row["phase"])],
        ["STATE", (row) => string(row["lifecycle"])],
        ["NEXT", (row) => string((row["decision"] as Json | null)?.["action"])],
        ["TITLE", (row) => string(row["title"])]
      ],
      `There are no features; make one with \`rdev features create ${input.project} "<title>"\`.`
    )
  )
).pipe(Command.withDescription("List the features of a project"))

const featuresShow = Command.make("show", { ...common, project, feature }, (input) =>
  printed(
    input,
    (target) => call<{ readonly feature: Json; readonly next: Json }>(target, featurePath(input)),
    (detail, screen) => [...showDetail(detail, screen), ...showWayOut(input, detail.next, screen)]
  )
).pipe(Command.withDescription("Show a feature and its next action"))

const verb = (name: string, description: string) =>
  Command.make(name, { ...common, project, feature }, (input) =>
    printed(
      input,
      (target) =>
        call<{ readonly feature: Json; readonly next: Json }>(target, featurePath(input, `/${name}`), {
          method: "POST"
        }),
      showDetail
    )
  ).pipe(Command.withDescription(description))
const reasonFlag = Flag.String("reason").pipe(Flag.withDescription("Why; it is recorded"))
const verbWithReason = (name: string, description: string) =>
  Command.make(name, { ...common, project, feature, reason: reasonFlag }, (input) =>
    printed(
      input,
      (target) =>
        call<{ readonly feature: Json; readonly next: Json }>(target, featurePath(input, `/${name}`), {
          body: { reason: input.reason }
        }),
      showDetail
    )
  ).pipe(Command.withDescription(description))
const features = Command.make("features").pipe(
  Command.withDescription("Features of a project"),
  Command.withSubcommands([
    featuresList,
    featuresCreate,
    featuresShow,
    verbWithReason("pause", "Pause a feature"),
    verb("resume", "Resume a paused feature"),
    verbWithReason("cancel", "Cancel a feature")
  ])
)

const next = Command.make("next", { ...common, project, feature }, (input) =>
  printed(
    input,
    (target) => call(target, featurePath(input, "/next")),
    (one, screen) => [...showDecision(one, screen), ...showWayOut(input, one, screen)]
  )
).pipe(Command.withDescription("The next valid action of a feature"))
const why = Command.make("why", { ...common, project, feature }, (input) =>
  printed(
    input,
    (target) => call(target, featurePath(input, "/why")),
    (one, screen) => [
      ...showDecision(one, screen),
      ...showWayOut(input, one, screen),
      screen.style.dim("facts"),
      ...table(
        (one["facts"] as ReadonlyArray<Json>).map((fact) => [`  ${string(fact["fact"])}`, string(fact["value"])])
      ),
      screen.style.dim("rules before it"),
      ...table(
        (one["skipped"] as ReadonlyArray<Json>)
          .slice(0, 40)
          .map((rule) => [`  ${string(rule["rule"])}`, string(rule["action"]), string(rule["because"])])
      )
    ]
  )
).pipe(Command.withDescription("The next action, the facts it rests on, and why no earlier rule hit"))
const run = Command.make(
  "run",
  {
    ...common,
    project,
    feature,
    follow: flag("follow", "Show what happens until it is released or waits for a person")
  },
  (input) =>
    Effect.gen(function* () {
      const target = yield* find(input)
      const page = yield* call<{ readonly watermark: number }>(
        target,
        `/projects/${segment(input.project)}/events?limit=1`
      )
      yield* printed(
        input,
        () =>
          call<{ readonly feature: Json; readonly next: Json }>(target, featurePath(input, "/run"), { method: "POST" }),
        showDetail
      )
      if (!input.follow) return
      const { followFeature } = yield* Effect.promise(() => import("./Watch.ts"))
      yield* followFeature(target, input.project, input.feature, page.watermark)
    })
).pipe(Command.withDescription("Look at a feature again and go on"))

const answer = Command.make(
  "answer",
  {
    ...common,
    project,
    feature,
    text: Argument.String("text").pipe(Argument.withDescription("The answer; it is recorded, and the agent reads it"))
  },
  (input) =>
    printed(
      input,
      (target) =>
        call<{ readonly feature: Json; readonly next: Json }>(target, featurePath(input, "/answer"), {
          body: { text: input.text }
        }),
      (detail, screen) => [...showDetail(detail, screen), ...showWayOut(input, detail.next, screen)]
    )
).pipe(Command.withDescription("Answer the open escalation of a feature"))
const unblock = Command.make(
  "unblock",
  {
    ...common,
    project,
    feature,
    task: Argument.String("task").pipe(Argument.withDescription("Plan task, e.g. task-003"))
  },
  (input) =>
    printed(
      input,
      (target) =>
        call<{ readonly feature: Json; readonly next: Json }>(target, featurePath(input, "/unblock"), {
          body: { plan_task: input.task }
        }),
      (detail, screen) => [...showDetail(detail, screen), ...showWayOut(input, detail.next, screen)]
    )
).pipe(Command.withDescription("Unblock a plan task of a feature"))

/** A verdict that does not fit the state: says what to type where an answer is what the feature waits for. */
const withWayOut = <A>(
  target: Target,
  input: { readonly project: string; readonly feature: string },
  verdict: Effect.Effect<A, CliFailure>
): Effect.Effect<A, CliFailure> =>
  Effect.catchIf(
    verdict,
    (failure) => failure.exitCode === exitCodes.conflict,
    (failure) =>
      Effect.flatMap(call(target, featurePath(input, "/next")), (one) => {
        const command = wayOut(input, one)
        return Effect.fail(
          command === null ? failure : fail("conflict", `${failure.message}\nGo on with \`${command}\``)
        )
      })
  )

const gate = Flag.Literals("gate", [
  "spec",
  "design",
  "tasks",
  "qa-plan",
  "start",
  "human-review",
  "risk",
  "uat",
  "merge",
  "action"
]).pipe(Flag.withDescription("Gate to decide; default: the one that waits"), Flag.optional, Flag.map(Option.getOrNull))
const verdict = (name: "approve" | "reject" | "waive", description: string) =>
  Command.make(
    name,
    { ...common, project, feature, gate, reason: optionalText("reason", "Why; the agent reads it") },
    (input) =>
      printed(
        input,
        (target) =>
          name !== "approve" && input.reason === null
            ? Effect.fail(fail("usage", `--reason: to ${name} needs a reason; the agent reads it`))
            : withWayOut(
                target,
                input,
                call(target, featurePath(input, `/${name}`), {
                  body: given({ gate: input.gate, reason: input.reason })
                })
              ),
        (one) => [
          `${string(one["gate"])}: ${name === "approve" ? "approved" : name === "reject" ? "rejected" : "waived"} ${string(one["subject"])}`
        ]
      )
  ).pipe(Command.withDescription(description))

// ── events, exec ────────────────────────────────────────────────────────────────────────────────────────────────────────────
const events = Command.make(
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
      const { showEvents } = yield* Effect.promise(() => import("./Watch.ts"))
      yield* showEvents(yield* find(input), input.project, input)
    })
).pipe(Command.withDescription("Show or follow the events of a project"))

const exec = Command.make(
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
      const { execute } = yield* Effect.promise(() => import("./Watch.ts"))
      yield* execute(yield* find(input), input)
    })
).pipe(Command.withDescription("Run a command in a project's workspace; ends with its exit code"))

// ── tasks, keys, catalogue ──────────────────────────────────────────────────────────────────────────────────────────────────
const one = (name: string, path: (id: string) => string, method: "GET" | "POST", description: string) =>
  Command.make(name, { ...common, id: named("id") }, (input) =>
    printed(
      input,
      (target) => call(target, path(segment(input.id)), { method }),
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
  (input) => {
    const query = new URLSearchParams(
      given({ project: input.project, status: input.status }) as Record<string, string>
    ).toString()
    return printed(
      input,
      (target) => list(target, `/tasks?${query}`, "tasks"),
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
  }
).pipe(Command.withDescription("List tasks of the work queue"))
const tasks = Command.make("tasks").pipe(
  Command.withDescription("Tasks of the work queue"),
  Command.withSubcommands([
    tasksList,
    one("show", (id) => `/tasks/${id}`, "GET", "Show a task"),
    one("cancel", (id) => `/tasks/${id}/cancel`, "POST", "Cancel a task"),
    one("retry", (id) => `/tasks/${id}/retry`, "POST", "Run a task again")
  ])
)

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
        call<{ readonly key: string; readonly record: Json }>(target, "/keys", {
          body: given({
            name: input.name,
            scopes: input.scope,
            type: input.type,
            expires_at: input.expires,
            ...(input.project.length === 0 ? {} : { projects: input.project })
          })
        }),
      (made) => [made.key, "It is shown this once."]
    )
).pipe(Command.withDescription("Make an API key"))
const keysList = Command.make("list", common, (input) =>
  printed(
    input,
    (target) => list(target, "/keys", "keys"),
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
    (target) => call(target, `/keys/${segment(input.id)}`, { method: "DELETE" }),
    () => [`${input.id} is revoked`]
  )
).pipe(Command.withDescription("Revoke an API key"))
const keys = Command.make("keys").pipe(
  Command.withDescription("API keys"),
  Command.withSubcommands([keysList, keysCreate, keysRevoke])
)

const agents = Command.make("agents", common, (input) =>
  printed(
    input,
    (target) => Effect.map(call<{ readonly agents: ReadonlyArray<Json> }>(target, "/agents"), ({ agents }) => agents),
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
const templates = Command.make("templates", common, (input) =>
  printed(
    input,
    (target) =>
      Effect.map(call<{ readonly templates: ReadonlyArray<Json> }>(target, "/templates"), ({ templates }) => templates),
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

// ── the server itself ───────────────────────────────────────────────────────────────────────────────────────────────────────
const hosting = {
  host: optionalText("host", "Address to listen on (RDEV_HOST; default 127.0.0.1)"),
  port: boundedInt("port", 0, 65_535).pipe(
    Flag.withDescription("Port (RDEV_PORT; default 4848)"),
    Flag.optional,
    Flag.map(Option.getOrNull)
  ),
  unsafeHost: flag("unsafe-host", "Run agents without isolation where there is none (RDEV_UNSAFE_HOST)")
}
const up = Command.make(
  "up",
  { ...hosting, dataDir: where.dataDir, noDemo: flag("no-demo", "Do not show the demo on a first start") },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./Up.ts")),
      (Up) => Up.up({ ...input, demo: !input.noDemo })
    )
).pipe(Command.withDescription("Start the server on embedded defaults; a first start shows the demo"))
const demo = Command.make("demo", hosting, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("./Up.ts")),
    (Up) => Up.demo(input)
  )
).pipe(Command.withDescription("One feature from idea to release, in a folder that is thrown away"))
const worker = Command.make(
  "worker",
  {
    dataDir: where.dataDir,
    unsafeHost: hosting.unsafeHost,
    capacity: boundedInt("capacity", 0, 1000).pipe(Flag.withDescription("Tasks at once"), Flag.withDefault(4))
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./WorkerCommand.ts")),
      (Worker) => Worker.worker(input)
    )
).pipe(
  Command.withDescription(
    "A worker beside servers that share a PostgreSQL database (RDEV_DATABASE_URL, or stores in platform.yaml)"
  )
)
const doctor = Command.make("doctor", common, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("./Doctor.ts")),
    (Doctor) =>
      Effect.flatMap(Doctor.doctor(input, input.json), (ok) =>
        ok ? Effect.void : Effect.fail(fail("failed", "something that is needed is missing, see above"))
      )
  )
).pipe(Command.withDescription("What this machine offers and what is missing; every slot is tried for real"))

const adapters = Command.make("adapters", common, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("./adapters/AdaptersCommand.ts")),
    (Adapters) =>
      Effect.flatMap(Adapters.adapters(input, input.json), (ok) =>
        ok ? Effect.void : Effect.fail(fail("unavailable", "an adapter does not work, see above"))
      )
  )
).pipe(
  Command.withDescription(
    "What fills each slot of this installation (platform.yaml), how it is, and its configuration keys"
  )
)

export const rdev = Command.make("rdev").pipe(
  Command.withDescription(
    "The agent's operating system: workspaces, infrastructure, life cycle, queue and audit for coding agents"
  ),
  Command.withSubcommands([
    up,
    demo,
    doctor,
    adapters,
    projects,
    plan,
    apply,
    gitToken,
    features,
    policy,
    next,
    why,
    run,
    verdict("approve", "Approve what a feature waits for"),
    verdict("reject", "Reject it, with a reason"),
    verdict("waive", "Do without a gate, with a reason"),
    answer,
    unblock,
    events,
    exec,
    tasks,
    operations,
    tree,
    audit,
    webhooks,
    keys,
    agents,
    templates,
    worker
  ])
)
