/**
 * `.sdlc/policy.yaml`: what differs from the standard policy.
 *
 * Promises a whole policy or a problem that names the field; half a policy is never used. Unknown fields are refused, so
 * that a misspelt gate does not silently keep its default.
 */
import { policyFile } from "../model/JsonSchemas.ts"
import type { Policy, PolicyPatch } from "../model/Policy.ts"
import { standardPolicy } from "../model/Presets.ts"
import * as Decode from "./Decode.ts"

/** What the file may say: a patch over the standard policy, with its keys and presets. */
export interface PolicyFile extends PolicyPatch, Partial<Pick<Policy, "language" | "lint" | "keyring" | "presets">> {
  readonly v?: 1
}

const hints: ReadonlyArray<readonly [RegExp, string]> = [
  [/^gates\./, "gates take human, agent, auto or off."],
  [/^(maxAttempts|maxRework|wip|reviewers)\b/, "write a whole number from 1 to 1000."],
  [/^blockSeverity\b/, "write info, low, medium, high or critical."],
  [/^autonomy\b/, "write auto or confirm."],
  [/^deploy\b/, "write required or none."],
  [/^freeze\b/, "write from and until as UTC instants, such as 2030-12-24T00:00:00Z."],
  [/^language\b/, "write a language tag, such as en, de or pt-BR."],
  [/^lint\b/, "write requirementForm: error, warn or off below lint."],
  [/^keyring\b/, "every entry needs id and ed25519 (the raw public key, base64url)."]
]

export const fixFor = (problem: string): string =>
  hints.find(([pattern]) => pattern.test(problem))?.[1] ??
  (problem.includes("unknown field")
    ? "remove the field or correct its name."
    : "see the policy section of the package's README.")

/** Parses the text of a policy file. */
export const parse = (text: string): Decode.Decoded<Policy> => {
  const document = Decode.yaml(text)
  if (document._tag === "Bad") return document
  const decoded = Decode.against<PolicyFile>(policyFile, document.value ?? {})
  if (decoded._tag === "Bad") return decoded
  const { v: _v, gates, presets, ...rest } = decoded.value
  return {
    _tag: "Ok",
    value: {
      ...standardPolicy,
      ...rest,
      gates: { ...standardPolicy.gates, ...gates },
      presets: { ...standardPolicy.presets, ...presets }
    }
  }
}

/** The policy file that `sdlc init` writes. */
export const template = `# What this project demands of its features. Everything left out keeps its default; unknown fields are refused.
v: 1
gates: # human | agent | auto (the policy approves) | off (not asked)
${Object.entries(standardPolicy.gates)
  .map(([gate, mode]) => `  ${gate}: ${mode}`)
  .join("\n")}
separationOfDuties: true # nobody approves their own work
reviewers: 1
blockSeverity: high # findings of this severity or above block
maxAttempts: 3 # failures of one thing before a person is asked
maxRework: 3 # rounds of rework before a person is asked
wip: 3 # features in work at once
autonomy: auto # confirm: a person confirms every step that has an effect
deploy: required # none: a merge is a release
`
