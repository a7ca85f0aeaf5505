/** The server's own log without secrets: whatever loggers the program has get entries in which they are masked. */
import { Redaction } from "@rdev/core/services/redaction/Redaction"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { inspect } from "node:util"

const shown = (part: unknown): string =>
  typeof part === "string" ? part : part instanceof Error ? part.message : inspect(part, { depth: 4 })

/** The same where there is nothing to mask. */
const maskedMessage = (message: unknown, text: (text: string) => string): unknown => {
  if (Array.isArray(message)) {
    const parts = message.map((part: unknown) => maskedMessage(part, text))
    return parts.some((part, i) => part !== message[i]) ? parts : message
  }
  const said = shown(message)
  const masked = text(said)
  return masked === said ? message : masked
}

const maskedCause = (cause: Cause.Cause<unknown>, text: (text: string) => string): Cause.Cause<unknown> => {
  if (cause.reasons.length === 0) return cause
  const said = Cause.pretty(cause)
  const masked = text(said)
  if (masked === said) return cause
  const error = new Error(masked.split("\n", 1)[0])
  error.stack = masked
  return Cause.hasDies(cause) ? Cause.die(error) : Cause.fail(error)
}

export const layer: Layer.Layer<never> = Layer.effect(
  Logger.CurrentLoggers,
  Effect.gen(function* () {
    const { text } = yield* Redaction
    const loggers = yield* Logger.CurrentLoggers
    return new Set(
      [...loggers].map((logger) =>
        Logger.make((entry) =>
          logger.log({ ...entry, message: maskedMessage(entry.message, text), cause: maskedCause(entry.cause, text) })
        )
      )
    )
  })
)
