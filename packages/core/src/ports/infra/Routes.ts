/**
 * The Router port over anything that keeps routes: what is a host name and a backend, whose a route is and that every verb may be run twice
 * is decided here, once; an adapter only finds, puts, takes away and lists.
 */
import { Effect, Option } from "effect"
import { isHostName } from "../../domain/hosts/Hosts.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import type { PortReason } from "./PortReason.ts"
import { type Backend, type Route, Router, RouterError, sameBackend } from "./Router.ts"

/** A route as it was found; `projectId` is null when it does not carry our mark. */
export type Found = Omit<Route, "projectId"> & { readonly projectId: ProjectId | null }
export interface Keeper {
  readonly find: (host: string) => Effect.Effect<Found | undefined, RouterError>
  /** Makes it, or changes where ours leads. */
  readonly put: (route: Route) => Effect.Effect<void, RouterError>
  readonly remove: (host: string) => Effect.Effect<void, RouterError>
  readonly list: Effect.Effect<ReadonlyArray<Found>, RouterError>
  /** What else this router cannot route, as Invalid(host). */
  readonly refuse?: (host: string) => string | null
  /** Runs a look and the change that follows from it alone, among all processes where there are several. */
  readonly alone?: <A, E>(work: Effect.Effect<A, E>) => Effect.Effect<A, E | RouterError>
}

export const error = (verb: string, reason: PortReason, cause?: unknown): RouterError =>
  new RouterError({ operation: `Router.${verb}`, reason, cause })

/** An origin: scheme, host and port alone. */
export const isBackend = (backend: Backend): boolean => {
  if (backend._tag === "Server") return true
  const parsed = URL.parse(backend.address)
  return (
    parsed !== null &&
    (parsed.protocol === "http:" || parsed.protocol === "https:") &&
    parsed.origin === backend.address.replace(/\/$/, "")
  )
}

const isOurs = (found: Found): found is Route => found.projectId !== null

/** The project's own route, or none; another's is Foreign. */
const mine = (keeper: Keeper, verb: string, host: string, projectId: ProjectId) =>
  Effect.flatMap(keeper.find(host), (there) =>
    there === undefined || there.projectId === projectId
      ? Effect.succeed(there)
      : Effect.fail(
          error(verb, {
            _tag: "Foreign",
            message: `${host} ${there.projectId === null ? "has a route that rdev did not make" : `belongs to ${there.projectId}`}`
          })
        )
  )

/** What keeps a route from being made, or null. */
const invalid = ({ refuse }: Keeper, { backend, host }: Route): PortReason | null => {
  if (!isHostName(host))
    return { _tag: "Invalid", field: "host", message: `${JSON.stringify(host)} is not a host name` }
  if (!isBackend(backend))
    return {
      _tag: "Invalid",
      field: "backend",
      message: `${JSON.stringify(backend._tag === "Http" ? backend.address : "")} is not an origin such as http://10.0.0.7:8080`
    }
  const why = refuse?.(host) ?? null
  return why === null ? null : { _tag: "Invalid", field: "host", message: why }
}

export const make = (keeper: Keeper): Router["Service"] => {
  const alone: NonNullable<Keeper["alone"]> = keeper.alone ?? ((work) => work)
  return Router.of({
    route: (route) =>
      Effect.suspend(() => {
        const reason = invalid(keeper, route)
        return reason === null
          ? alone(
              Effect.gen(function* () {
                const there = yield* mine(keeper, "route", route.host, route.projectId)
                if (there?.environment !== route.environment || !sameBackend(there.backend, route.backend))
                  yield* keeper.put(route)
                return { externalId: route.host, created: there === undefined }
              })
            )
          : Effect.fail(error("route", reason))
      }).pipe(Effect.withSpan("Router.route")),
    observe: (host) =>
      Effect.map(keeper.find(host), (there) =>
        there !== undefined && isOurs(there) ? Option.some(there) : Option.none()
      ).pipe(Effect.withSpan("Router.observe")),
    remove: (projectId, host) =>
      alone(
        Effect.flatMap(mine(keeper, "remove", host, projectId), (there) =>
          there === undefined ? Effect.void : keeper.remove(host)
        )
      ).pipe(Effect.withSpan("Router.remove")),
    list: Effect.map(keeper.list, (all) => all.filter(isOurs).sort((a, b) => (a.host < b.host ? -1 : 1)))
  })
}
