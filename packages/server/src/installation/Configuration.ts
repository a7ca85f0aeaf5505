/** Everything that is configured: the server's variables and its adapters. What is wrong with either comes in one error. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Installation from "../Installation.ts"
import { fromEnvironment, problemsOf, type ServerConfig, type StartError, startErrorOfMany } from "../ServerConfig.ts"

export interface Options {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Working folder; default that of the process. */
  readonly cwd?: string
  /** Reads no platform file. */
  readonly embedded?: boolean
  /** Slots that are filled in TypeScript. */
  readonly layers?: Installation.Layers
}

export const read = ({
  layers = {},
  ...options
}: Options): Effect.Effect<
  { readonly config: ServerConfig; readonly installation: Installation.Installation },
  StartError
> =>
  Effect.gen(function* () {
    const config = yield* Effect.result(fromEnvironment(options.env))
    const installation = yield* Effect.result(Installation.make(layers, options))
    if (Result.isSuccess(config) && Result.isSuccess(installation))
      return { config: config.success, installation: installation.success }
    const failures = [
      ...(Result.isFailure(config) ? [config.failure] : []),
      ...(Result.isFailure(installation) ? [installation.failure] : [])
    ]
    const [first, ...more] = failures.flatMap(problemsOf)
    return first === undefined ? yield* Effect.die("nothing failed") : yield* startErrorOfMany([first, ...more])
  })
