/** A worker as a process of its own, for tests that kill it. Prints one JSON line when it works; its configuration is the environment's. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"
import * as Server from "../../src/Server.ts"
import * as Configuration from "../../src/installation/Configuration.ts"

NodeRuntime.runMain(
  Effect.scoped(
    Effect.gen(function* () {
      const { config, installation } = yield* Configuration.read({ env: process.env })
      yield* Server.work(config, installation)
      process.stdout.write(`${JSON.stringify({ url: "" })}\n`)
      return yield* Effect.never
    })
  ).pipe(Effect.tapError((error) => Effect.sync(() => process.stderr.write(`${error.message}\n`))))
)
