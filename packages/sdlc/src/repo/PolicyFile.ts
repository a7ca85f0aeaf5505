/**
 * `.sdlc/policy.yaml`: what differs from the base policy.
 *
 * Promises a whole policy or a problem that names the field; half a policy is never used. Unknown fields are refused, so
 * that a misspelt gate does not silently keep its default.
 */
import { Schema } from "effect"
import { KeyringEntry, type Policy, PolicyPatch } from "../model/Policy.ts"
import * as Decode from "./Decode.ts"

/** Every gate asks a person, except that agents may review code; nobody approves their own work. */
export const basePolicy: Policy = {
  gates: {
    "spec": "human", "design": "human", "tasks": "human", "qa-plan": "human", "start": "human", "agent-review": "agent",
    "human-review": "human", "audit": "agent", "risk": "human", "uat": "human", "merge": "human"
  },
  separationOfDuties: true,
  waive: "human",
  reviewers: 1,
  blockSeverity: "high",
  maxAttempts: 3,
  maxRework: 3,
  wip: 3,
  budget: {},
  autonomy: "auto",
  freeze: [],
  deploy: "required",
  keyring: [],
  presets: {
    lean: { gates: { "design": "off", "qa-plan": "off", "start": "auto", "agent-review": "off", "audit": "off", "uat": "off" } },
    hotfix: { gates: { "design": "off", "start": "auto", "uat": "off" } }
  }
}

const File = Schema.Struct({
  v: Schema.optionalKey(Schema.Literal(1)),
  ...PolicyPatch.fields,
  keyring: Schema.optionalKey(Schema.Array(KeyringEntry)),
  presets: Schema.optionalKey(Schema.Record(Schema.String, PolicyPatch))
})

const decode = Decode.decoder(File)

const hints: ReadonlyArray<readonly [RegExp, string]> = [
  [/^gates\./, "gates take human, agent, auto or off."],
  [/^(maxAttempts|maxRework|wip|reviewers)\b/, "write a whole number from 1 to 1000."],
  [/^blockSeverity\b/, "write info, low, medium, high or critical."],
  [/^autonomy\b/, "write auto or confirm."],
  [/^deploy\b/, "write required or none."],
  [/^freeze\b/, "write from and until as UTC instants, such as 2030-12-24T00:00:00Z."],
  [/^keyring\b/, "every entry needs id and ed25519 (the raw public key, base64url)."]
]

export const fixFor = (problem: string): string =>
  hints.find(([pattern]) => pattern.test(problem))?.[1] ?? (problem.includes("unknown field") ? "remove the field or correct its name." : "see the policy section of the package's README.")

/** Parses the text of a policy file. */
export const parse = (text: string): Decode.Decoded<Policy> => {
  const document = Decode.yaml(text)
  if (document._tag === "Bad") return document
  const decoded = decode(document.value ?? {})
  if (decoded._tag === "Bad") return decoded
  const { v: _v, gates, presets, ...rest } = decoded.value
  return { _tag: "Ok", value: { ...basePolicy, ...rest, gates: { ...basePolicy.gates, ...gates }, presets: { ...basePolicy.presets, ...presets } } }
}

/** The policy file that `sdlc init` writes. */
export const template = `# What this project demands of its features. Everything left out keeps its default; unknown fields are refused.
v: 1
gates: # human | agent | auto (the policy approves) | off (not asked)
  spec: human
  design: human
  tasks: human
  qa-plan: human
  start: human
  agent-review: agent
  human-review: human
  audit: agent
  risk: human
  uat: human
  merge: human
separationOfDuties: true # nobody approves their own work
reviewers: 1
blockSeverity: high # findings of this severity or above block
maxAttempts: 3 # failures of one thing before a person is asked
maxRework: 3 # rounds of rework before a person is asked
wip: 3 # features in work at once
autonomy: auto # confirm: a person confirms every step that has an effect
deploy: required # none: a merge is a release
`
