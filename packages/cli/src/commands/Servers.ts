/** `rdev up`, `demo`, `worker`, `doctor` and `adapters`: the server itself. Its code is loaded by the command that needs it. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { fail } from "../Failure.ts"
import { boundedInt, common, flag, optionalText, where } from "../Flags.ts"

const hosting = {
  host: optionalText("host", "Address to listen on (RDEV_HOST; default 127.0.0.1)"),
  port: boundedInt("port", 0, 65_535).pipe(
    Flag.withDescription("Port (RDEV_PORT; default 4848)"),
    Flag.optional,
    Flag.map(Option.getOrNull)
  ),
  unsafeHost: flag("unsafe-host", "Run agents without isolation where there is none (RDEV_UNSAFE_HOST)")
}
export const up = Command.make(
  "up",
  { ...hosting, dataDir: where.dataDir, noDemo: flag("no-demo", "Do not show the demo on a first start") },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("../Up.ts")),
      (Up) => Up.up({ ...input, demo: !input.noDemo })
    )
).pipe(Command.withDescription("Start the server on embedded defaults; a first start shows the demo"))
export const demo = Command.make("demo", hosting, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("../Up.ts")),
    (Up) => Up.demo(input)
  )
).pipe(Command.withDescription("One feature from idea to release, in a folder that is thrown away"))
export const worker = Command.make(
  "worker",
  {
    dataDir: where.dataDir,
    unsafeHost: hosting.unsafeHost,
    capacity: boundedInt("capacity", 0, 1000).pipe(Flag.withDescription("Tasks at once"), Flag.withDefault(4))
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./Worker.ts")),
      (Worker) => Worker.worker(input)
    )
).pipe(
  Command.withDescription(
    "A worker beside servers that share a PostgreSQL database (RDEV_DATABASE_URL, or stores in platform.yaml)"
  )
)
export const doctor = Command.make("doctor", common, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("../Doctor.ts")),
    (Doctor) =>
      Effect.flatMap(Doctor.doctor(input, input.json), (ok) =>
        ok ? Effect.void : Effect.fail(fail("failed", "something that is needed is missing, see above"))
      )
  )
).pipe(Command.withDescription("What this machine offers and what is missing; every slot is tried for real"))

export const adapters = Command.make("adapters", common, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("../adapters/AdaptersCommand.ts")),
    (Adapters) =>
      Effect.flatMap(Adapters.adapters(input, input.json), (ok) =>
        ok ? Effect.void : Effect.fail(fail("server", "an adapter does not work, see above"))
      )
  )
).pipe(
  Command.withDescription(
    "What fills each slot of this installation (platform.yaml), how it is, and its configuration keys"
  )
)
