/** Says what an operation or a feature waits for, once for each reason, while a command follows it. */
import * as Effect from "effect/Effect"
import type { CliFailure } from "./Failure.ts"
import { oneLine } from "./TerminalText.ts"

export interface WaitingFor {
  readonly reason: string
  readonly detail: string
}
interface Answer {
  readonly waiting_for?: WaitingFor | null
}
const everySeconds = 2

export const line = ({ detail }: WaitingFor): string => `waiting: ${oneLine(detail).slice(0, 500)}`

/** Looks for ever at an operation, or at what is next for a feature. A question to a person is shown by who follows. */
export const watch = (
  answer: Effect.Effect<Answer, CliFailure>,
  show: (line: string) => void
): Effect.Effect<never> => {
  let told = ""
  const look = Effect.map(answer, ({ waiting_for: now }) => {
    const reason =
      now === null || now === undefined || now.reason === "human"
        ? ""
        : `${now.reason} ${now.detail.replaceAll(/\d+/g, "")}`
    if (now != null && reason !== "" && reason !== told) show(line(now))
    told = reason
  })
  return Effect.forever(Effect.andThen(Effect.sleep(`${everySeconds} seconds`), Effect.ignore(look)))
}
