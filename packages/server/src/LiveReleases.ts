/**
 * What was live when this process started, for whoever prints the start. It is read before any work begins: afterwards it would wait
 * behind the first queries of workers and housekeeping, which are slow on an engine that has just started.
 */
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import * as Environments from "@rdev/core/services/projects/Environments"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** A project's production release. */
export interface LiveRelease {
  readonly project: string
  readonly url: string
}

export class LiveReleases extends Context.Service<LiveReleases, ReadonlyArray<LiveRelease>>()(
  "rdev/server/LiveReleases"
) {}

/** Of so many projects; the others are in the API. */
const limit = 20

/** `urlOf`: where a host name is reached now; what was recorded may name the port of an earlier start. */
export const layer = (urlOf: (host: string) => string) =>
  Layer.effect(
    LiveReleases,
    Effect.gen(function* () {
      const projects = yield* (yield* ProjectStore).list({ after: null, limit, only: null })
      const environments = yield* Environments.ofAll(projects)
      return projects.flatMap(({ id, name }) =>
        (environments.get(id) ?? []).flatMap((one): ReadonlyArray<LiveRelease> =>
          one.name === "production" && one.release !== null
            ? [{ project: name, url: urlOf(new URL(one.url).hostname) }]
            : []
        )
      )
    })
  )
