/** What a feature waits for and what is next, as lines for a person. */
import type { Json } from "../Connection.ts"
import { fields, string } from "../Printing.ts"
import type { Screen } from "../Screen.ts"
import * as Waiting from "../Waiting.ts"

/** A feature, as people name it. */
export interface Named {
  readonly project: string
  readonly feature: string
}

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
export const showDecision = (one: Json, screen: Screen) =>
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
/** What a person types next: a decision where one is asked for, else to look on while others work. Nothing where all is done. */
export const wayOut = (input: Named, one: Json): string | null => {
  const at = `${input.project} ${input.feature}`
  const action = string(one["action"])
  if (action === "await-escalation") return `rdev answer ${at} "<answer>"`
  if (action === "unblock-task") return `rdev unblock ${at} ${string(one["task_id"])}`
  if (action === "await-resume") return `rdev features resume ${at}`
  if (one["actor"] === "human")
    return /^approve-|^accept-risk$|^confirm-action$/.test(action) ? `rdev approve ${at}` : null
  return action === "none" || one["kind"] === "done" ? null : `rdev run ${at} --follow`
}
export const showWayOut = (input: Named, one: Json, screen: Screen) => {
  const command = wayOut(input, one)
  if (command === null) return []
  const decides = command.startsWith("rdev approve ")
  return fields(
    [
      ...(decides ? [["look at", command.replace("approve", "show")] as const] : []),
      ["go on", command],
      ...(decides ? [["or", `${command.replace("approve", "reject")} --reason "<why>"`] as const] : [])
    ],
    screen
  )
}
export const showDetail = (detail: { readonly feature: Json; readonly next: Json }, screen: Screen) => [
  ...fields(
    [
      ["feature", `${string(detail.feature["slug"])}  ${string(detail.feature["title"])}`],
      ["state", string(detail.feature["lifecycle"])]
    ],
    screen
  ),
  ...showDecision(detail.next, screen)
]
