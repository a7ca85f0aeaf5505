/** Starts a throw-away server, says its pid and folder's port, and waits to be killed. */
import { Effect } from "effect"
import * as TestPostgres from "../../src/testing/TestPostgres.ts"

await Effect.runPromise(
  Effect.scoped(
    Effect.gen(function* () {
      const server = yield* TestPostgres.make()
      process.stdout.write(`${server.pid()} ${server.port}\n`)
      return yield* Effect.never
    })
  )
)
