/** Shows an operation until it has ended or needs a human; the command ends as the operation did. */
import * as Effect from "effect/Effect"
import { ask, type Target } from "./Connection.ts"
import * as Follow from "./Follow.ts"
import { OperationProgress } from "./OperationProgress.ts"
import * as OperationOutcome from "./OperationOutcome.ts"
import { Screen } from "./Screen.ts"
import * as Waiting from "./Waiting.ts"
import { jsonText } from "./TerminalText.ts"

export interface Options {
  readonly json: boolean
  /** Events up to this one are not shown; default: all are. */
  readonly after?: number
}

/** Number of the newest event before something is asked for, so that only what follows from it is shown. */
export const watermark = (target: Target, id: string) =>
  ask(target, async (rdev, options) => (await rdev.events.ofOperation({ operation: id, limit: 1 }, options)).watermark)

/** With `--json` nothing is shown but the operation and its steps at the end. */
export const follow = Effect.fn("OperationFollow.follow")(function* (
  target: Target,
  id: string,
  { after = 0, json }: Options
) {
  const screen = new Screen(process.stdout)
  const silent = new Screen({ write: () => true })
  const progress = new OperationProgress(json ? silent : screen, id)
  if (!json) screen.live(() => progress.status())
  let synced = false
  const shown = Waiting.watch(
    ask(target, (rdev, options) => rdev.operations.get({ operation: id }, options)),
    (line) => {
      if (!json) screen.line(line)
    }
  )
  yield* Effect.raceFirst(
    shown,
    Follow.until(target, { operation: id }, after, (event) => {
      if (event.type === "synced") synced = true
      else progress.take(event)
      // An end in the past may have been followed by a retry: only the newest one counts.
      return synced && progress.over
    })
  ).pipe(
    Effect.onInterrupt(() =>
      Effect.sync(() => {
        if (!json) screen.line(`It goes on on the server: rdev operations follow ${id}`)
      })
    ),
    Effect.ensuring(Effect.sync(() => screen.live(null)))
  )
  const ledger = yield* OperationOutcome.read(target, id)
  if (json) screen.line(jsonText(ledger))
  yield* OperationOutcome.orFailure(ledger)
})
