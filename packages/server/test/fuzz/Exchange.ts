/** Sends a case exactly as written (no URL or header is tidied up) and says what is wrong with the answer. */
import { request } from "node:http"
import type { Request } from "./Cases.ts"
import { type Json, type Operation, operations, problemsOf } from "./Contract.ts"

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly text: string
  readonly streaming: boolean
}

const patienceMillis = 20_000
export const send = (port: number, { body, headers, method, path }: Request): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const length = body === null ? {} : { "content-length": String(Buffer.byteLength(body)) }
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        method,
        path,
        headers: { ...headers, ...length },
        agent: false,
        timeout: patienceMillis
      },
      (response) => {
        const streaming = String(response.headers["content-type"]).startsWith("text/event-stream")
        const done = (text: string) =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, streaming })
        if (streaming) {
          // It does not end by itself.
          done("")
          return void response.destroy()
        }
        const chunks: Array<Buffer> = []
        response
          .on("data", (chunk: Buffer) => chunks.push(chunk))
          .on("end", () => done(Buffer.concat(chunks).toString("utf8")))
          .on("error", reject)
      }
    )
    sent.on("timeout", () => sent.destroy(new Error(`no answer within ${patienceMillis} ms`)))
    sent.on("error", reject)
    sent.end(body ?? undefined)
  })

const isPointer = (value: unknown) => typeof value === "string" && /^(?:\/(?:[^~/]|~[01])*)*$/u.test(value)
const problemSchema = operations[0]?.answers.get(400) ?? {}

/** RFC 9457 as docs/http-api.md tells it. */
const ofRefusal = (answer: Answer, body: Json): ReadonlyArray<string> => {
  if (body === null) return ["no body"]
  const problem = body as {
    readonly status?: unknown
    readonly type?: unknown
    readonly code?: unknown
    readonly detail?: unknown
    readonly request_id?: unknown
    readonly errors?: ReadonlyArray<{ readonly pointer: unknown }>
  }
  const wrong = [...problemsOf(problemSchema, body)]
  if (answer.headers["content-type"] !== "application/problem+json")
    wrong.push(`content-type ${String(answer.headers["content-type"])}`)
  if (problem.status !== answer.status) wrong.push(`status ${String(problem.status)} in the body`)
  if (problem.type !== `urn:rdev:problem:${String(problem.code)}`) wrong.push(`type ${String(problem.type)}`)
  if (typeof problem.detail !== "string" || problem.detail.trim() === "") wrong.push("no detail")
  if (problem.request_id !== answer.headers["x-request-id"])
    wrong.push(`request_id ${String(problem.request_id)} beside ${String(answer.headers["x-request-id"])}`)
  for (const { pointer } of problem.errors ?? [])
    if (!isPointer(pointer)) wrong.push(`pointer ${JSON.stringify(pointer)}`)
  if (answer.status === 405 && answer.headers["allow"] === undefined) wrong.push("405 without Allow")
  if (answer.status === 401 && answer.headers["www-authenticate"] === undefined)
    wrong.push("401 without WWW-Authenticate")
  return wrong
}

const parsed = (text: string): Json | undefined => {
  try {
    return JSON.parse(text) as Json
  } catch {
    // Said by the caller, with the text.
    return undefined
  }
}

/** Empty when the answer is as the contract says. */
export const judge = (operation: Operation, asked: Request, answer: Answer): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  if (answer.status >= 500) wrong.push(`status ${answer.status}`)
  if (answer.headers["x-request-id"] === undefined) wrong.push("no X-Request-Id")
  if (asked.method === "HEAD") return answer.text === "" ? wrong : [...wrong, "HEAD with a body"]
  if (answer.streaming)
    return operation.streams && answer.status === 200 ? wrong : [...wrong, "a stream that the document does not offer"]
  if (answer.headers["content-type"] === "application/x-ndjson") {
    if (!operation.lines.has(answer.status)) return [...wrong, "a file that the document does not offer"]
    return answer.text.endsWith("\n") &&
      answer.text
        .trimEnd()
        .split("\n")
        .every((line) => parsed(line) !== undefined)
      ? wrong
      : [...wrong, "a line is not JSON"]
  }
  const body = answer.text === "" ? null : parsed(answer.text)
  if (body === undefined) return [...wrong, "the body is not JSON"]
  if (answer.status >= 400) return [...wrong, ...ofRefusal(answer, body)]
  // Another method than the operation's is another operation, or none.
  if (asked.method !== operation.method) return wrong
  const schema = operation.answers.get(answer.status)
  if (schema === undefined) return [...wrong, `status ${answer.status} is not in the document`]
  return schema === null
    ? answer.text === ""
      ? wrong
      : [...wrong, "a body that the document does not have"]
    : [...wrong, ...problemsOf(schema, body)]
}
