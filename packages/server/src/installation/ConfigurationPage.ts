/** docs/configuration.md, from the schemas of our adapters and the list of variables. */
import { type SlotName, slotNames, slots } from "@rdev/core/adapter/Slots"
import * as Choice from "./Choice.ts"
import { keysOf } from "./Decode.ts"
import * as Packages from "./Packages.ts"
import * as Variables from "./Variables.ts"

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ")
const table = (titles: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [titles, titles.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n")

const variables = (list: ReadonlyArray<Variables.Variable>) =>
  table(
    ["variable", "default", "meaning"],
    list.map(({ fallback, meaning, name, secret }) => [
      `\`${name}\``,
      fallback === "" ? "–" : fallback,
      secret === true ? `${meaning}. A secret` : meaning
    ])
  )

const intro = `# Configuration

<!-- Written by \`npm run configuration\` from the schemas. Change those, not this page. -->

rdev needs no configuration: without any it is one process with everything embedded. What is to be different stands in a **platform file**, in **environment
variables**, or in TypeScript (\`Installation.make\`, see [writing an adapter](adapters/writing.md#in-typescript)). Servers and workers of one installation read the same.

## platform.yaml

The file that \`RDEV_PLATFORM\` names, else \`platform.yaml\` in the working folder. It says which adapter fills each *slot*:

\`\`\`yaml
forge:      { use: local }
dns:        { use: "@acme/rdev-dns", zone: example.org, token: { env: DNS_TOKEN } }     # an npm package
tls:        { use: ./adapters/our-tls, account: { file: /run/secrets/acme } }           # a folder beside this file
resources:                                                                              # what each project gets
  database: { use: postgres, url: { env: RDEV_TENANT_DATABASE_URL } }
address: 203.0.113.7                                                                    # what host names point at; default 127.0.0.1
\`\`\`

- It names code that is run: a file that was only come across in the working folder is refused when another user can write it.
- A slot that is not named is as in an embedded installation. \`use\` is one of our names below, or an npm package (or a folder or file that begins with \`./\` or \`/\`), which is looked for from the
  folder of the file, from the working folder, and beside the server.
- **Secrets are never written into the file.** A key that takes one takes a reference: \`{ env: VARIABLE }\` or \`{ file: PATH }\` (relative to the file; the end of line is cut). Text that looks like a
  secret is refused anywhere. A secret is masked in output, events and logs, and \`rdev adapters\` does not show it.
- Keys that say so are read from a variable where the file does not have them.
- It is YAML 1.2 of one document without anchors, aliases, tags and merged keys, at most 256 KiB.
- Everything that is wrong with the file, with what it refers to and with the environment is told at once, each with its path, its line and what to write; then nothing is started and nothing is changed.

\`rdev adapters\` (\`GET /adapters\` with the scope \`admin\`) shows what fills each slot, its version, its health and its keys. \`rdev doctor\` tries each for real, also where no server runs.

## Slots
`

const ending = `
Staging and production have the same deployer: a key \`environments\` is refused, and so is every kind of resource but ${["database", "cache"].map((kind) => `\`${kind}\``).join(" and ")}.
`

/** The adapters of ours that fill a slot, with their keys. */
const ours = async (slot: SlotName): Promise<string> => {
  const parts: Array<string> = []
  for (const name of Packages.forSlot(slot)) {
    const loaded = await Packages.load(name, [])
    if ("problem" in loaded) throw new Error(loaded.problem)
    const definition = loaded.adapter.slots[slot]
    if (definition === undefined) throw new Error(`${name} is listed for ${slot} and does not offer it`)
    const keys = keysOf(definition.config)
    parts.push(
      keys.length === 0
        ? `\`use: ${name}\` takes no keys.`
        : `\`use: ${name}\`\n\n${table(
            ["key", "value", "variable", "meaning"],
            keys.map((key) => [
              `\`${key.name}\`${key.required ? "" : " (optional)"}`,
              key.kind,
              key.variable === null ? "–" : `\`${key.variable}\``,
              key.description
            ])
          )}`
    )
  }
  return parts.length === 0 ? "No adapter of ours: name a package." : parts.join("\n\n")
}

export const text = async (): Promise<string> => {
  const defaults = Choice.defaults({})
  const rows = slotNames.map((name) => [
    `\`${slots[name].path}\``,
    slots[name].purpose,
    Packages.forSlot(name)
      .map((use) => `\`${use}\``)
      .join(", ") || "–",
    defaults.has(name) ? `\`${defaults.get(name)}\`` : "–"
  ])
  const sections: Array<string> = []
  for (const name of slotNames)
    sections.push(`### ${slots[name].path}\n\n${slots[name].purpose}\n\n${await ours(name)}`)
  return `${intro}
${table(["slot", "what for", "ours", "default"], rows)}
${ending}
${sections.join("\n\n")}

## Variables of servers and workers

What they are for in more words: [the server](../packages/server/README.md), [this machine](adapters/local.md), [PostgreSQL](adapters/postgres.md). A variable that is set but empty counts as unset.
Those of keys above are not repeated here.

${variables(Variables.server)}

## Variables of commands

${variables(Variables.commands)}
`
}
