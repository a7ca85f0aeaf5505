/**
 * Git's smart HTTP protocol for the local forge's repositories: clone, fetch and push with a token as the password (any version
 * of the protocol; compressed bodies; bounded sizes). `handler` is for a plain Node server; it does not listen itself.
 *
 * Without a live token of that very repository the answer is 401, whether the repository exists or not.
 */
import { ProjectName } from "@rdev/core/domain/Project"
import { Context, Effect, Layer, Schema } from "effect"
import { mkdir, writeFile } from "node:fs/promises"
import type { IncomingMessage, ServerResponse } from "node:http"
import { join } from "node:path"
import { type Duplex, Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import { createGunzip } from "node:zlib"
import * as Git from "./Git.ts"
import * as GitRepository from "./GitRepository.ts"
import * as GitTokens from "./GitTokens.ts"
import * as Launch from "./Launch.ts"
import { attempt, type LocalFailure } from "./LocalFailure.ts"

export interface Options {
  readonly dataDir: string
  /** First part of the paths that belong to git; default `/git`. */
  readonly prefix?: string
  /** Largest push after decompression; default 512 MiB. */
  readonly maxPushBytes?: number
}

const maxFetchRequestBytes = 16 * 1024 * 1024
const maxProcesses = 16
const timeoutMillis = 10 * 60_000
const killAfterMillis = 5_000

/**
 * The one hook there is, the server's own: git runs it for every ref of a push, and a ref that it refuses is named to whoever
 * pushes, while the others land. Git itself takes names that a command line would take for an option.
 */
const updateHook = `#!/bin/sh
case "$1" in
  refs/heads/-*|refs/tags/-*) echo "a name may not start with a dash, which a command line would take for an option: $1" >&2; exit 1 ;;
esac
`

type Service = "git-upload-pack" | "git-receive-pack"
interface Route { readonly name: string; readonly service: Service; readonly advertise: boolean }

/** null = not a path of git's; the query of `info/refs` names the service. */
export const route = (prefix: string, method: string, url: string): Route | "unknown" | "method" | null => {
  const [path = "", query = ""] = url.split("?", 2)
  if (path !== prefix && !path.startsWith(`${prefix}/`)) return null
  const found = /^\/([a-z0-9-]+)\.git\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(path.slice(prefix.length))
  const [, name, action] = found ?? []
  if (name === undefined || action === undefined) return "unknown"
  if (action !== "info/refs") return method === "POST" ? { name, service: action as Service, advertise: false } : "method"
  const service = new URLSearchParams(query).get("service")
  if (service !== "git-upload-pack" && service !== "git-receive-pack") return "unknown"
  return method === "GET" ? { name, service, advertise: true } : "method"
}

const passwordOf = (header: string | undefined): string | null => {
  const encoded = /^Basic ([A-Za-z0-9+/=]{1,400})$/i.exec(header ?? "")?.[1]
  if (encoded === undefined) return null
  const text = Buffer.from(encoded, "base64").toString("utf8")
  const colon = text.indexOf(":")
  return text.slice(0, colon) === GitTokens.username ? text.slice(colon + 1) : null
}

const refuse = (response: ServerResponse, status: number, message: string, headers: Readonly<Record<string, string>> = {}) => {
  if (response.headersSent) return void response.destroy()
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store", ...headers })
  response.end(`${message}\n`)
}

class TooLarge extends Error {}
const bounded = (maxBytes: number): Transform => {
  let total = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.byteLength
      if (total > maxBytes) done(new TooLarge(`the request has more than ${maxBytes} bytes`))
      else done(null, chunk)
    }
  })
}

const isBadBody = (cause: unknown): boolean => cause instanceof TooLarge || (cause instanceof Error && "code" in cause && String(cause.code).startsWith("Z_"))

const packet = (line: string) => `${(line.length + 4).toString(16).padStart(4, "0")}${line}`

const end = (child: Launch.Launched) => {
  child.kill("SIGTERM")
  const timer = setTimeout(() => child.kill("SIGKILL"), killAfterMillis)
  void child.exit.then(() => clearTimeout(timer))
}

export class GitHttp extends Context.Service<GitHttp, {
  /** False when the path is not git's: the caller goes on. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => boolean
}>()("rdev/adapter-local/GitHttp") {}

export const make = Effect.fn("GitHttp.make")(function*(options: Options) {
  const prefix = options.prefix ?? "/git"
  const git = yield* Git.GitProgram
  const tokens = yield* GitTokens.make(options.dataDir)
  const hooks = join(options.dataDir, "hooks")
  yield* attempt(async () => {
    await mkdir(hooks, { recursive: true, mode: 0o700 })
    await writeFile(join(hooks, "update"), updateHook, { mode: 0o700 })
  })
  const runPromise = Effect.runPromiseWith(yield* Effect.context<never>())
  let busy = 0
  const children = new Set<Launch.Launched>()
  yield* Effect.addFinalizer(() => Effect.sync(() => { for (const child of children) end(child) }))
  const isName = Schema.is(ProjectName)

  const authorize = Effect.fnUntraced(function*(name: string, password: string | null) {
    if (password === null || !isName(name)) return null
    const repository = yield* GitRepository.observe(options.dataDir, name).pipe(
      Effect.catchIf((failure: LocalFailure) => failure.reason._tag === "Foreign", () => Effect.succeed(null))
    )
    if (repository === null) return null
    const access = yield* tokens.check(repository.directory, password)
    return access === null ? null : { access, repository }
  })

  const exchange = async (request: IncomingMessage, response: ServerResponse, asked: Route, directory: string): Promise<void> => {
    const header = request.headers["git-protocol"]
    const protocol = typeof header === "string" && /^version=[012]$/.test(header) ? header : null
    const child = await Launch.launch({
      program: git.program,
      args: [asked.service.slice(4), "--stateless-rpc", ...(asked.advertise ? ["--http-backend-info-refs"] : []), "--", directory],
      env: Git.environment(protocol === null ? {} : { GIT_PROTOCOL: protocol }, asked.service === "git-receive-pack" ? [["core.hooksPath", hooks]] : [])
    })
    const [stdin, stdout, stderr] = child.stdio as readonly [Duplex, Duplex, Duplex]
    children.add(child)
    const timer = setTimeout(() => end(child), timeoutMillis)
    if (response.destroyed) end(child)
    else response.once("close", () => { if (!child.ended()) end(child) })
    // What git says on its standard error is about the server's files: not for the client.
    stderr.resume()
    stdin.on("error", () => undefined)
    const kind = asked.advertise ? "advertisement" : "result"
    response.writeHead(200, { "content-type": `application/x-${asked.service}-${kind}`, "cache-control": "no-cache, max-age=0, must-revalidate" })
    try {
      if (asked.advertise) {
        stdin.end()
        if (!(asked.service === "git-upload-pack" && protocol === "version=2")) response.write(`${packet(`# service=${asked.service}\n`)}0000`)
        await pipeline(stdout, response)
      } else {
        const limit = bounded(asked.service === "git-upload-pack" ? maxFetchRequestBytes : options.maxPushBytes ?? 512 * 1024 * 1024)
        const zipped = request.headers["content-encoding"] === "gzip"
        const received = zipped ? pipeline(request, createGunzip(), limit, stdin) : pipeline(request, limit, stdin)
        // Git may end before it has read everything: only what is wrong with the request itself cuts the answer off.
        const judged = received.catch((cause: unknown) => { if (isBadBody(cause)) throw cause })
        await Promise.all([judged, pipeline(stdout, response)])
      }
    } catch (cause) {
      end(child)
      response.destroy(cause instanceof Error ? cause : undefined)
    } finally {
      await child.exit
      clearTimeout(timer)
      children.delete(child)
    }
  }

  const serve = async (request: IncomingMessage, response: ServerResponse, asked: Route): Promise<void> => {
    const granted = await runPromise(authorize(asked.name, passwordOf(request.headers.authorization)))
    if (granted === null) {
      return refuse(response, 401, `a git token of this repository is needed (user name rdev, the token as the password): make one with rdev git-token ${asked.name}`, { "www-authenticate": "Basic realm=\"rdev git\", charset=\"UTF-8\"" })
    }
    if (asked.service === "git-receive-pack" && granted.access !== "write") return refuse(response, 403, `this token may only read; make one that may push with rdev git-token ${asked.name} --write`)
    if (!asked.advertise && request.headers["content-type"] !== `application/x-${asked.service}-request`) return refuse(response, 415, `expected content-type application/x-${asked.service}-request`)
    if (busy >= maxProcesses) return refuse(response, 503, "too many git requests at once; try again", { "retry-after": "5" })
    busy++
    try {
      await exchange(request, response, asked, granted.repository.directory)
    } finally {
      busy--
    }
  }

  return GitHttp.of({
    handler: (request, response) => {
      const asked = route(prefix, request.method ?? "GET", request.url ?? "/")
      if (asked === null) return false
      if (asked === "unknown") refuse(response, 404, `there is no such path under ${prefix}; clone ${prefix}/<project>.git`)
      else if (asked === "method") refuse(response, 405, "method not allowed", { allow: "GET, POST" })
      else void serve(request, response, asked).catch(() => refuse(response, 500, "the repository cannot be read"))
      return true
    }
  })
})

export const layerNoDeps = (options: Options): Layer.Layer<GitHttp, LocalFailure, Git.GitProgram> => Layer.effect(GitHttp, make(options))

/** Over the git on PATH. */
export const layer = (options: Options): Layer.Layer<GitHttp, LocalFailure> => Layer.provide(layerNoDeps(options), Git.layer)
