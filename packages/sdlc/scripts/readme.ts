/** Fills the generated parts of README.md: `npm run readme -w packages/sdlc`. A test fails when they are out of date. */
import { readFileSync, writeFileSync } from "node:fs"
import { all } from "../src/cli/Help.ts"
import { ruleTableMarkdown } from "../src/explain/RuleTable.ts"

const file = new URL("../README.md", import.meta.url)

const between = (text: string, name: string, content: string): string => {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`]
  const from = text.indexOf(begin) + begin.length
  return `${text.slice(0, from)}\n${content.trim()}\n${text.slice(text.indexOf(end))}`
}

const commands = (): string =>
  [
    "| command | what it does |",
    "| --- | --- |",
    ...Object.entries(all()).map(([name, entry]) => `| \`${name}\` | ${entry.summary.replaceAll("|", "\\|")} |`)
  ].join("\n")

/** README.md as it should be. */
export const readme = (): string =>
  between(between(readFileSync(file, "utf8"), "commands", commands()), "rules", ruleTableMarkdown())

if (process.argv[1]?.endsWith("readme.ts") === true) writeFileSync(file, readme())
