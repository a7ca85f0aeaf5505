/**
 * Who may call an endpoint. Every endpoint either says which scope it needs or that it is public; the server refuses one that says
 * neither, and a test walks the OpenAPI document for it (`x-required-scope`).
 */
import type { Scope } from "@rdev/core/domain/Principal"
import { Context } from "effect"
import { HttpApiMiddleware, HttpApiSecurity, OpenApi } from "effect/http-api"
import * as Problem from "./Problem.ts"

/** A scope, or `public`. No value = refused. */
export class RequiredScope extends Context.Service<RequiredScope, Scope | "public">()("rdev/api/RequiredScope") {}

const extend = (extra: Readonly<Record<string, unknown>>) => (operation: object) => ({ ...operation, ...extra })

/** Annotations of an endpoint that needs this scope: `endpoint.annotateMerge(requires("sdlc:read"))`. */
export const requires = (
  scope: Scope,
  extra: Readonly<Record<string, unknown>> = {}
): Context.Context<RequiredScope | OpenApi.Transform> =>
  Context.make(RequiredScope, scope).pipe(
    Context.add(OpenApi.Transform, extend({ "x-required-scope": scope, ...extra }))
  )

export const open: Context.Context<RequiredScope | OpenApi.Transform> = Context.make(RequiredScope, "public").pipe(
  Context.add(OpenApi.Transform, extend({ "x-required-scope": "public" }))
)

/** `Authorization: Bearer rdev_…`. The client half adds the key. */
export class Authorization extends HttpApiMiddleware.Service<Authorization>()("rdev/api/Authorization", {
  requiredForClient: true,
  error: Problem.read,
  security: { bearer: HttpApiSecurity.bearer }
}) {}

/** Replays the answer of an earlier request with the same `Idempotency-Key`. */
export class Idempotency extends HttpApiMiddleware.Service<Idempotency>()("rdev/api/Idempotency", {
  error: Problem.read
}) {}
