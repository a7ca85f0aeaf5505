/**
 * A server that behaves as GitHub does, as far as the adapter can see: routes and fields by GitHub's own description (`Description`), its
 * state in memory, git by git itself. What an adapter asks for in any other way is a problem, and a test that ends with one has failed.
 */
import { createHash, createPublicKey, generateKeyPairSync, verify } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Description from "./Description.ts"
import * as FakeGit from "./FakeGit.ts"
import { answer as answerRoute, type Answer, type Asked, graphql, refuse, State } from "./FakeState.ts"

/** What a request meets before it is answered. `cut`: half of the answer; `lost`: it happens, and its answer is never heard. */
export type Fault =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }
  | "cut"
  | "lost"

export interface Call {
  readonly route: string
  readonly status: number
}
export interface FakeGitHub {
  readonly state: State
  /** Of the API. */
  readonly url: string
  readonly privateKey: string
  readonly calls: Array<Call>
  readonly problems: Array<string>
  meet: (route: string, path: string) => Fault | null
  /** The same for git. */
  meetGit: (path: string) => Fault | null
}

const { privateKey, publicKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs1", format: "pem" }
})
const isJwt = (token: string, app: string): boolean => {
  const [head = "", body = "", signature = ""] = token.split(".")
  if (
    !verify(
      "RSA-SHA256",
      Buffer.from(`${head}.${body}`),
      createPublicKey(publicKey),
      Buffer.from(signature, "base64url")
    )
  )
    return false
  const { exp, iat, iss } = JSON.parse(Buffer.from(body, "base64url").toString("utf8")) as Record<string, unknown>
  const now = Date.now() / 1000
  return String(iss) === app && Number(iat) <= now && Number(exp) > now && Number(exp) - Number(iat) <= 660
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString("utf8")
}

const authorised = (state: State, route: string, authorization: string): Answer | null => {
  const token = authorization.replace(/^Bearer /, "")
  const byJwt = route.startsWith("GET /app") || (route.includes("/installation") && !route.includes("installation/"))
  const asApp = byJwt || route.startsWith("POST /app/")
  if (asApp)
    return token.startsWith("eyJ") && isJwt(token, state.app)
      ? null
      : refuse(401, "A JSON web token could not be decoded")
  return state.lives(token) ? null : refuse(401, "Bad credentials")
}

const write = (fake: FakeGitHub, route: string, request: IncomingMessage, response: ServerResponse, told: Answer) => {
  const { body, headers = {}, status } = told
  const text = body === undefined ? "" : JSON.stringify(body)
  const etag = `"${createHash("sha1").update(text).digest("hex")}"`
  const same = request.method === "GET" && status === 200 && request.headers["if-none-match"] === etag
  fake.calls.push({ route, status: same ? 304 : status })
  response.writeHead(same ? 304 : status, {
    "x-github-request-id": "AAAA:1234:5678",
    "x-ratelimit-limit": "5000",
    "x-ratelimit-remaining": String(5000 - fake.calls.length),
    "x-ratelimit-reset": String(Math.ceil(Date.now() / 1000) + 3600),
    ...(request.method === "GET" && status === 200 ? { etag } : {}),
    ...(text === "" ? {} : { "content-type": "application/json; charset=utf-8" }),
    ...headers
  })
  response.end(same ? "" : text)
}

const api = async (fake: FakeGitHub, request: IncomingMessage, response: ServerResponse) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", fake.url)
  const path = pathname.slice("/api/v3".length)
  const method = request.method ?? "GET"
  const raw = await bodyOf(request)
  const body: unknown = raw === "" ? undefined : JSON.parse(raw)
  const moved = method === "GET" ? fake.state.byNumber(path) : null
  const found =
    moved === null ? Description.match(method, path) : { route: "GET /repos/{owner}/{repo}", parameters: moved }
  if (found === null) {
    fake.problems.push(`no such route: ${method} ${path}`)
    return write(fake, `${method} ${path}`, request, response, refuse(404, "Not Found"))
  }
  const { parameters, route } = found
  fake.problems.push(...Description.requestProblems(route, searchParams, body))
  if (request.headers["user-agent"] === undefined || !String(request.headers["user-agent"]).startsWith("rdev"))
    fake.problems.push(`${route} without a user agent`)
  const fault = fake.meet(route, path)
  if (fault !== null && typeof fault === "object") {
    fake.calls.push({ route, status: fault.status })
    response.writeHead(fault.status, {
      "content-type": "application/json",
      "x-github-request-id": "FFFF:1:2",
      ...fault.headers
    })
    return void response.end(JSON.stringify(fault.body ?? { message: "fault" }))
  }
  const asked: Asked = {
    parameters,
    query: searchParams,
    body: (body ?? {}) as Asked["body"],
    token: String(request.headers.authorization ?? "").replace(/^Bearer /, "")
  }
  const told =
    authorised(fake.state, route, String(request.headers.authorization ?? "")) ?? answerRoute(fake.state, route, asked)
  fake.problems.push(...Description.responseProblems(route, told.status, told.body))
  if (fault === "lost") return void response.destroy()
  if (fault === "cut") {
    fake.calls.push({ route, status: told.status })
    response.writeHead(told.status, { "content-type": "application/json", "content-length": "100000" })
    response.write(JSON.stringify(told.body ?? {}).slice(0, 20))
    return void setImmediate(() => response.destroy())
  }
  write(fake, route, request, response, told)
}

const git = (fake: FakeGitHub, root: string, request: IncomingMessage, response: ServerResponse) => {
  const { pathname, search } = new URL(request.url ?? "/", fake.url)
  const fault = fake.meetGit(pathname)
  if (fault !== null && typeof fault === "object") {
    response.writeHead(fault.status, fault.headers)
    return void response.end()
  }
  if (fault !== null) return void response.destroy()
  const [, password = ""] = Buffer.from(String(request.headers.authorization ?? "").replace(/^Basic /, ""), "base64")
    .toString("utf8")
    .split(":", 2)
  const [, owner = "", name = ""] = /^\/([^/]+)\/([^/]+)\.git\//.exec(pathname) ?? []
  const repository = fake.state.find(owner, name)
  const mayRead = repository !== null && fake.state.may(password, repository.id, pathname.endsWith("receive-pack"))
  if (!fake.state.lives(password)) return void response.writeHead(401, { "www-authenticate": "Basic" }).end()
  if (repository === null || !mayRead) return void response.writeHead(404).end()
  FakeGit.serve(root, pathname, search.slice(1), request, response)
  if (pathname.endsWith("/git-receive-pack"))
    response.once("close", () => fake.state.actions.pushed(repository, fake.state.directory(repository)))
}

/** A log, at an address that stands for another server's. */
const blob = (fake: FakeGitHub, request: IncomingMessage, response: ServerResponse) => {
  const { actions } = fake.state
  actions.blobs.push(request.headers.authorization)
  const whole = Buffer.from(actions.blob(request.url?.slice("/blobs/".length) ?? "") ?? "")
  const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0)
  if (from >= whole.byteLength) return void response.writeHead(416).end()
  response.writeHead(206, { "content-type": "text/plain" }).end(whole.subarray(from))
}

export const make = Effect.acquireRelease(
  Effect.promise(
    () =>
      new Promise<{ readonly fake: FakeGitHub; readonly close: () => void }>((resolve) => {
        const root = mkdtempSync(join(tmpdir(), "rdev-github-"))
        const server = createServer((request, response) => {
          if (request.url === "/api/graphql")
            void bodyOf(request).then((raw) =>
              write(fake, "POST /graphql", request, response, graphql(fake.state, JSON.parse(raw) as never))
            )
          else if (request.url?.startsWith("/api/v3/")) {
            api(fake, request, response).catch((cause: unknown) => {
              fake.problems.push(`the server of the test: ${String(cause instanceof Error ? cause.stack : cause)}`)
              response.writeHead(500).end()
            })
          } else if (request.url?.startsWith("/blobs/")) blob(fake, request, response)
          else git(fake, root, request, response)
        })
        const fake: FakeGitHub = {
          state: new State(root),
          url: "",
          privateKey,
          calls: [],
          problems: [],
          meet: () => null,
          meetGit: () => null
        }
        server.listen(0, "127.0.0.1", () => {
          const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
          Object.assign(fake, { url: `${origin}/api/v3` })
          fake.state.origin = origin
          resolve({
            fake,
            close: () => {
              fake.state.actions.close()
              server.closeAllConnections()
              server.close()
              rmSync(root, { recursive: true, force: true, maxRetries: 3 })
            }
          })
        })
      })
  ),
  ({ close }) => Effect.sync(close)
).pipe(Effect.map(({ fake }) => fake))
