/**
 * Git's smart HTTP protocol for the local forge's repositories: clone, fetch and push with a token as the password (any version
 * of the protocol; compressed bodies; bounded sizes). `handler` is for a plain Node server; it does not listen itself.
 *
 * Without a live token of that very repository the answer is 401, whether the repository exists or not. A token is worth what the key
 * that it was made with may do now (see core's Issuers): it dies with it, and so does what runs with it.
 */
import { allows, allowsProject, platform } from "@rdev/core/domain/Principal"
import { ProjectName } from "@rdev/core/domain/Project"
import { Issuers, recheckMillis } from "@rdev/core/services/Issuers"
import * as Places from "@rdev/core/services/Places"
import * as RefNames from "@rdev/core/services/pushes/RefNames"
import { Context, Effect, Layer, Option, Schema } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { join } from "node:path"
import * as Disk from "../sandbox/Disk.ts"
import * as Git from "@rdev/git/Git"
import type { GitError } from "@rdev/git/GitError"
import * as GitExchange from "./GitExchange.ts"
import * as LocalRepositories from "./LocalRepositories.ts"
import * as GitTokens from "./GitTokens.ts"
import type * as Launch from "@rdev/runtime-node/Launch"
import { attempt, type LocalFailure } from "../LocalFailure.ts"
import * as PreReceive from "../push/PreReceive.ts"
import * as PushInspection from "@rdev/git/PushInspection"
import * as PushReceipts from "../push/PushReceipts.ts"

export interface Options {
  readonly dataDir: string
  /** First part of the paths that belong to git; default `/git`. */
  readonly prefix?: string
  /** Largest push after decompression; default 512 MiB. */
  readonly maxPushBytes?: number
  /** Room on the disk that pushes may not use; null or left out = 5 %, at most 1 GiB. */
  readonly reserveBytes?: number | null
  /** Clones, fetches and pushes at once. */
  readonly places?: Places.Limits
}

/** Processes of git at once; nobody takes all, and who waits is served in the order of who runs least. */
const defaultPlaces: Places.Limits = { total: 24, perProject: 6, perKey: 8, waiting: 128, waitMillis: 20_000 }
const words: Places.Words = { what: "git requests", total: "", perProject: "", perKey: "" }

type Service = GitExchange.Service
interface Route {
  readonly name: string
  readonly service: Service
  readonly advertise: boolean
}

/** null = not a path of git's; the query of `info/refs` names the service. */
export const route = (prefix: string, method: string, url: string): Route | "unknown" | "method" | null => {
  const [path = "", query = ""] = url.split("?", 2)
  if (path !== prefix && !path.startsWith(`${prefix}/`)) return null
  const found = /^\/([a-z0-9-]+)\.git\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(path.slice(prefix.length))
  const [, name, action] = found ?? []
  if (name === undefined || action === undefined) return "unknown"
  if (action !== "info/refs")
    return method === "POST" ? { name, service: action as Service, advertise: false } : "method"
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

const refuse = (
  response: ServerResponse,
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {}
) => {
  if (response.headersSent) return void response.destroy()
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store", ...headers })
  response.end(`${message}\n`)
}

interface Pushing {
  receipt: PushReceipts.Receipt | null
  moved: PushInspection.Question["commands"] | null
}
interface Granted {
  readonly access: GitTokens.Access
  readonly issuer: string
  readonly token: string
  readonly address: string | null
  readonly repository: LocalRepositories.LocalRepository
}

export class GitHttp extends Context.Service<
  GitHttp,
  {
    /** False when the path is not git's: the caller goes on. */
    readonly handler: (request: IncomingMessage, response: ServerResponse) => boolean
  }
>()("rdev/adapter-local/GitHttp") {}

export const make = Effect.fn("GitHttp.make")(function* (options: Options) {
  const prefix = options.prefix ?? "/git"
  const git = yield* Git.GitProgram
  const tokens = yield* GitTokens.make(options.dataDir)
  const hooks = join(options.dataDir, "hooks")
  const issuers = yield* Issuers
  yield* attempt(() => PreReceive.install(hooks))
  const receipts = yield* PushReceipts.make(options.dataDir, git)
  const runPromise = Effect.runPromiseWith(yield* Effect.context<never>())
  const places = new Places.Places(options.places ?? defaultPlaces, words)
  const children = new Set<Launch.Launched>()
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const child of children) GitExchange.end(child)
    })
  )
  const isName = Schema.is(ProjectName)

  /** Who speaks with a token of this issuer now; null when its key is gone, or may no longer work on this project. */
  const standing = (repository: LocalRepositories.LocalRepository, issuer: string, address: string | null) =>
    Effect.map(
      issuers.principal(issuer, address),
      Option.match({
        onNone: () => null,
        onSome: (one) => (allows(one, "projects:execute") && allowsProject(one, repository.projectId) ? one : null)
      })
    )

  const authorize = Effect.fnUntraced(function* (name: string, token: string | null, address: string | null) {
    if (token === null || !isName(name)) return null
    const repository = yield* LocalRepositories.observe(options.dataDir, name).pipe(
      Effect.catchIf(
        (failure) => failure.reason._tag === "Foreign",
        () => Effect.succeed(null)
      )
    )
    if (repository === null) return null
    const found = yield* tokens.check(repository, token)
    if (found === null || (yield* standing(repository, found.issuer, address)) === null) return null
    return { ...found, repository, token, address } satisfies Granted
  })

  /** What is wrong with a push; nothing: it is noted in `pushing`, and may land. */
  const examine = (granted: Granted, pushing: Pushing) => (question: PushInspection.Question) =>
    runPromise(
      Effect.gen(function* () {
        const pusher = yield* standing(granted.repository, granted.issuer, granted.address)
        if (pusher === null) return ["the key behind this token is revoked, or may no longer push"]
        const problems = yield* PushInspection.inspect(git, granted.repository, question, pusher)
        if (problems.length > 0)
          yield* Effect.logInfo(
            `a push to ${granted.repository.name} by ${pusher.name} (${pusher.id}) was refused`,
            problems
          )
        else
          pushing.receipt = yield* receipts.expect({
            repository: granted.repository,
            commands: question.commands,
            pusher,
            sourceAddress: granted.address
          })
        return problems
      }).pipe(
        Effect.tapError((error) =>
          Effect.logWarning(`a push to ${granted.repository.name} could not be examined`, error)
        )
      )
    )

  /** A long transfer ends with its token, and with the key that it was made with. */
  const watch = (granted: Granted) => (lost: () => void) => {
    const timer = setInterval(() => {
      runPromise(authorize(granted.repository.name, granted.token, granted.address)).then(
        (still) => {
          if (still === null || still.repository.projectId !== granted.repository.projectId) lost()
        },
        () => undefined
      )
    }, recheckMillis)
    return () => clearInterval(timer)
  }

  /** Does it when a place is free; who leaves while waiting takes none. The work itself ends with its client. */
  const placed = async (
    request: IncomingMessage,
    response: ServerResponse,
    { issuer, repository }: Granted,
    work: () => Promise<void>
  ): Promise<void> => {
    const gone = new AbortController()
    const leave = () => gone.abort()
    response.once("close", leave)
    // What the platform does for many projects is no one key's doing.
    const seat = {
      project: repository.projectId,
      key: issuer === platform.id ? `${issuer} for ${repository.projectId}` : issuer
    }
    const done = places.within(
      seat,
      () => Effect.void,
      (free) => Effect.uninterruptible(Effect.ensuring(Effect.promise(work), free))
    )
    const refusal = await runPromise(Effect.match(done, { onFailure: (refused) => refused, onSuccess: () => null }), {
      signal: gone.signal
    }).catch((cause: unknown) => {
      if (gone.signal.aborted) return null
      throw cause
    })
    response.off("close", leave)
    if (refusal !== null) {
      request.resume()
      refuse(response, refusal.whose === "installation" ? 503 : 429, refusal.message, { "retry-after": "5" })
    }
  }

  const serve = async (request: IncomingMessage, response: ServerResponse, asked: Route): Promise<void> => {
    const granted = await runPromise(
      authorize(asked.name, passwordOf(request.headers.authorization), request.socket.remoteAddress ?? null)
    )
    if (granted === null) {
      return refuse(
        response,
        401,
        `a git token of this repository is needed (user name rdev, the token as the password): make one with rdev git-token ${asked.name}`,
        { "www-authenticate": 'Basic realm="rdev git", charset="UTF-8"' }
      )
    }
    if (asked.service === "git-receive-pack" && granted.access !== "write")
      return refuse(
        response,
        403,
        `this token may only read; make one that may push with rdev git-token ${asked.name} --write`
      )
    if (asked.service === "git-receive-pack") {
      const room = await Disk.room(options.dataDir, options.reserveBytes ?? null)
      if (!Disk.mayWrite(room)) return refuse(response, 507, `the disk of this installation is ${Disk.describe(room)}`)
    }
    if (!asked.advertise && request.headers["content-type"] !== `application/x-${asked.service}-request`)
      return refuse(response, 415, `expected content-type application/x-${asked.service}-request`)
    const pushing: Pushing = { receipt: null, moved: null }
    const work = () =>
      GitExchange.run(
        request,
        response,
        {
          service: asked.service,
          advertise: asked.advertise,
          directory: granted.repository.directory,
          program: git.program,
          hooks,
          maxPushBytes: options.maxPushBytes ?? 512 * 1024 * 1024,
          names: (commands) => RefNames.problems(commands, []),
          examine: examine(granted, pushing),
          moved: (commands) => {
            pushing.moved = commands
          },
          watch: watch(granted)
        },
        children
      )
    await placed(request, response, granted, () =>
      work().finally(() => (pushing.receipt === null ? undefined : runPromise(pushing.receipt.settle(pushing.moved))))
    )
  }

  return GitHttp.of({
    handler: (request, response) => {
      const asked = route(prefix, request.method ?? "GET", request.url ?? "/")
      if (asked === null) return false
      if (asked === "unknown")
        refuse(response, 404, `there is no such path under ${prefix}; clone ${prefix}/<project>.git`)
      else if (asked === "method") refuse(response, 405, "method not allowed", { allow: "GET, POST" })
      else void serve(request, response, asked).catch(() => refuse(response, 500, "the repository cannot be read"))
      return true
    }
  })
})

export const layerNoDeps = (options: Options): Layer.Layer<GitHttp, GitError | LocalFailure, Git.GitProgram> =>
  Layer.effect(GitHttp, make(options))

/** Over the git on PATH. */
export const layer = (options: Options): Layer.Layer<GitHttp, GitError | LocalFailure> =>
  Layer.provide(layerNoDeps(options), Git.layer)
