/** Every command has an example in its help, and every example is one that the command takes. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CliOutput, Command, type HelpDoc } from "effect/cli"
import { rdev } from "../src/Commands.ts"
import * as Examples from "../src/Examples.ts"
import { asText, withValue } from "../src/DashedText.ts"
import { behindTheCommand } from "../src/FlagsFirst.ts"

const leaves = (command: Command.Command.Any, path: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const below = command.subcommands.flatMap((group) => group.commands)
  return below.length === 0 ? [path] : below.flatMap((one) => leaves(one, [...path, one.name]))
}
const all = leaves(rdev, [])

const helpOf = Effect.fnUntraced(function* (path: ReadonlyArray<string>) {
  const docs: Array<HelpDoc.HelpDoc> = []
  const formatter: CliOutput.Formatter = {
    ...CliOutput.defaultFormatter(),
    formatHelpDoc: (doc) => {
      docs.push(doc)
      return ""
    }
  }
  yield* Command.runWith(rdev, { version: "0" })([...path, "--help"]).pipe(
    Effect.provideService(CliOutput.Formatter, formatter),
    Effect.provide(NodeServices.layer)
  )
  return docs[0] ?? assert.fail(`rdev ${path.join(" ")} has no help`)
})

/** Words as a shell would make them of these lines, which quote by single quotes only. */
const wordsOf = (line: string): ReadonlyArray<string> =>
  [...line.matchAll(/'([^']*)'|[^\s']+/g)].map((match) => match[1] ?? match[0])

/** What a command would say of one of its examples, or null. */
const problemOf = (path: ReadonlyArray<string>, doc: HelpDoc.HelpDoc, line: string): string | null => {
  const words = wordsOf(line.replace(/^(?:[A-Z_]+=\S+ )+/, "").replace(/ > \S+$/, ""))
  if (words.slice(0, path.length + 1).join(" ") !== ["rdev", ...path].join(" ")) return "is of another command"
  const given = new Set<string>()
  const [own, rest] = words.includes("--")
    ? [words.slice(path.length + 1, words.indexOf("--")), words.slice(words.indexOf("--") + 1)]
    : [words.slice(path.length + 1), []]
  let positional = rest.length
  for (let at = 0; at < own.length; at++) {
    const word = own[at] ?? ""
    if (!word.startsWith("--")) {
      positional++
      continue
    }
    const flag = doc.flags.find((one) => `--${one.name}` === word || `--no-${one.name}` === word)
    if (flag === undefined) return `${word} is no flag`
    given.add(flag.name)
    if (flag.type !== "boolean" && (own[++at] ?? "--").startsWith("--")) return `${word} has no value`
  }
  const needed = doc.args?.filter((one) => one.required).length ?? 0
  const most = doc.args?.some((one) => one.variadic) === true ? Infinity : (doc.args?.length ?? 0)
  return positional < needed || positional > most ? `has ${positional} arguments` : null
}

describe("examples of the help", () => {
  it("finds the commands", () => assert.isAbove(all.length, 40))
  it.effect("every command has some, and takes them", () =>
    Effect.gen(function* () {
      for (const path of all) {
        const doc = yield* helpOf(path)
        const examples = Examples.of(doc.usage)
        assert.isAbove(examples.length, 0, `rdev ${path.join(" ")} has no example in Examples.ts`)
        for (const { command } of examples) assert.isNull(problemOf(path, doc, command), command)
      }
    })
  )
})

describe("text that begins with a dash", () => {
  it.effect("is known from a flag because the flags with a value are known", () =>
    Effect.gen(function* () {
      const found = new Set<string>()
      for (const path of all)
        for (const flag of (yield* helpOf(path)).flags) if (flag.type !== "boolean") found.add(`--${flag.name}`)
      assert.deepStrictEqual([...withValue].toSorted(), [...found].toSorted())
    })
  )
  const cases: ReadonlyArray<readonly [typed: ReadonlyArray<string>, meant: ReadonlyArray<string>]> = [
    [
      ["features", "create", "shop", "-5 degrees"],
      ["features", "create", "shop", "--", "-5 degrees"]
    ],
    [
      ["features", "create", "shop", "--- a line", "--hold"],
      ["features", "create", "shop", "--hold", "--", "--- a line"]
    ],
    [
      ["features", "create", "shop", "-x"],
      ["features", "create", "shop", "--", "-x"]
    ],
    [
      ["features", "create", "--slug", "x", "shop", "- item"],
      ["features", "create", "--slug", "x", "shop", "--", "- item"]
    ],
    [
      ["answer", "shop", "f", "---", "--key", "-K"],
      ["answer", "shop", "f", "--key=-K", "--", "---"]
    ],
    [
      ["reject", "shop", "f", "--reason", "- no good"],
      ["reject", "shop", "f", "--reason=- no good"]
    ],
    [
      ["reject", "shop", "f", "--reason", "-no", "--json"],
      ["reject", "shop", "f", "--reason=-no", "--json"]
    ],
    [
      ["-5", "shop"],
      ["--", "-5", "shop"]
    ],
    [
      ["exec", "shop", "--", "ls", "-l x"],
      ["exec", "shop", "--", "ls", "-l x"]
    ],
    [
      ["exec", "-shop", "--", "ls", "-l"],
      ["exec", "--", "-shop", "ls", "-l"]
    ],
    // A flag stays a flag, known or not, and nothing else moves.
    [
      ["answer", "shop", "f", "--yes"],
      ["answer", "shop", "f", "--yes"]
    ],
    [
      ["features", "create", "shop", "plain", "--hold"],
      ["features", "create", "shop", "plain", "--hold"]
    ],
    [
      ["reject", "shop", "f", "--reason", "--json"],
      ["reject", "shop", "f", "--reason", "--json"]
    ],
    [["-h"], ["-h"]],
    [["-"], ["-"]],
    [[], []]
  ]
  for (const [typed, meant] of cases) it(JSON.stringify(typed), () => assert.deepStrictEqual(asText(typed), meant))
})

describe("flags before the command", () => {
  const cases: ReadonlyArray<readonly [string, string]> = [
    ["--key K projects list", "projects list --key K"],
    ["--key=K --json projects list", "projects list --key=K --json"],
    ["--url U --key K --data-dir D projects show shop", "projects show shop --url U --key K --data-dir D"],
    ["projects list --key K", "projects list --key K"],
    ["--json exec shop -- ls --json", "exec shop --json -- ls --json"],
    ["--key K exec shop --timeout 5 -- sh -c x", "exec shop --timeout 5 --key K -- sh -c x"],
    // Nothing to move them to, or not ours: as they came.
    ["--help", "--help"],
    ["--key", "--key"],
    ["--key K", "--key K"],
    ["--key K --help", "--key K --help"],
    ["--version", "--version"],
    ["--frobnicate projects list", "--frobnicate projects list"],
    ["", ""]
  ]
  for (const [typed, meant] of cases) {
    it(`rdev ${typed}`, () =>
      assert.strictEqual(behindTheCommand(typed.split(" ").filter((word) => word !== "")).join(" "), meant))
  }
})
