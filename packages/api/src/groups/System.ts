/** Health. Public: no key is asked for, nothing secret is told. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { open } from "../Access.ts"
import * as Problem from "../Problem.ts"
import * as Wire from "../Wire.ts"

export const Check = Wire.struct("HealthCheck", {
  name: Schema.String,
  ok: Schema.Boolean,
  detail: Schema.String,
  durationMs: Schema.Finite,
  /** Of the disk. `low`: act now. `reserved`: commands, builds and pushes are refused. `full`: the server itself cannot work. */
  state: Schema.optionalKey(Schema.Literals(["ok", "low", "reserved", "full"]))
})
export const Health = Wire.struct("Health", {
  /** `degraded`: it works, and something outside it does not; only `/health` says so. */
  status: Schema.Literals(["ok", "degraded", "failing", "stopping"]),
  version: Schema.String,
  mode: Schema.Literals(["embedded", "scaled"]),
  uptimeSeconds: Schema.Finite,
  checks: Schema.Array(Check)
})
const Alive = Wire.struct("Alive", { status: Schema.Literal("ok") })

export class SystemGroup extends HttpApiGroup.make("system").add(
  HttpApiEndpoint.get("alive", "/healthz", { success: Alive, error: Problem.read }).annotateMerge(open),
  HttpApiEndpoint.get("ready", "/readyz", {
    success: [Health, Health.pipe(HttpApiSchema.status(503))],
    error: Problem.read
  }).annotateMerge(open),
  HttpApiEndpoint.get("health", "/health", { success: Health, error: Problem.read }).annotateMerge(open),
  /** One slot of platform.yaml, such as `ci` or `resources.cache`; 503 while it does not answer. */
  HttpApiEndpoint.get("part", "/health/:part", {
    params: { part: Schema.String },
    success: [Check, Check.pipe(HttpApiSchema.status(503))],
    error: Problem.read
  }).annotateMerge(open)
) {}
