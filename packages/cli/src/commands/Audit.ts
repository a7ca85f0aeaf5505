/** `rdev audit`: the trail for people, as a file, and the check of such a file, which needs no server. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { readFileSync } from "node:fs"
import { ask, find, type Json, list } from "../Connection.ts"
import { fail } from "../Failure.ts"
import { common, flag, named, optionalText } from "../Flags.ts"
import { printed, string, when } from "../Printing.ts"
import { duration, Screen, table } from "../Screen.ts"
import { jsonText } from "../TerminalText.ts"

const subject = named("project").pipe(
  Argument.withDescription("Name or id of the project; without one, the installation's own trail"),
  Argument.optional,
  Argument.map(Option.getOrNull)
)
const stepLine = (step: Json): ReadonlyArray<string> => [
  `    ${string(step["name"])}`,
  string(step["status"]),
  typeof step["duration_ms"] === "number" ? duration(step["duration_ms"]) : ""
]

const show = Command.make(
  "show",
  { ...common, project: subject, steps: flag("steps", "With every step and how long it took") },
  (input) =>
    printed(
      input,
      (target) =>
        list(target, (rdev, call) =>
          input.project === null
            ? rdev.audit.ofSystemAll({}, call)
            : rdev.audit.ofProjectAll({ project: input.project }, call)
        ),
      (lines, screen) => {
        const heads = table(
          lines.map((one) => [
            when(one["time"]),
            string(one["type"]),
            string(one["outcome"]),
            string(one["actor"]),
            screen.style.dim(string(one["operation_id"]))
          ])
        )
        return lines.length === 0
          ? ["Nothing has been done yet."]
          : lines.flatMap((line, i) => [
              heads[i] ?? "",
              ...(input.steps ? table((line["steps"] as ReadonlyArray<Json>).map(stepLine)) : [])
            ])
      }
    )
).pipe(Command.withDescription("What was done to a project, newest first: one line per operation"))

const exported = Command.make(
  "export",
  { url: common.url, key: common.key, dataDir: common.dataDir, project: subject },
  (input) =>
    Effect.gen(function* () {
      const target = yield* find(input)
      const rest = yield* ask(target, async (rdev, call) => {
        const pieces =
          input.project === null
            ? rdev.audit.exportOfSystem({}, call)
            : rdev.audit.exportOfProject({ project: input.project }, call)
        const decoder = new TextDecoder()
        let end = ""
        for await (const piece of pieces) {
          end = `${end}${decoder.decode(piece, { stream: true })}`.slice(-1_000)
          process.stdout.write(piece)
        }
        return end
      })
      const last = rest.trimEnd().split("\n").at(-1) ?? ""
      if (!last.startsWith('{"head":')) return yield* fail("failed", "the export was cut off; run it again")
      const { head }: { readonly head: { readonly number: number; readonly hash: string } } = JSON.parse(last)
      process.stderr.write(
        `${head.number} entries; note the head down elsewhere, to see later that nothing was rewritten:\n${head.hash}\n`
      )
    })
).pipe(
  Command.withDescription(
    "Write the whole trail as a file that can be checked anywhere: rdev audit export PROJECT > FILE"
  )
)

const isHash = /^[0-9a-f]{64}$/

const verify = Command.make(
  "verify",
  {
    file: Argument.String("file").pipe(Argument.withDescription("A file that rdev audit export wrote")),
    head: optionalText("head", "Hash that was noted down after an earlier export: it must be in the chain"),
    json: common.json
  },
  (input) =>
    Effect.gen(function* () {
      if (input.head !== null && !isHash.test(input.head))
        return yield* fail("usage", "--head: expected the 64 hexadecimal digits that rdev audit export printed")
      const text = yield* Effect.try({
        try: () => readFileSync(input.file, "utf8"),
        catch: (cause) =>
          fail("usage", `${input.file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`)
      })
      const AuditExport = yield* Effect.promise(() => import("@rdev/server/audit/AuditExport"))
      const verdict = AuditExport.verify(text, input.head === null ? null : { hash: input.head })
      const screen = new Screen(process.stdout)
      if (input.json) screen.line(jsonText(verdict))
      const { problem } = verdict
      if (problem !== null)
        return yield* fail(
          "failed",
          `${input.file}: line ${problem.line}${problem.entry === null ? "" : ` (entry ${problem.entry})`}: ${problem.message}`
        )
      if (!input.json) screen.line(`${input.file}: ${verdict.entries} entries, all in order; head ${verdict.head.hash}`)
    })
).pipe(Command.withDescription("Check an exported trail without a server; names the first entry that does not fit"))

export const audit = Command.make("audit").pipe(
  Command.withDescription("The audit trail"),
  Command.withSubcommands([show, exported, verify])
)
