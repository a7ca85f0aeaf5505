/** `rdev operations`: look at durable operations, follow, cancel, resume and answer them. */
import type { Input } from "@rdev/api/RdevClient"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { ask, find, type Json, list, type Target } from "../Connection.ts"
import { fail } from "../Failure.ts"
import { common, type Common, flag, named, optionalText } from "../Flags.ts"
import * as OperationOutcome from "../OperationOutcome.ts"
import { fields, given, type OperationStatus, printed, rows, string, when } from "../Printing.ts"
import { duration, type Screen, table } from "../Screen.ts"

const id = named("operation").pipe(Argument.withDescription("Id of the operation: op_…"))
const withFollow = {
  ...common,
  id,
  follow: flag("follow", "Show what happens until it has ended; the exit code says how").pipe(Flag.withAlias("f"))
}

const took = (millis: unknown): string => (typeof millis === "number" ? duration(millis) : "")
const messageOf = (error: unknown): string => string((error as Json | null)?.["message"] ?? "").split("\n", 1)[0] ?? ""
const noteOf = (step: Json): string => {
  const wait = step["wait"] as Json | null
  if (step["error"] !== null) return messageOf(step["error"])
  if (wait !== null) return string(wait["question"] ?? wait["reason"])
  return step["status"] === "skipped" ? string(step["change_reason"]) : ""
}
const millis = (from: unknown, to: unknown): string =>
  typeof from === "string" && typeof to === "string" ? duration(Date.parse(to) - Date.parse(from)) : "–"

const showLedger = (ledger: OperationOutcome.Ledger, screen: Screen): ReadonlyArray<string> => {
  const { operation, steps } = ledger
  const next = OperationOutcome.wayOn(ledger)
  const error = operation["error"] as Json | null
  return [
    ...fields(
      [
        ["id", string(operation["id"])],
        ["kind", string(operation["kind"])],
        ["status", string(operation["status"])],
        ["by", string(operation["actor"])],
        ["created", when(operation["created_at"])],
        ["took", millis(operation["started_at"], operation["ended_at"])],
        ...(error === null ? [] : [["error", string(error["message"])] as const]),
        ...(next === null ? [] : [["go on", next] as const])
      ],
      screen
    ),
    ...table(
      steps.map((step) => [
        `  ${step["phase"] === "undo" ? "undo " : ""}${string(step["key"])}`,
        string(step["status"]),
        step["phase"] === "undo" ? "" : string(step["change"]),
        took(step["duration_ms"]),
        string(step["title"]),
        noteOf(step)
      ])
    )
  ]
}

const operationsList = Command.make(
  "list",
  {
    ...common,
    project: optionalText("project", "Only of this project"),
    status: optionalText(
      "status",
      "planned, running, waiting, compensating, completed, failed, cancelled, compensation_failed or parked"
    ),
    kind: optionalText("kind", "e.g. project.provision or tree.run")
  },
  ({ kind, project, status, ...input }) =>
    printed(
      input,
      (target) =>
        list(target, (rdev, call) =>
          rdev.operations.listAll(given({ project, status: status as OperationStatus | null, kind }), call)
        ),
      rows(
        [
          ["OPERATION", (row) => string(row["id"])],
          ["KIND", (row) => string(row["kind"])],
          ["STATUS", (row) => string(row["status"])],
          ["CREATED", (row) => when(row["created_at"])],
          ["TOOK", (row) => millis(row["started_at"], row["ended_at"])],
          ["ERROR", (row) => messageOf(row["error"]).slice(0, 80)]
        ],
        "There are no such operations."
      )
    )
).pipe(Command.withDescription("List operations, newest first"))

const operationsShow = Command.make("show", { ...common, id }, (input) =>
  printed(input, (target) => OperationOutcome.read(target, input.id), showLedger)
).pipe(Command.withDescription("Show an operation, its steps and how long each took"))

const following = (target: Target, input: Common, operation: string, after = 0) =>
  Effect.flatMap(
    Effect.promise(() => import("../OperationFollow.ts")),
    ({ follow }) => follow(target, operation, { json: input.json, after })
  )

const operationsFollow = Command.make("follow", { ...common, id }, (input) =>
  Effect.flatMap(find(input), (target) => following(target, input, input.id))
).pipe(Command.withDescription("Show an operation step by step until it has ended; the exit code says how"))

const operationsEvents = Command.make(
  "events",
  {
    ...common,
    id,
    follow: flag("follow", "Go on live until Ctrl-C").pipe(Flag.withAlias("f")),
    after: Flag.Int("after").pipe(Flag.withDescription("Only events after this number"), Flag.withDefault(0))
  },
  (input) =>
    Effect.gen(function* () {
      const { showEvents } = yield* Effect.promise(() => import("../Watch.ts"))
      yield* showEvents(yield* find(input), { operation: input.id }, { ...input, types: null })
    })
).pipe(Command.withDescription("Show or follow the events of an operation"))

interface Asked extends Common {
  readonly id: string
  readonly follow: boolean
}
/** Asks for something, then says what to do to see it through, or sees it through. */
const asked = (input: Asked, verb: (target: Target) => Effect.Effect<Json, import("../Failure.ts").CliFailure>) =>
  Effect.gen(function* () {
    const target = yield* find(input)
    const { watermark } = yield* Effect.promise(() => import("../OperationFollow.ts"))
    const before = input.follow ? yield* watermark(target, input.id) : 0
    const operation = yield* verb(target)
    const now = string(operation["id"])
    if (input.follow) return yield* following(target, input, now, now === input.id ? before : 0)
    yield* printed(
      input,
      () => Effect.succeed(operation),
      (one) => [
        `${now} (${string(one["kind"])}) is ${string(one["status"])}${now === input.id ? "" : `; it starts anew what ${input.id} had undone`}`,
        `Watch it with \`rdev operations follow ${now}\``
      ]
    )
  })

const operationsCancel = Command.make("cancel", withFollow, (input) =>
  asked(input, (target) => ask(target, (rdev, call) => rdev.operations.cancel({ operation: input.id }, call)))
).pipe(Command.withDescription("Cancel an operation before its next step and undo it"))
const operationsRetry = Command.make(
  "retry",
  {
    ...withFollow,
    inOwnName: flag(
      "in-own-name",
      "Of a tree that another key started: go on in the name, and with the rights, of yours"
    )
  },
  (input) =>
    asked(input, (target) =>
      ask(target, (rdev, call) =>
        rdev.operations.retry({ operation: input.id, ...(input.inOwnName ? { in_own_name: true } : {}) }, call)
      )
    )
).pipe(Command.withDescription("Resume a parked or failed operation"))

const parsed = (text: string): Input<"operations", "answer">["value"] => {
  try {
    return JSON.parse(text)
  } catch {
    // Words are an answer too.
    return text
  }
}

const operationsAnswer = Command.make(
  "answer",
  {
    ...withFollow,
    value: Argument.String("answer").pipe(Argument.withDescription("The answer: JSON, or any other text as it is")),
    step: optionalText("step", "Key of the step that asks (default: the one that does)")
  },
  (input) =>
    asked(input, (target) =>
      Effect.gen(function* () {
        const steps = OperationOutcome.asking(yield* OperationOutcome.read(target, input.id)).map((step) =>
          string(step["key"])
        )
        if (input.step === null && steps.length !== 1)
          return yield* fail(
            "conflict",
            steps.length === 0
              ? `operation ${input.id} asks nothing`
              : `several steps ask: say which with --step: ${steps.join(", ")}`
          )
        return yield* ask(target, (rdev, call) =>
          rdev.operations.answer(
            { operation: input.id, step: input.step ?? steps[0] ?? "", value: parsed(input.value) },
            call
          )
        )
      })
    )
).pipe(Command.withDescription("Answer the question that an operation waits for"))

export const operations = Command.make("operations").pipe(
  Command.withDescription("Durable operations"),
  Command.withSubcommands([
    operationsList,
    operationsShow,
    operationsFollow,
    operationsEvents,
    operationsCancel,
    operationsRetry,
    operationsAnswer
  ])
)
