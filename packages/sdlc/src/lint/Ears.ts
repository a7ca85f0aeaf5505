/**
 * The five EARS sentence forms (Mavin et al., "Easy Approach to Requirements Syntax", RE'09) and their combinations.
 *
 * Promises to say which form a sentence has, or what is missing from it. Does not judge what the sentence means.
 */

export type Form = "ubiquitous" | "event" | "state" | "unwanted" | "optional" | "complex"

export type Parsed =
  | { readonly _tag: "Ears"; readonly form: Form }
  | { readonly _tag: "Not"; readonly problem: string }

const keywords: Record<string, Exclude<Form, "ubiquitous" | "complex">> = { when: "event", while: "state", if: "unwanted", where: "optional" }

/** The sentence form of a requirement. Emphasis and code marks are ignored; case does not matter. */
export const parse = (sentence: string): Parsed => {
  const plain = sentence.replace(/[*_`]/g, "").replace(/\s+/g, " ").trim()
  const shall = plain.search(/\bshall\b/i)
  if (shall < 0) return { _tag: "Not", problem: "it does not say what the system shall do" }
  const response = plain.slice(shall + 5).replace(/^\s+not\b/i, "").trim()
  if (response.replace(/[.\s]/g, "") === "") return { _tag: "Not", problem: "nothing follows \"shall\"" }
  const clauses = plain.slice(0, shall).split(",").map((clause) => clause.trim())
  const subject = (clauses.pop() ?? "").replace(/^then\s+/i, "")
  if (subject === "") return { _tag: "Not", problem: "it does not name the system before \"shall\"" }
  const forms: Array<Form> = []
  for (const clause of clauses) {
    const form = keywords[(clause.split(" ")[0] ?? "").toLowerCase()]
    if (form !== undefined) forms.push(form)
  }
  if (clauses.length > 0 && forms.length === 0) return { _tag: "Not", problem: "its condition does not begin with When, While, If or Where" }
  const unended = keywords[(subject.split(" ")[0] ?? "").toLowerCase()]
  if (unended !== undefined) return { _tag: "Not", problem: `its ${unended} condition is not closed by a comma` }
  if (forms.length > 1) return { _tag: "Ears", form: "complex" }
  return { _tag: "Ears", form: forms[0] ?? "ubiquitous" }
}

export const hint =
  "write one of: The <system> shall <response>. | When <trigger>, the <system> shall <response>. | While <state>, the <system> shall <response>. | If <problem>, then the <system> shall <response>. | Where <feature>, the <system> shall <response>."
