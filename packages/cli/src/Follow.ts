/** Follows an event stream for a command, and ends when the command has seen enough. */
import type { EventFilter, EventSource } from "@rdev/api/RdevClient"
import { ask, type Target } from "./Connection.ts"
import type { Event } from "./Progress.ts"

/** Hands every event to `take` until that answers true. */
export const until = (
  target: Target,
  source: EventSource & EventFilter,
  after: number,
  take: (event: Event) => boolean
) =>
  ask(target, async (rdev, { signal }) => {
    for await (const event of rdev.events.follow(source, { after, signal })) if (take(event)) return
  })
