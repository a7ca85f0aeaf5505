/**
 * Calls the server's API. Where it is and the key come from flags, then the environment (RDEV_URL, RDEV_API_KEY), then the data
 * folder in which a server of this machine left both. Bodies are the wire's JSON as the contract describes it.
 */
import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { setTimeout } from "node:timers/promises"
import { type CliFailure, fail, kindOfStatus } from "./Failure.ts"

/** `key` is empty when there is none. */
export interface Target {
  readonly url: string
  readonly key: string
}
export interface Where {
  readonly url: string | null
  readonly key: string | null
  readonly dataDir: string | null
}

const addressFile = (dataDir: string) => join(dataDir, "server.json")
const readText = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    // Absent or unreadable: the next source is asked.
    return null
  }
}
export const dataDirOf = (where: Where): string =>
  resolve(where.dataDir ?? (process.env["RDEV_DATA_DIR"]?.trim() || ".rdev"))

/** Left by a running server for the commands beside it. */
export const announce = (dataDir: string, url: string): void =>
  writeFileSync(addressFile(dataDir), `${JSON.stringify({ url, pid: process.pid })}\n`, { mode: 0o600 })
export const withdraw = (dataDir: string): void => rmSync(addressFile(dataDir), { force: true })

const announced = (dataDir: string): string | null => {
  const text = readText(addressFile(dataDir))
  if (text === null) return null
  try {
    const { url }: { readonly url?: unknown } = JSON.parse(text)
    return typeof url === "string" ? url : null
  } catch {
    // A half-written file says nothing.
    return null
  }
}

export const find = (where: Where): Effect.Effect<Target, CliFailure> =>
  Effect.suspend(() => {
    const dataDir = dataDirOf(where)
    const url = where.url ?? (process.env["RDEV_URL"]?.trim() || null) ?? announced(dataDir) ?? "http://127.0.0.1:4848"
    const key =
      where.key ?? (process.env["RDEV_API_KEY"]?.trim() || null) ?? readText(join(dataDir, "admin.key"))?.trim() ?? null
    const parsed = URL.parse(url)
    if (parsed === null || !/^https?:$/.test(parsed.protocol))
      return Effect.fail(
        fail("usage", `--url (RDEV_URL): ${JSON.stringify(url)} is not a URL like http://127.0.0.1:4848`)
      )
    // A server without keys (RDEV_AUTH=off) needs none; any other says that it does.
    return Effect.succeed({ url: url.replace(/\/$/, ""), key: key ?? "" })
  })

export interface Request {
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}
export type Json = { readonly [key: string]: unknown }

interface ProblemBody {
  readonly detail?: unknown
  readonly errors?: unknown
}
const messageOf = (status: number, body: ProblemBody): string => {
  const detail = typeof body.detail === "string" ? body.detail : `the server answered ${status}`
  const errors = Array.isArray(body.errors)
    ? (body.errors as ReadonlyArray<{ readonly pointer: string; readonly detail: string }>)
    : []
  const lines = errors
    .filter((error) => !detail.includes(error.detail))
    .map((error) => `\n  ${error.pointer.slice(1).replaceAll("/", ".")}: ${error.detail}`)
  return `${detail}${lines.join("")}`
}

export const noKey =
  "there is no API key: give --key or RDEV_API_KEY, or --data-dir with the folder of a server on this machine (the first start writes the file admin.key there)"

/** Nothing was sent: there was nobody to send it to. */
const unreachable: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EACCES",
  "UND_ERR_CONNECT_TIMEOUT"
])
const codeOf = (cause: unknown): unknown =>
  cause instanceof Error && typeof cause.cause === "object" && cause.cause !== null
    ? Reflect.get(cause.cause, "code")
    : undefined
/** The connection was there and broke, or its answer broke off: what was asked for may have been done. */
const broke = (cause: unknown): boolean =>
  cause instanceof TypeError && codeOf(cause) !== undefined && !unreachable.has(codeOf(cause))

const failureOf = (target: Target, cause: unknown): CliFailure => {
  if (cause instanceof Error && "_tag" in cause && cause._tag === "CliFailure") return cause as CliFailure
  if (cause instanceof SyntaxError)
    return fail("failed", `${target.url} answered something that is no JSON; is this an rdev server?`)
  if (broke(cause))
    return fail(
      "unavailable",
      `the connection to ${target.url} broke before the answer came (${String(codeOf(cause))}): it may have been done; look before you ask for it again`
    )
  return fail(
    "unavailable",
    `no server answers at ${target.url}; start one with \`rdev up\`, or say where it is with --url (RDEV_URL)`
  )
}

/** Waits between attempts after a broken connection. */
const pausesMillis = [250, 1_000, 3_000, 8_000]
/** Longest that the answer of an earlier attempt is waited for. */
const maxWaits = 120

const send = async (
  target: Target,
  path: string,
  request: Request,
  key: string | null,
  signal: AbortSignal
): Promise<{ readonly response: Response; readonly text: string }> => {
  const response = await fetch(`${target.url}${path}`, {
    signal,
    method: request.method ?? (request.body === undefined ? "GET" : "POST"),
    headers: {
      accept: "application/json",
      ...(target.key === "" ? {} : { authorization: `Bearer ${target.key}` }),
      ...(request.body === undefined ? {} : { "content-type": "application/json" }),
      ...(key === null ? {} : { "idempotency-key": key }),
      ...request.headers
    },
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) })
  })
  return { response, text: await response.text() }
}
const codeIn = (text: string): unknown =>
  text.includes("idempotency-in-flight") ? (JSON.parse(text) as { readonly code?: unknown }).code : null

/** Again after a broken connection, where that is harmless: a read changes nothing, and a POST with its key is done once. */
const persistent = async (target: Target, path: string, request: Request, signal: AbortSignal) => {
  const method = request.method ?? (request.body === undefined ? "GET" : "POST")
  const key = method === "POST" ? randomUUID() : null
  let [pauses, waits] = [0, 0]
  let lost: unknown = null
  for (;;) {
    try {
      const answer = await send(target, path, request, key, signal)
      if (answer.response.status !== 409 || codeIn(answer.text) !== "idempotency-in-flight" || waits++ >= maxWaits)
        return answer
      await setTimeout(1_000, undefined, { signal })
    } catch (cause) {
      if (broke(cause)) lost ??= cause
      const pause = pausesMillis[pauses++]
      // After a break, a server that is not there is one that starts again.
      if (lost === null || pause === undefined || (key === null && method !== "GET")) throw lost ?? cause
      await setTimeout(pause, undefined, { signal })
    }
  }
}

/**
 * One request, done once: a POST carries an Idempotency-Key and is sent again when the connection breaks. A refusal fails with what the
 * server said; a dead connection says where it looked.
 */
export const call = <A = Json>(target: Target, path: string, request: Request = {}): Effect.Effect<A, CliFailure> =>
  Effect.tryPromise({
    try: async (signal) => {
      const { response, text } = await persistent(target, path, request, signal)
      if (response.status === 401 && target.key === "") throw fail("denied", noKey)
      const body: unknown = text === "" ? {} : JSON.parse(text)
      if (!response.ok) throw fail(kindOfStatus(response.status), messageOf(response.status, body as ProblemBody))
      return body as A
    },
    catch: (cause) => failureOf(target, cause)
  })

/** A body that is no JSON document, piece by piece as it arrives. */
export const download = (target: Target, path: string, take: (text: string) => void): Effect.Effect<void, CliFailure> =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(`${target.url}${path}`, {
        signal,
        headers: target.key === "" ? {} : { authorization: `Bearer ${target.key}` }
      })
      if (response.status === 401 && target.key === "") throw fail("denied", noKey)
      if (!response.ok)
        throw fail(
          kindOfStatus(response.status),
          messageOf(response.status, JSON.parse(await response.text()) as ProblemBody)
        )
      const decoder = new TextDecoder()
      for await (const chunk of response.body ?? []) take(decoder.decode(chunk, { stream: true }))
    },
    catch: (cause) => failureOf(target, cause)
  })

/** All pages of a list, up to 10,000 items. */
export const list = Effect.fn("Connection.list")(function* (target: Target, path: string, name: string) {
  const items: Array<Json> = []
  let cursor: string | null = null
  do {
    const separator = path.includes("?") ? "&" : "?"
    const page: Json = yield* call<Json>(
      target,
      `${path}${separator}limit=100${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`
    )
    items.push(...(page[name] as ReadonlyArray<Json>))
    cursor = page["next_cursor"] as string | null
  } while (cursor !== null && items.length < 10_000)
  return items
})

/** For a path: names and ids hold nothing that needs it, what people type might. */
export const segment = (text: string): string => encodeURIComponent(text)
