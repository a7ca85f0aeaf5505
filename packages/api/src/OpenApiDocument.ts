/** The OpenAPI 3.1 document, as served at `/openapi.json` and committed as `openapi.json`. */
import { OpenApi } from "effect/http-api"
import { Api } from "./Api.ts"

/** Every error has one shape, so it is described once. */
const problem = {
  description: "Problem details (RFC 9457)",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } }
}
type Operation = { readonly "x-event-stream"?: string; readonly "x-required-scope"?: string; readonly responses: Record<string, { content?: Record<string, unknown> } | { readonly $ref: string }> }

/** Keys in the order of the contract; operations that can be followed also offer `text/event-stream`. */
export const make = (): OpenApi.OpenAPISpec => {
  const document = OpenApi.fromApi(Api)
  for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(path) as ReadonlyArray<Operation>) {
      const success = operation.responses["200"]
      if (operation["x-event-stream"] !== undefined && success !== undefined && "content" in success) {
        Object.assign(success.content ?? {}, { "text/event-stream": { schema: { type: "string" } } })
      }
      for (const status of Object.keys(operation.responses)) {
        // A failing health check answers 503 with the same body as a passing one.
        if (Number(status) >= 400 && operation["x-required-scope"] !== "public") operation.responses[status] = { $ref: "#/components/responses/Problem" }
      }
    }
  }
  Object.assign(document.components, { responses: { Problem: problem } })
  return document
}

export const text = (): string => `${JSON.stringify(make(), null, 2)}\n`
