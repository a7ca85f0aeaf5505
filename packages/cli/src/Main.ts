/** Runs one command line and decides how the process ends. Nobody sees a stack trace unless RDEV_DEBUG asks for it. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Layers } from "@rdev/server/Installation"
import { createRequire } from "node:module"
import { rdev } from "./Commands.ts"
import * as Examples from "./Examples.ts"
import { CliFailure, exitCodes } from "./Failure.ts"
import { asText } from "./DashedText.ts"
import { behindTheCommand } from "./FlagsFirst.ts"
import { visible } from "./TerminalText.ts"
import { given } from "./adapters/GivenLayers.ts"

const { version }: { readonly version: string } = createRequire(import.meta.url)("@rdev/cli/package.json")

interface Ending {
  readonly message: string
  readonly exitCode: number
}

/** A text like `--this` cannot be told from a flag. */
const dashedHint = (errors: ReadonlyArray<{ readonly _tag: string }>): ReadonlyArray<string> =>
  errors.some(({ _tag }) => _tag === "UnrecognizedOption")
    ? ["A text that begins with -- stands behind --, at the end"]
    : []

const endingOf = (error: unknown): Ending => {
  if (error instanceof CliFailure) return { message: error.message, exitCode: error.exitCode }
  if (CliError.isCliError(error)) {
    if (error._tag !== "ShowHelp") return { message: error.message, exitCode: exitCodes.usage }
    const messages = error.errors.map((one) => one.message)
    const help = `See \`${error.commandPath.join(" ") || "rdev"} --help\``
    return messages.length === 0
      ? { message: "", exitCode: 0 }
      : { message: [...messages, ...dashedHint(error.errors), help].join("\n"), exitCode: exitCodes.usage }
  }
  if (error instanceof Error && Reflect.get(error, "_tag") === "StartError")
    return { message: error.message, exitCode: exitCodes.failed }
  return {
    message: `something went wrong inside: ${error instanceof Error ? error.message : String(error)}`,
    exitCode: 70
  }
}

/** Ctrl-C is how these end; any other command was cut off by it before it had done what it was asked. */
const untilStopped: ReadonlySet<string | undefined> = new Set(["up", "worker", "events"])
const interrupted = 130

const ending = (exit: Exit.Exit<unknown, unknown>, command: string | undefined): Ending => {
  if (Exit.isSuccess(exit)) return { message: "", exitCode: 0 }
  if (Cause.hasInterruptsOnly(exit.cause)) return { message: "", exitCode: untilStopped.has(command) ? 0 : interrupted }
  const first = exit.cause.reasons.find((reason) => Cause.isFailReason(reason) || Cause.isDieReason(reason))
  if (process.env["RDEV_DEBUG"] !== undefined) process.stderr.write(`${Cause.pretty(exit.cause)}\n`)
  return endingOf(
    first === undefined
      ? null
      : Cause.isFailReason(first)
        ? first.error
        : Cause.isDieReason(first)
          ? first.defect
          : null
  )
}

/** A mistake gets one message, not the whole help text: it is what somebody has to read. */
const presenter: CliOutput.Presenter = {
  ...CliOutput.defaultPresenter,
  present: (event) => (event._tag === "InvalidInvocation" ? Effect.void : CliOutput.defaultPresenter.present(event))
}

const plain = CliOutput.defaultFormatter()
const formatter: CliOutput.Formatter = {
  ...plain,
  formatHelpDoc: (doc) => plain.formatHelpDoc({ ...doc, examples: Examples.of(doc.usage) })
}

/** Whoever reads the output has seen enough (`rdev … | head`): that is no failure. */
const endWhenUnread = (stream: NodeJS.WriteStream): void => {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error
    process.exit(0)
  })
}

export interface Options {
  /** Slots that this program fills in TypeScript; the others are chosen by the platform file, or as embedded. */
  readonly layers?: Layers
}

/** The command line, for a program of one's own too: `main(process.argv.slice(2), { layers: { dns: … } })`. */
export const main = (typed: ReadonlyArray<string>, { layers }: Options = {}): void => {
  const args = asText(behindTheCommand(typed))
  if (layers !== undefined) given.layers = layers
  endWhenUnread(process.stdout)
  endWhenUnread(process.stderr)
  const program = Command.runWith(rdev, { version })(args).pipe(
    Effect.provide(NodeServices.layer),
    Effect.provideService(CliOutput.Presenter, presenter),
    Effect.provideService(CliOutput.Formatter, formatter)
  )
  NodeRuntime.runMain(program, {
    disableErrorReporting: true,
    teardown: (exit, onExit) => {
      const { exitCode, message } = ending(exit, args[0])
      if (message !== "") process.stderr.write(`rdev: ${visible(message)}\n`)
      onExit(exitCode)
    }
  })
}
