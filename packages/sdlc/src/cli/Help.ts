/** `sdlc help` and `sdlc completions`: written from the catalogue, so that they cannot drift from it. */
import * as Args from "./Args.ts"
import { catalogue, type Entry } from "./Catalogue.ts"
import * as Features from "./commands/Features.ts"
import * as Next from "./commands/Next.ts"
import * as Record from "./commands/Record.ts"
import { eventData } from "../model/JsonSchemas.ts"
import type { JsonSchema } from "../model/Validate.ts"
import { Failure } from "./Failure.ts"
import { done, type Result, table } from "./Result.ts"

const hot: Readonly<Record<string, Entry>> = {
  next: { spec: Next.spec, run: Next.run, summary: "the one next step of a feature (--compat v0: the older JSON)" },
  features: { spec: Features.spec, run: Features.run, summary: "all features with their phase" }
}

/** Every command of the tool. */
export const all = (): Readonly<Record<string, Entry>> => ({ ...hot, ...catalogue })

const usage = (name: string, entry: Pick<Entry, "spec">): string => {
  const positionals = entry.spec.positionals.map((word) =>
    word.endsWith("?") ? `[${word.slice(0, -1)}]` : word.endsWith("...") ? `[${word.slice(0, -3)} ...]` : `<${word}>`
  )
  return ["sdlc", name, ...positionals].join(" ")
}

const overview = (): string =>
  [
    "sdlc: what a feature needs next, computed from its files.",
    "",
    table(Object.entries(all()).map(([name, entry]) => [`  ${name}`, entry.summary])),
    "",
    "Everywhere: --json, -C <folder>, -f <feature>, --help. A feature may be left out when the branch or the project makes it clear.",
    "Exit codes: 0 a step is due, 10 wait, 20 a person decides, 30 done, 3 corrupt, 2 wrong use, 1 a check failed, 70 a defect of the tool.",
    "Environment: SDLC_PRINCIPAL (agent:<name> or human:<name>), SDLC_SESSION, SDLC_MODEL, SDLC_FEATURE, SDLC_SIGNING_KEY (key file)."
  ].join("\n")

/** Fields of an object as people write them: `?` may be left out, `a|b` is one of these, `[…]` is a list. */
const fieldsOf = (schema: JsonSchema): string =>
  Object.entries(schema.properties ?? {})
    .map(([name, field]) => `${name}${schema.required?.includes(name) === true ? "" : "?"}${shape(field)}`)
    .join(", ")

const shape = (field: JsonSchema): string => {
  if (field.enum !== undefined) return `: ${field.enum.join("|")}`
  if (field.type === "array")
    return field.items?.properties === undefined ? ": [\u2026]" : `: [{ ${fieldsOf(field.items)} }]`
  return field.properties === undefined ? "" : `: { ${fieldsOf(field)} }`
}

/** The events that `sdlc record` makes, each with its short name and its fields. */
const events = (): { readonly lines: ReadonlyArray<string>; readonly json: Readonly<Record<string, JsonSchema>> } => {
  const json = Object.fromEntries(
    Object.entries(eventData).filter(([type]) => !([...Record.reserved] as ReadonlyArray<string>).includes(type))
  )
  const name = (type: string): string => Object.entries(Record.short).find(([, long]) => long === type)?.[0] ?? ""
  const rows = Object.entries(json).map(([type, schema]) => [
    `  ${type}`,
    name(type) === "" ? "" : `(${name(type)})`,
    fieldsOf(schema) || "(no fields)"
  ])
  return {
    json,
    lines: [
      "",
      "Events and the fields of their --data (? may be left out; tree, patch and sha are filled in from the branch):",
      table(rows)
    ]
  }
}

export const help = (command?: string): Result => {
  if (command === undefined || command === "help")
    return done(overview(), {
      commands: Object.entries(all()).map(([name, entry]) => ({
        name,
        summary: entry.summary,
        usage: usage(name, entry)
      }))
    })
  const entries = all()
  const entry = Object.hasOwn(entries, command) ? entries[command] : undefined
  if (entry === undefined) {
    const close = Args.nearest(command, Object.keys(entries))
    throw new Failure(
      `"${command.slice(0, 40)}" is no command.`,
      close === null ? "sdlc help lists them." : `did you mean ${close}?`
    )
  }
  const flags = Object.entries({ ...entry.spec.flags, ...Args.common }).map(
    ([name, type]) =>
      `  --${name}${type === "flag" ? "" : ` <${name === "json" ? "" : "value"}>`}${type === "values" ? " (repeatable)" : ""}`
  )
  const recorded = command === "record" ? events() : null
  return done([usage(command, entry), `  ${entry.summary}`, "", ...flags, ...(recorded?.lines ?? [])].join("\n"), {
    name: command,
    summary: entry.summary,
    usage: usage(command, entry),
    flags: Object.keys(entry.spec.flags),
    ...(recorded === null ? {} : { events: recorded.json })
  })
}

const flagsOf = (entry: Pick<Entry, "spec">): string =>
  Object.keys({ ...entry.spec.flags, ...Args.common })
    .map((flag) => `--${flag}`)
    .join(" ")

const bash = (): string => `_sdlc() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" cmd="\${COMP_WORDS[1]}" words
  if [ "$COMP_CWORD" -eq 1 ]; then words="${Object.keys(all()).join(" ")}"
  elif [[ "$cur" == -* ]]; then
    case "$cmd" in
${Object.entries(all())
  .map(([name, entry]) => `      ${name}) words="${flagsOf(entry)}" ;;`)
  .join("\n")}
    esac
  else words="$(ls .sdlc/features 2>/dev/null)"
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _sdlc sdlc`

const zsh = (): string => `#compdef sdlc
_sdlc() {
  if (( CURRENT == 2 )); then
    local -a commands=(
${Object.entries(all())
  .map(([name, entry]) => `      '${name}:${entry.summary.replace(/[':]/g, " ")}'`)
  .join("\n")}
    )
    _describe 'command' commands
  elif [[ $words[CURRENT] == -* ]]; then
    case $words[2] in
${Object.entries(all())
  .map(([name, entry]) => `      ${name}) compadd -- ${flagsOf(entry)} ;;`)
  .join("\n")}
    esac
  else
    compadd -- \${(f)"$(ls .sdlc/features 2>/dev/null)"}
  fi
}
compdef _sdlc sdlc`

const fish = (): string =>
  [
    "complete -c sdlc -f",
    ...Object.entries(all()).map(
      ([name, entry]) => `complete -c sdlc -n __fish_use_subcommand -a ${name} -d '${entry.summary.replace(/'/g, "")}'`
    ),
    ...Object.entries(all()).flatMap(([name, entry]) =>
      Object.keys({ ...entry.spec.flags, ...Args.common }).map(
        (flag) => `complete -c sdlc -n '__fish_seen_subcommand_from ${name}' -l ${flag}`
      )
    ),
    "complete -c sdlc -n 'not __fish_use_subcommand' -a '(ls .sdlc/features 2>/dev/null)'"
  ].join("\n")

export const completions = (shell: string): Result => {
  const script = { bash, zsh, fish }[Args.oneOf("shell", shell, ["bash", "zsh", "fish"])]()
  return done(script, { shell, script })
}
