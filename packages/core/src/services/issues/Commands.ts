/**
 * What people tell rdev in comments of an issue: the first line that says something begins with `/rdev`. A quoted line, one in a block of
 * code or further down is talk about it. Pure.
 */
import { VerdictGate as Gate } from "../../domain/FeatureIndex.ts"
import { Schema } from "effect"

export type Command =
  | { readonly verb: "run"; readonly agent: string | null; readonly preset: string | null }
  | { readonly verb: "pause" | "cancel"; readonly reason: string }
  | { readonly verb: "resume" | "retry" }
  | { readonly verb: "approve"; readonly gate: VerdictGate }
  | { readonly verb: "answer"; readonly text: string }
  | { readonly verb: "wrong"; readonly problem: string }

type VerdictGate = typeof Gate.Type
const gates: ReadonlyArray<string> = Gate.literals
const isGate = Schema.is(Gate)
export const usage =
  "`/rdev run [agent=NAME] [preset=NAME]`, `/rdev pause`, `/rdev resume`, `/rdev cancel`, `/rdev retry`, `/rdev approve GATE`, `/rdev answer TEXT`"

const wrong = (problem: string): Command => ({ verb: "wrong", problem })
const name = /^[a-z0-9][a-z0-9._-]{0,62}$/

const runOf = (words: ReadonlyArray<string>): Command => {
  const given = new Map<string, string>()
  for (const word of words) {
    const [key = "", value = "", ...more] = word.split("=")
    if ((key !== "agent" && key !== "preset") || given.has(key) || more.length > 0 || !name.test(value))
      return wrong(`\`run\` takes agent=NAME and preset=NAME, each once, and not ${shown(word)}`)
    given.set(key, value)
  }
  return { verb: "run", agent: given.get("agent") ?? null, preset: given.get("preset") ?? null }
}

/** What somebody wrote, in a comment of ours: without a meaning there. */
const shown = (text: string): string => `\`${text.replaceAll("`", "'").slice(0, 60)}\``

const approveOf = (words: ReadonlyArray<string>): Command => {
  const [gate = "", ...more] = words
  return isGate(gate) && more.length === 0
    ? { verb: "approve", gate }
    : wrong(`\`approve\` needs the gate that is meant, one of ${gates.join(", ")}`)
}

const one = (verb: "resume" | "retry", words: ReadonlyArray<string>): Command =>
  words.length === 0 ? { verb } : wrong(`\`${verb}\` takes nothing more`)

const maxReason = 500
const maxAnswer = 8_000

/** null: it is no command. */
export const parse = (comment: string): Command | null => {
  const text = comment.replace(/^(?:[^\S\n]*\r?\n)+/, "")
  const [line = "", ...lines] = text.split(/\r?\n/)
  const found = /^\/rdev(?:[ \t]+(.*))?$/.exec(line.trimEnd())
  if (found === null) return null
  const said = (found[1] ?? "").trim()
  const [verb = "", ...words] = said.split(/[ \t]+/)
  const rest = said.slice(verb.length).trim()
  switch (verb) {
    case "run":
      return runOf(words)
    case "pause":
    case "cancel":
      return { verb, reason: rest.slice(0, maxReason) }
    case "resume":
    case "retry":
      return one(verb, words)
    case "approve":
      return approveOf(words)
    case "answer": {
      const answer = [rest, ...lines].join("\n").trim()
      return answer === "" ? wrong("`answer` needs a text") : { verb, text: answer.slice(0, maxAnswer) }
    }
    default:
      return wrong(verb === "" ? "there is no command without a word" : `there is no command ${shown(verb)}`)
  }
}
