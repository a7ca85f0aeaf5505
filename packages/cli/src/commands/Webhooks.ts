/** `rdev webhooks`: who gets which events, and what became of them. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { CallOptions, RdevClient } from "@rdev/api/RdevClient"
import { ask, type Json, list } from "../Connection.ts"
import { common, named, optionalText } from "../Flags.ts"
import { fields, given, printed, removed, rows, type TaskStatus, string, when } from "../Printing.ts"

const id = named("id").pipe(Argument.withDescription("Id of the webhook (whk_…)"))
const state = (row: Json): string =>
  row["enabled"] === true ? "enabled" : `disabled: ${string(row["disabled_reason"])}`

interface WithSecret {
  readonly webhook: Json
  readonly secret: string
}
const secretShown = ({ secret, webhook }: WithSecret) => [
  secret,
  `The secret of ${string(webhook["id"])}; it is shown this once.`
]

const create = Command.make(
  "create",
  {
    ...common,
    receiver: Argument.String("receiver").pipe(Argument.withDescription("Where to post, https")),
    event: Flag.String("event").pipe(
      Flag.withDescription(
        "A type such as task.failed, a group such as feature.*, notify, or *; may be given several times"
      ),
      Flag.between(1, 50)
    ),
    project: optionalText("project", "Only events of this project")
  },
  (input) =>
    printed(
      input,
      (target) =>
        ask(target, (rdev, call) =>
          rdev.webhooks.create({ url: input.receiver, events: input.event, ...given({ project: input.project }) }, call)
        ),
      secretShown
    )
).pipe(Command.withDescription("Send events to a URL"))

type Verb = (webhooks: RdevClient["webhooks"], input: { readonly webhook: string }, call: CallOptions) => Promise<Json>
const show = (name: string, verb: Verb, description: string) =>
  Command.make(name, { ...common, id }, (input) =>
    printed(
      input,
      (target) => ask(target, (rdev, call) => verb(rdev.webhooks, { webhook: input.id }, call)),
      (row, screen) =>
        fields(
          Object.entries(row).map(([key, value]) => [key, string(value)] as const),
          screen
        )
    )
  ).pipe(Command.withDescription(description))

const all = Command.make("list", common, (input) =>
  printed(
    input,
    (target) => list(target, (rdev, call) => rdev.webhooks.listAll({}, call)),
    rows(
      [
        ["WEBHOOK", (row) => string(row["id"])],
        ["URL", (row) => string(row["url"])],
        ["EVENTS", (row) => (row["events"] as ReadonlyArray<string>).join(",")],
        ["PROJECT", (row) => (row["project_id"] === null ? "all" : string(row["project_id"]))],
        ["STATE", state]
      ],
      "There are no webhooks; make one with `rdev webhooks create <url> --event notify`."
    )
  )
).pipe(Command.withDescription("List webhooks"))

const remove = Command.make("remove", { ...common, id }, (input) =>
  printed(
    input,
    (target) => removed(ask(target, (rdev, call) => rdev.webhooks.remove({ webhook: input.id }, call))),
    () => [`${input.id} is removed`]
  )
).pipe(Command.withDescription("Remove a webhook"))

const replaceSecret = Command.make("secret", { ...common, id }, (input) =>
  printed(
    input,
    (target) => ask(target, (rdev, call) => rdev.webhooks.replaceSecret({ webhook: input.id }, call)),
    secretShown
  )
).pipe(Command.withDescription("Make a new secret; the one before signs as well for a day"))

const deliveries = Command.make(
  "deliveries",
  { ...common, id, status: optionalText("status", "pending, running, completed, failed or cancelled") },
  (input) =>
    printed(
      input,
      (target) =>
        list(target, (rdev, call) =>
          rdev.webhooks.deliveriesAll({ webhook: input.id, ...given({ status: input.status as TaskStatus }) }, call)
        ),
      rows(
        [
          ["DELIVERY", (row) => string(row["id"])],
          ["TYPE", (row) => string(row["type"])],
          ["STATUS", (row) => string(row["status"])],
          ["TRIES", (row) => String((row["attempts"] as ReadonlyArray<Json>).length)],
          ["CREATED", (row) => when(row["created_at"])],
          ["ERROR", (row) => (row["error"] === null ? "" : string((row["error"] as Json)["message"]).slice(0, 80))]
        ],
        "There are no such deliveries."
      )
    )
).pipe(Command.withDescription("What was sent, and what became of it"))

const redeliver = Command.make(
  "redeliver",
  { ...common, id, delivery: named("delivery").pipe(Argument.withDescription("Id of the delivery (task_…)")) },
  (input) =>
    printed(
      input,
      (target) =>
        ask(target, (rdev, call) => rdev.webhooks.redeliver({ webhook: input.id, delivery: input.delivery }, call)),
      (row) => [`${string(row["id"])} is sent now`]
    )
).pipe(Command.withDescription("Send a delivery now, also one that arrived"))

export const webhooks = Command.make("webhooks").pipe(
  Command.withDescription("Events posted to URLs"),
  Command.withSubcommands([
    all,
    create,
    show("show", (webhooks, one, call) => webhooks.get(one, call), "Show a webhook"),
    remove,
    replaceSecret,
    show("enable", (webhooks, one, call) => webhooks.enable(one, call), "Send events again, from now on"),
    show("disable", (webhooks, one, call) => webhooks.disable(one, call), "Send no events"),
    show("test", (webhooks, one, call) => webhooks.test(one, call), "Send a message of type webhook.test"),
    deliveries,
    redeliver
  ])
)
