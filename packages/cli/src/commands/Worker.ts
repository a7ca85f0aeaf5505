/** `rdev worker`: runs tasks and operations of an installation that keeps its data in PostgreSQL. */
import * as Effect from "effect/Effect"
import { given } from "../adapters/GivenLayers.ts"
import { fail } from "../Failure.ts"
import { Screen } from "../Screen.ts"

export interface WorkerOptions {
  readonly dataDir: string | null
  readonly unsafeHost: boolean
  readonly capacity: number
}

export const worker = Effect.fn("WorkerCommand.worker")(function* (options: WorkerOptions) {
  const [Server, Configuration] = yield* Effect.promise(() =>
    Promise.all([import("@rdev/server/Server"), import("@rdev/server/installation/Configuration")])
  )
  const { config, installation } = yield* Configuration.read({
    env: {
      ...process.env,
      RDEV_WORKER_CAPACITY: String(options.capacity),
      ...(options.dataDir === null ? {} : { RDEV_DATA_DIR: options.dataDir }),
      ...(options.unsafeHost ? { RDEV_UNSAFE_HOST: "true" } : {})
    },
    layers: given.layers
  })
  if (!installation.shared)
    return yield* fail(
      "usage",
      "RDEV_DATABASE_URL: a worker of its own shares a PostgreSQL database with its servers; with the embedded engine the server has its worker inside"
    )
  yield* Server.work(config, installation)
  new Screen(process.stdout).line(`rdev ${Server.version}: working, ${options.capacity} tasks at once`)
  return yield* Effect.never
}, Effect.scoped)
