/** The contract's routes as the few words that a client without schemas needs of each. */
import { Schema } from "effect"
import { HttpApi, type HttpApiEndpoint, HttpApiSchema } from "effect/http-api"
import { Api } from "../src/Api.ts"

const namesOf = (slot: Schema.Top | undefined): ReadonlyArray<string> =>
  slot === undefined
    ? []
    : Object.keys((Schema.toJsonSchemaDocument(slot).schema["properties"] ?? {}) as Readonly<Record<string, unknown>>)
/** Of a header, whether it is one that callers set. */
const isForCallers = (name: string): boolean => ["prefer", "if-match"].includes(name)

const answerOf = (endpoint: HttpApiEndpoint.Top): string => {
  const [first] = endpoint.success
  if (first === undefined) return "none"
  if (Reflect.get(first, "_tag") === "StreamUint8Array") return "stream"
  if (HttpApiSchema.isWithHeaders(first))
    return namesOf(first.headers).includes("etag") ? "json with etag" : "bytes with headers"
  return HttpApiSchema.isNoContent(first.ast) ? "none" : "json"
}

/** Formatted as oxfmt does. */
export const text = (): string => {
  const groups = new Map<string, Array<string>>()
  HttpApi.reflect(Api, {
    onGroup: ({ group }) => void groups.set(group.identifier, []),
    onEndpoint: ({ endpoint, group }) => {
      const takes = endpoint.payload.size > 0 ? "body" : "nothing"
      const row = [
        endpoint.method,
        endpoint.path,
        namesOf(endpoint.query).join(" "),
        namesOf(endpoint.headers).filter(isForCallers).join(" "),
        takes,
        answerOf(endpoint)
      ].map((word) => JSON.stringify(word))
      const line = `    ${endpoint.identifier}: [${row.join(", ")}]`
      const next =
        line.length + 1 <= 120 ? line : `    ${endpoint.identifier}: [\n      ${row.join(",\n      ")}\n    ]`
      groups.get(group.identifier)?.push(next)
    }
  })
  const body = [...groups].map(([name, rows]) => `  ${name}: {\n${rows.join(",\n")}\n  }`).join(",\n")
  return `/** Made from the contract by \`npm run -w packages/api openapi\`; a test fails while it differs. */

/** What comes back: JSON, JSON and its \`etag\`, bytes described by headers, a stream of bytes, or nothing. */
export type AnswerKind = "json" | "json with etag" | "bytes with headers" | "stream" | "none"
export type Route = readonly [
  method: string,
  path: string,
  query: string,
  headers: string,
  takes: "body" | "nothing",
  answer: AnswerKind
]

export const routes = {
${body}
} as const satisfies Readonly<Record<string, Readonly<Record<string, Route>>>>
`
}
