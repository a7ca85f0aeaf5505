/** The OpenAPI 3.1 document, as served at `/openapi.json` and committed as `openapi.json`. */
import { Schema } from "effect"
import { HttpApi, type HttpApiEndpoint, OpenApi } from "effect/http-api"
import { Api } from "./Api.ts"

/** Every error has one shape, so it is described once. */
const problem = {
  description: "Problem details (RFC 9457)",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } }
}
type Operation = {
  readonly "x-event-stream"?: string
  readonly "x-required-scope"?: string
  readonly responses: Record<string, { content?: Record<string, unknown> } | { readonly $ref: string }>
}

/** Parameters travel as text; what the text means is described: `limit` is an integer, with its bounds. */
const numbersOf = (endpoint: HttpApiEndpoint.Top): ReadonlyMap<string, object> => {
  const found = new Map<string, object>()
  for (const slot of [endpoint.query, endpoint.headers, endpoint.params]) {
    if (slot === undefined) continue
    const { schema } = Schema.toJsonSchemaDocument(Schema.toType(slot))
    for (const [name, described] of Object.entries(
      (schema["properties"] ?? {}) as Readonly<Record<string, { readonly type?: unknown }>>
    )) {
      if (described.type === "integer" || described.type === "number") found.set(name, described)
    }
  }
  return found
}
/** Few enough to be named; generators of clients and of tests make more of names than of a pattern. */
const waits = Array.from({ length: 61 }, (_, seconds) => `wait=${seconds}`)
const openApiPath = (path: string) => path.replace(/:(\w+)/g, "{$1}")

interface Parameter {
  readonly name: string
  schema: object
  required?: boolean
}
const describeNumbers = (document: OpenApi.OpenAPISpec): void =>
  HttpApi.reflect(Api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => {
      const numbers = numbersOf(endpoint)
      const operation = Reflect.get(
        document.paths[openApiPath(endpoint.path) as keyof typeof document.paths] ?? {},
        endpoint.method.toLowerCase()
      ) as { parameters?: ReadonlyArray<Parameter> } | undefined
      // Of a header named Accept the standard of such documents says that its description counts for nothing.
      if (operation?.parameters !== undefined)
        operation.parameters = operation.parameters.filter(({ name }) => name !== "accept")
      for (const parameter of operation?.parameters ?? []) {
        const described = numbers.get(parameter.name)
        if (described !== undefined) parameter.schema = described
        // Without it the server says 428, which tells more than a refusal of the schema.
        if (parameter.name === "if-match") parameter.required = true
        if (parameter.name === "prefer") parameter.schema = { type: "string", enum: waits }
      }
    }
  })

/** Keys in the order of the contract; operations that can be followed also offer `text/event-stream`. */
export const make = (): OpenApi.OpenAPISpec => {
  const document = OpenApi.fromApi(Api)
  describeNumbers(document)
  for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(path) as ReadonlyArray<Operation>) {
      const success = operation.responses["200"]
      if (operation["x-event-stream"] !== undefined && success !== undefined && "content" in success) {
        Object.assign(success.content ?? {}, { "text/event-stream": { schema: { type: "string" } } })
      }
      for (const status of Object.keys(operation.responses)) {
        // A failing health check answers 503 with the same body as a passing one.
        if (Number(status) >= 400 && operation["x-required-scope"] !== "public")
          operation.responses[status] = { $ref: "#/components/responses/Problem" }
      }
    }
  }
  Object.assign(document.components, { responses: { Problem: problem } })
  return document
}

export const text = (): string => `${JSON.stringify(make(), null, 2)}\n`
