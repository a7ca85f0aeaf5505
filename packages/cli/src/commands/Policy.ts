/** `rdev policy`: what a project demands of its features, what is proposed, and the yes or no to it. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { ask, type Json, type Target } from "../Connection.ts"
import { fail } from "../Failure.ts"
import { common, optionalText, project } from "../Flags.ts"
import { fields, given, printed, string, when } from "../Printing.ts"
import { type Screen, table } from "../Screen.ts"

const policyOf = (target: Target, project: string) => ask(target, (rdev, call) => rdev.policy.get({ project }, call))
const changesOf = (proposal: Json, name: "weakens" | "strengthens") => proposal[name] as ReadonlyArray<Json>
const said = (entry: Json | null): string =>
  entry === null ? "nobody" : `${string(entry["by"])} (${string(entry["by_type"])}) ${when(entry["time"])}`

/** What a proposal would change, what of it holds, and what to do about it. */
const proposalLines = (name: string, proposal: Json | null): ReadonlyArray<string> => {
  if (proposal === null) return ["Nothing is proposed: the default branch holds the accepted policy."]
  if (proposal["problem"] !== null)
    return [
      `The policy on the default branch cannot be read: ${string(proposal["problem"])}`,
      "The accepted policy stays in force."
    ]
  const [weakens, strengthens] = [changesOf(proposal, "weakens"), changesOf(proposal, "strengthens")]
  const rows = (changes: ReadonlyArray<Json>) =>
    table(
      changes.map((one) => [
        `  ${string(one["field"])}`,
        string(one["from"] ?? "–"),
        "→",
        string(one["to"] ?? "–"),
        string(one["effect"])
      ])
    )
  return [
    `Proposed on the default branch: ${string(proposal["digest"])}${proposal["rejected"] === true ? " (rejected: none of it holds)" : ""}`,
    ...(weakens.length === 0 ? [] : ["Waits for acceptance:", ...rows(weakens)]),
    ...(strengthens.length === 0
      ? []
      : [proposal["rejected"] === true ? "Would be stricter:" : "Holds already:", ...rows(strengthens)]),
    `Accept it with: rdev policy accept ${name} --digest ${string(proposal["digest"])}`
  ]
}

const policyLines =
  (name: string) =>
  (one: Json, screen: Screen): ReadonlyArray<string> => {
    const gates = (one["policy"] as Json)["gates"] as Json
    return [
      ...fields(
        [
          ["in force", string(one["digest"])],
          ["accepted by", said(one["accepted"] as Json | null)],
          ...Object.entries(gates).map(([gate, mode]) => [`  ${gate}`, string(mode)] as const)
        ],
        screen
      ),
      ...proposalLines(name, one["proposal"] as Json | null)
    ]
  }

const show = Command.make("show", { ...common, project }, (input) =>
  printed(input, (target) => policyOf(target, input.project), policyLines(input.project))
).pipe(Command.withDescription("The policy in force, and what is proposed"))

const diff = Command.make("diff", { ...common, project }, (input) =>
  printed(
    input,
    (target) => policyOf(target, input.project),
    (one) => proposalLines(input.project, one["proposal"] as Json | null)
  )
).pipe(Command.withDescription("What the policy on the default branch would change"))

/** The digest that was looked at; without one, of what is proposed now, which is shown by the refusal. */
const digestOf = Effect.fnUntraced(function* (target: Target, name: string, digest: string | null) {
  if (digest !== null) return digest
  const proposal = (yield* policyOf(target, name)).proposal
  if (proposal === null) return yield* fail("usage", `nothing is proposed for ${name}`)
  return yield* fail(
    "usage",
    `look at it first (rdev policy diff ${name}), then name what you have seen: --digest ${proposal.digest}`
  )
})

const accept = Command.make(
  "accept",
  {
    ...common,
    project,
    digest: optionalText("digest", "Digest of the policy that you have looked at"),
    reason: optionalText("reason", "Why")
  },
  (input) =>
    printed(
      input,
      (target) =>
        Effect.flatMap(digestOf(target, input.project, input.digest), (digest) =>
          ask(target, (rdev, call) =>
            rdev.policy.accept({ project: input.project, digest, ...given({ reason: input.reason }) }, call)
          )
        ),
      policyLines(input.project)
    )
).pipe(Command.withDescription("Accept the policy that stands on the default branch"))

const reject = Command.make(
  "reject",
  {
    ...common,
    project,
    digest: optionalText("digest", "Digest of the policy that you have looked at"),
    reason: Flag.String("reason").pipe(Flag.withDescription("Why; whoever proposed it reads it"))
  },
  (input) =>
    printed(
      input,
      (target) =>
        Effect.flatMap(digestOf(target, input.project, input.digest), (digest) =>
          ask(target, (rdev, call) =>
            rdev.policy.reject({ project: input.project, digest, reason: input.reason }, call)
          )
        ),
      policyLines(input.project)
    )
).pipe(Command.withDescription("Say no to it, with a reason: none of it holds"))

export const policy = Command.make("policy").pipe(
  Command.withDescription("What a project demands of its features"),
  Command.withSubcommands([show, diff, accept, reject])
)
