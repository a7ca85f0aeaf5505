/** Follows an event stream for a command, and ends when the command has seen enough. */
import * as EventStream from "@rdev/api/EventStream"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { noKey, type Target } from "./Connection.ts"
import { fail, kindOfStatus } from "./Failure.ts"
import type { Event } from "./Progress.ts"

/** Hands every event to `take` until that answers true. */
export const until = (target: Target, path: string, after: number, take: (event: Event) => boolean) =>
  EventStream.follow({ url: target.url, key: target.key, path, after }).pipe(
    Stream.takeUntil((event) => take(event as unknown as Event)),
    Stream.runDrain,
    Effect.mapError((error) =>
      error.status === null
        ? fail("unavailable", `no server answers at ${target.url}: ${error.message}`)
        : error.status === 401 && target.key === ""
          ? fail("denied", noKey)
          : fail(kindOfStatus(error.status), error.message)
    )
  )
