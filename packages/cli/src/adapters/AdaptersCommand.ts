/**
 * `rdev adapters`: what fills each slot of the installation, its version, how it is and what can be configured. The running server is
 * asked; where none runs, the same is told from the platform file, without health.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { ask, find, type Where } from "../Connection.ts"
import { exitCodes } from "../Failure.ts"
import { given } from "./GivenLayers.ts"
import { Screen, table } from "../Screen.ts"
import { jsonText } from "../TerminalText.ts"

interface Key {
  readonly name: string
  readonly kind: string
  readonly required: boolean
  readonly variable: string | null
}
export interface Shown {
  readonly slot: string
  readonly use: string
  readonly version: string
  readonly chosen_by: string
  readonly health: { readonly ok: boolean; readonly detail: string } | null
  readonly keys: ReadonlyArray<Key>
}
interface Answer {
  readonly file: string | null
  readonly adapters: ReadonlyArray<Shown>
}

/** From the file and the environment of this process alone. */
export const local = Effect.fn("AdaptersCommand.local")(function* (dataDir: string | null) {
  const { Configuration, SlotHealth } = yield* Effect.promise(async () => ({
    Configuration: await import("@rdev/server/installation/Configuration"),
    SlotHealth: await import("@rdev/server/installation/SlotHealth")
  }))
  const env = { ...process.env, ...(dataDir === null ? {} : { RDEV_DATA_DIR: dataDir }) }
  const { config, installation } = yield* Configuration.read({ env, layers: given.layers })
  const adapters = SlotHealth.views(installation).map(({ by, ...view }): Shown => ({
    ...view,
    chosen_by: by,
    health: null
  }))
  return { config, installation, answer: { file: installation.file, adapters } satisfies Answer }
})

const keyText = ({ name, required, variable }: Key): string =>
  `${name}${required ? "" : "?"}${variable === null ? "" : ` (${variable})`}`

const lines = ({ adapters, file }: Answer, screen: Screen): ReadonlyArray<string> => {
  const { style } = screen
  return [
    style.dim(file === null ? "No platform file: the embedded installation" : `Chosen by ${file}`),
    ...table([
      ["SLOT", "ADAPTER", "VERSION", "", "HEALTH", "KEYS"].map((title) => style.dim(title)),
      ...adapters.map(({ chosen_by, health, keys, slot, use, version }) => [
        slot,
        use,
        version === "" ? "–" : version,
        health === null ? style.dim("–") : health.ok ? style.green("✓") : style.red("✗"),
        health?.detail ?? (chosen_by === "default" ? "by default" : ""),
        keys.map(keyText).join(", ")
      ])
    ])
  ]
}

/** False when a slot that was asked does not work. */
export const adapters = Effect.fn("AdaptersCommand.adapters")(function* (where: Where, json: boolean) {
  const asked = yield* Effect.result(
    Effect.flatMap(find(where), (target) => ask(target, (rdev, call) => rdev.catalogue.adapters({}, call)))
  )
  if (Result.isFailure(asked) && asked.failure.exitCode !== exitCodes.unreachable) return yield* asked.failure
  const answer: Answer = Result.isSuccess(asked) ? asked.success : (yield* local(where.dataDir)).answer
  const screen = new Screen(process.stdout)
  if (json) screen.line(jsonText(answer))
  else {
    for (const line of lines(answer, screen)) screen.line(line)
    if (Result.isFailure(asked))
      screen.line(screen.style.dim("No server runs: `rdev doctor` tries each of them for real"))
  }
  return answer.adapters.every(({ health }) => health?.ok !== false)
})
