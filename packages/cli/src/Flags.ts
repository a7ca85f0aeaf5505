/** Flags and arguments that many commands share. */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"

export const optionalText = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.optional, Flag.map(Option.getOrNull))
/** A whole number in a range: a wrong one is a mistake of the flag, told before anything is started. */
export const boundedInt = (name: string, minimum: number, maximum: number) =>
  Flag.Int(name).pipe(
    Flag.filter(
      (value) => value >= minimum && value <= maximum,
      () => `a whole number from ${minimum} to ${maximum}`
    )
  )
export const flag = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))
const json = flag("json", "Print the API's JSON")
export const where = {
  url: optionalText("url", "Server, e.g. http://127.0.0.1:4848 (RDEV_URL)"),
  key: optionalText("key", "API key (RDEV_API_KEY)"),
  dataDir: Flag.String("data-dir").pipe(
    Flag.withDescription("Data folder of a server on this machine (RDEV_DATA_DIR; default .rdev)"),
    Flag.filter(
      (path) => path.trim() !== "",
      () => "a folder; leave the flag out for .rdev"
    ),
    Flag.optional,
    Flag.map(Option.getOrNull)
  )
}
export const common = { ...where, json }
/** A name or an id that goes into a path, where nothing and dots would be another path. */
export const named = (name: string) =>
  Argument.String(name).pipe(
    Argument.filter(
      (text) => !/^\.{0,2}$/.test(text.trim()),
      () => "a name or an id"
    )
  )
export const project = named("project").pipe(Argument.withDescription("Name or id of the project"))

export const feature = named("feature").pipe(Argument.withDescription("Slug of the feature"))

export interface Common {
  readonly url: string | null
  readonly key: string | null
  readonly dataDir: string | null
  readonly json: boolean
}
