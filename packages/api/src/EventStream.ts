/**
 * Follows an event stream and resumes by itself after a lost connection: every event is delivered once, in order, after `after`. A `gap`
 * (retention removed what was asked for) is handed on as an event of that type; `synced` says that the past is over.
 */
import { Stream } from "effect"
import { transportOf, type ClientOptions } from "./Client.ts"
import * as Follow from "./client/Follow.ts"
import * as ClientError from "./ClientError.ts"
import type { EventView } from "./groups/Events.ts"

export { type Frame, parser } from "./client/Sse.ts"

export interface FollowOptions extends ClientOptions, Omit<Follow.FollowOptions, "signal"> {
  /** e.g. `/projects/hello/events?types=output` */
  readonly path: string
}

/** The stream itself connects again; it fails when it is refused for good, or when nobody ever answered. */
export const follow = (options: FollowOptions): Stream.Stream<EventView, ClientError.ClientError> =>
  Stream.suspend(() =>
    Stream.fromAsyncIterable(Follow.follow(transportOf(options), options.path, options), (cause) => {
      if (ClientError.is(cause)) return cause
      throw cause
    })
  ) as Stream.Stream<EventView, ClientError.ClientError>
