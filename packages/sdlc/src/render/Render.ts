/**
 * The agent commands as files of a harness: Claude Code skills, OpenCode commands, Codex skills, and a block for AGENTS.md.
 *
 * Promises one source for all of them, files that only change when the source does, and that in AGENTS.md nothing outside
 * the marked block is touched.
 */
import { commands as all, type Command } from "../commands/Commands.ts"
import type { Capability } from "../commands/Command.ts"
import type { Write } from "../repo/Repo.ts"

export const harnesses = ["claude", "opencode", "codex"] as const
export type Harness = (typeof harnesses)[number]

const tools: Readonly<Record<Capability, ReadonlyArray<string>>> = {
  sdlc: ["Bash(sdlc:*)"],
  read: ["Read", "Grep", "Glob"],
  write: ["Edit", "Write"],
  shell: ["Bash"],
  git: ["Bash(git:*)"]
}

const quote = (text: string): string => JSON.stringify(text)
const front = (fields: ReadonlyArray<readonly [string, string]>): string =>
  `---\n${fields.map(([name, value]) => `${name}: ${value}`).join("\n")}\n---\n`

const limits = (command: Command): string =>
  command.writes.length === 0
    ? "Write nothing in the repository by hand."
    : command.writes.includes("**")
      ? ""
      : `Write only: ${command.writes.map((glob) => `\`${glob}\``).join(", ")}.`

const text = (command: Command, argument: string): string => {
  const body = command.body.replaceAll("{{args.feature}}", argument)
  const limit = limits(command)
  const fresh = command.fresh
    ? "Work from the repository, not from what this conversation remembers about writing it."
    : ""
  return [body, [limit, fresh].filter((line) => line !== "").join(" ")].filter((part) => part !== "").join("\n\n")
}

const claude = (command: Command): Write => ({
  path: `.claude/skills/sdlc-${command.id}/SKILL.md`,
  content: `${front([
    ["name", `sdlc-${command.id}`],
    ["description", quote(command.summary)],
    ["argument-hint", quote(command.args)],
    ["allowed-tools", [...new Set(command.caps.flatMap((cap) => tools[cap]))].join(", ")],
    ...(command.invoke === "user" ? ([["disable-model-invocation", "true"]] as const) : [])
  ])}\n${text(command, "$ARGUMENTS")}\n`
})

const opencode = (command: Command): Write => ({
  path: `.opencode/commands/sdlc-${command.id}.md`,
  content: `${front([
    ["description", quote(command.summary)],
    ["agent", command.caps.includes("write") || command.caps.includes("shell") ? "build" : "plan"],
    ...(command.fresh ? ([["subtask", "true"]] as const) : [])
  ])}\n${text(command, "$ARGUMENTS")}\n`
})

const codex = (command: Command): Write => ({
  path: `.agents/skills/sdlc-${command.id}/SKILL.md`,
  content: `${front([
    ["name", `sdlc-${command.id}`],
    ["description", quote(command.summary)]
  ])}\n\`<arg>\` stands for ${command.id === "import" ? "the path" : "the feature"} that was named; leave it out when none was.${command.invoke === "user" ? " Use this only when the person asks for it." : ""}\n\n${text(command, "<arg>")}\n`
})

const renderers: Readonly<Record<Harness, (command: Command) => Write>> = { claude, opencode, codex }

/** All command files of a harness. */
export const render = (harness: Harness, commands: ReadonlyArray<Command> = all): ReadonlyArray<Write> =>
  commands.map(renderers[harness])

export const begin = "<!-- sdlc:begin -->"
export const end = "<!-- sdlc:end -->"

/** The block for AGENTS.md: at most fifteen lines. */
export const agentsBlock = [
  begin,
  "## Life cycle",
  "Features live in `.sdlc/features/<feature>/`. What to do next is computed, not guessed:",
  "",
  "- Before working on a feature, run `sdlc next [feature]` and do that step only; `sdlc why` explains it.",
  "- Exit codes: 0 a step is due, 10 wait, 20 a person decides, 30 done, 3 the state is corrupt.",
  "- The skills or commands `sdlc-<name>` say how each step is done. `sdlc-next` finds the right one.",
  "- Record work with `sdlc submit`, `sdlc task` and `sdlc record`. Never edit files under `events/` or `evidence/`.",
  "- Never approve, merge or deploy; never tick boxes as proof. Claims are verified by somebody else.",
  end
].join("\n")

/** AGENTS.md with our block put in, or put in place of an older one. A text with half a block is left alone and reported as `null`. */
export const withAgentsBlock = (current: string | undefined): string | null => {
  if (current === undefined || current.trim() === "") return `${agentsBlock}\n`
  const from = current.indexOf(begin)
  const to = current.indexOf(end)
  if (from < 0 && to < 0) return `${current.trimEnd()}\n\n${agentsBlock}\n`
  if (from < 0 || to < from || current.indexOf(begin, from + 1) >= 0) return null
  return `${current.slice(0, from)}${agentsBlock}${current.slice(to + end.length)}`
}
