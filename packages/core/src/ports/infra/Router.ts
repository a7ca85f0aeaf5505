/**
 * Which host name leads where. A route carries its owner; one of another owner is Foreign and never changed. It says nothing of releases:
 * a deployer switches behind a backend that stays, or answers with another backend, which is then routed to.
 */
import { Context, type Effect, type Option, Schema } from "effect"
import { EnvironmentName } from "../../domain/Environment.ts"
import { ProjectId } from "../../domain/Ids.ts"
import { describe, isRetryable, portErrorFields } from "./PortReason.ts"

export class RouterError extends Schema.TaggedError<RouterError>()("RouterError", portErrorFields) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
  get retryable(): boolean {
    return isRetryable(this.reason)
  }
}

export const Backend = Schema.Union([
  /** This server itself: send requests to its address (`Host.url`) and leave their Host header as it is. */
  Schema.Struct({ _tag: Schema.Literal("Server") }),
  /** An HTTP server, as an origin: `http://10.0.0.7:8080`. It gets the Host header that was asked for. */
  Schema.Struct({ _tag: Schema.Literal("Http"), address: Schema.String })
])
export type Backend = typeof Backend.Type

export const Route = Schema.Struct({
  projectId: ProjectId,
  environment: EnvironmentName,
  host: Schema.String,
  backend: Backend
})
export type Route = typeof Route.Type

export const sameBackend = (a: Backend, b: Backend): boolean =>
  a._tag === "Http" ? b._tag === "Http" && a.address === b.address : b._tag === "Server"

export class Router extends Context.Service<
  Router,
  {
    /** From when it answers, requests for the host go to the backend. A host that is none is Invalid(host), a backend Invalid(backend). */
    route(route: Route): Effect.Effect<{ readonly externalId: string; readonly created: boolean }, RouterError>
    observe(host: string): Effect.Effect<Option.Option<Route>, RouterError>
    /** Of a missing one: success. */
    remove(projectId: ProjectId, host: string): Effect.Effect<void, RouterError>
    list: Effect.Effect<ReadonlyArray<Route>, RouterError>
  }
>()("rdev/ports/Router") {}
