/** Reads and checks `qa-plan.md`: QA checks, each with the scenarios it shows and either a command or the steps of a person. */
import type { Collector } from "./Finding.ts"
import * as Markdown from "./Markdown.ts"
import { checkId, checkUnique } from "./Spec.ts"

export interface Check {
  readonly id: string
  readonly title: string
  readonly line: number
  readonly scenarios: ReadonlyArray<string>
  readonly run: ReadonlyArray<string>
  readonly manual: boolean
}

const read1 = (entry: Markdown.Entry): Check => {
  const fields = Markdown.fields(entry)
  const named = fields.filter((field) => ["covers", "scenario", "scenarios", "shows"].includes(field.name))
  const runs = fields.filter((field) => ["run", "verify", "command"].includes(field.name))
  return {
    id: entry.id,
    title: entry.title,
    line: entry.line,
    scenarios: [
      ...new Set([
        ...Markdown.items(named.flatMap((field) => field.values)),
        ...(entry.title.match(/\bSC-\d{3,9}\b/g) ?? [])
      ])
    ],
    run: Markdown.commands(runs.flatMap((field) => field.values)),
    manual: fields.some((field) => field.name === "manual" || field.name === "steps")
  }
}

export const read = (document: Markdown.Document): ReadonlyArray<Check> => Markdown.entries(document, ["QA"]).map(read1)

export const check = (
  collect: Collector,
  document: Markdown.Document,
  scenarios: ReadonlyArray<{ readonly id: string }> | null
): ReadonlyArray<Check> => {
  const all = Markdown.entries(document, ["QA"])
  for (const entry of all) checkId(collect, entry, "QA")
  checkUnique(collect, all)
  const checks = all.map(read1)
  const known = scenarios === null ? null : new Set(scenarios.map((scenario) => scenario.id))
  if (checks.length === 0)
    collect.error(
      "no-checks",
      1,
      "The plan has no check.",
      'add a heading or list item that starts with QA-001, with "covers: SC-001" and "run: `npm test`" below it.'
    )
  for (const entry of checks) {
    const unknown = known === null ? [] : entry.scenarios.filter((id) => !known.has(id))
    if (unknown.length > 0)
      collect.error(
        "unknown-scenario",
        entry.line,
        `${entry.id} covers ${unknown.join(", ")}, which the spec does not define.`,
        "name an existing scenario."
      )
    if (entry.scenarios.length === 0)
      collect.error("covers-missing", entry.line, `${entry.id} covers no scenario.`, 'add "- covers: SC-001".')
    if (entry.run.length === 0 && !entry.manual)
      collect.error(
        "method-missing",
        entry.line,
        `${entry.id} does not say how it is checked.`,
        'add "- run: `npm test`" or "- manual: <steps>".'
      )
  }
  const covered = new Set(checks.flatMap((entry) => entry.scenarios))
  for (const scenario of scenarios ?? []) {
    if (checks.length > 0 && !covered.has(scenario.id))
      collect.error(
        "uncovered-scenario",
        1,
        `No check covers ${scenario.id}.`,
        `add "- covers: ${scenario.id}" to the check that shows it.`
      )
  }
  return checks
}
