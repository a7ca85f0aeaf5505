/** What a project's forge posts to us. The forge's signature is the credential; the address is given to the forge at provisioning. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authorization, Idempotency, open, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"
import * as Wire from "../Wire.ts"

export const HookReceipt = Wire.struct("HookReceipt", {
  /** `recorded`; `duplicate`: it was before; `old`: it tells of a time of which no forge tells any more; `ignored`: nothing that concerns rdev. */
  outcome: Schema.Literals(["recorded", "duplicate", "old", "ignored"]),
  /** The forge's own id of the delivery. */
  deliveryId: Schema.String,
  /** In the forge's words. */
  event: Schema.String
})

/** The body is the forge's own, and read as it came: what is signed is its bytes. */
const body = {
  required: true,
  content: { "application/json": { schema: { type: "object", additionalProperties: true } } }
}

/** As the forge calls. */
export class HooksGroup extends HttpApiGroup.make("hooks").add(
  HttpApiEndpoint.post("receive", "/hooks/:adapter/:hook", {
    params: { adapter: Schema.String, hook: Schema.String },
    success: HookReceipt,
    error: Problem.write
  })
    .annotateMerge(open)
    .annotate(OpenApi.Summary, "Take what a forge posts about a project's repository, signed with the project's secret")
    .annotate(OpenApi.Transform, (operation) => ({
      ...operation,
      "x-required-scope": "public",
      requestBody: body
    }))
) {}

/** As people call. */
export class HookSecretsGroup extends HttpApiGroup.make("hookSecrets")
  .add(
    HttpApiEndpoint.post("replaceSecret", "/projects/:project/hook/secret", {
      params: Parameters.project,
      headers: Parameters.idempotency,
      success: HttpApiSchema.NoContent,
      error: Problem.write
    }).annotateMerge(
      requires("webhooks:manage", {
        summary:
          "Give the forge another secret to sign with; what it signed with the one before is still taken until it has it"
      })
    )
  )
  .middleware(Idempotency)
  .middleware(Authorization) {}
