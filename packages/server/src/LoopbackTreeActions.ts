/**
 * TreeActions over this server's own HTTP port: a tree's calls pass the same authentication, checks and limits as everybody's. Pages are
 * asked for on loopback with the environment's host name, so that they need no name resolution.
 */
import { ProjectId } from "@rdev/core/domain/Ids"
import { ProjectName } from "@rdev/core/domain/Project"
import { ApiKeyStore } from "@rdev/core/ports/stores/ApiKeyStore"
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { TreeActions, TreeActionsError } from "@rdev/core/ports/infra/TreeActions"
import { EnvironmentName } from "@rdev/core/domain/Environment"
import { Clock, Effect, Layer, Option, Redacted, Schema } from "effect"
import { request as httpRequest } from "node:http"
import { request as httpsRequest } from "node:https"
import * as Delegation from "./keys/Delegation.ts"
import { over } from "./keys/Issuers.ts"

export interface LoopbackOptions {
  /** Where this server listens, e.g. `http://127.0.0.1:4000`; asked for at every call, as the port may be chosen late. */
  readonly url: Effect.Effect<string>
  /** A credential that is good for what the principal may do now; none when the principal is gone; empty where none is asked for. */
  readonly credential: (actor: string) => Effect.Effect<Option.Option<Redacted.Redacted>, StoreError>
}

const maxBodyBytes = 262_144
const timeoutMillis = 30_000
const noExec = `exec_${"0".repeat(26)}`

const refuse = (operation: string, reason: PortReason, cause?: unknown) =>
  new TreeActionsError({ operation: `TreeActions.${operation}`, reason, cause })

interface Exchange {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}
interface Raw {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

const exchange = (operation: string, { body, headers, method, url }: Exchange): Effect.Effect<Raw, TreeActionsError> =>
  Effect.callback<Raw, TreeActionsError>((resume) => {
    const fail = (cause: Error) =>
      resume(
        Effect.fail(
          refuse(operation, { _tag: "Unavailable", message: `${method} ${url.pathname}: ${cause.message}` }, cause)
        )
      )
    const sent = (url.protocol === "https:" ? httpsRequest : httpRequest)(
      {
        host: url.hostname,
        port: url.port,
        path: `${url.pathname}${url.search}`,
        method,
        headers,
        timeout: timeoutMillis
      },
      (response) => {
        const chunks: Array<Buffer> = []
        let bytes = 0
        response.on("data", (chunk: Buffer) => {
          if (bytes < maxBodyBytes) chunks.push(chunk.subarray(0, maxBodyBytes - bytes))
          bytes += chunk.byteLength
        })
        response.on("error", fail)
        response.on("end", () =>
          resume(
            Effect.succeed({
              status: response.statusCode ?? 0,
              contentType: response.headers["content-type"] ?? "",
              body: Buffer.concat(chunks).toString("utf8")
            })
          )
        )
      }
    )
    sent.on("timeout", () => sent.destroy(new Error(`no answer within ${timeoutMillis / 1_000} s`)))
    sent.on("error", fail)
    sent.end(body ?? undefined)
    return Effect.sync(() => {
      sent.destroy()
    })
  })

const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Json))
const ProjectAnswer = Schema.fromJsonString(
  Schema.Struct({
    id: ProjectId,
    name: ProjectName,
    default_branch: Schema.String,
    environments: Schema.Array(Schema.Struct({ name: EnvironmentName, url: Schema.String }))
  })
)
const decodeProject = Schema.decodeUnknownEffect(ProjectAnswer)

export const make = ({ credential, url }: LoopbackOptions): TreeActions["Service"] => {
  const call = Effect.fnUntraced(function* (
    operation: string,
    actor: string | null,
    method: string,
    path: string,
    body: Schema.Json | null,
    key: string | null
  ) {
    const at = new URL(path, yield* url)
    // A path such as `//elsewhere` is a host to URL.
    if (at.origin !== new URL(yield* url).origin)
      return yield* refuse(operation, { _tag: "Invalid", field: "path", message: `${path} leaves this server` })
    if (
      path
        .split(/[?#]/u, 1)[0]
        ?.split(/[/\\]/u)
        .some((segment) => /^(?:\.|%2e){1,2}$/iu.test(segment))
    )
      return yield* refuse(operation, {
        _tag: "Invalid",
        field: "path",
        message: `${path} has a segment . or .., which would name another route`
      })
    const token =
      actor === null
        ? Option.none()
        : yield* Effect.mapError(credential(actor), (cause) =>
            refuse(operation, { _tag: "Unavailable", message: cause.message }, cause)
          )
    if (actor !== null && Option.isNone(token))
      return yield* refuse(operation, {
        _tag: "Unauthorized",
        message: `${actor}, who started the tree, has no valid key any more`
      })
    return yield* exchange(operation, {
      method,
      url: at,
      body: body === null ? null : JSON.stringify(body),
      headers: {
        ...(Option.isSome(token) && Redacted.value(token.value) !== ""
          ? { authorization: `Bearer ${Redacted.value(token.value)}` }
          : {}),
        ...(body === null ? {} : { "content-type": "application/json" }),
        ...(key === null ? {} : { "idempotency-key": key })
      }
    })
  })
  const project = Effect.fnUntraced(function* (operation: string, actor: string, name: string) {
    const answer = yield* call(operation, actor, "GET", `/projects/${encodeURIComponent(name)}`, null, null)
    if (answer.status === 404)
      return yield* refuse(operation, { _tag: "NotFound", message: `project ${name} does not exist` })
    if (answer.status === 401 || answer.status === 403)
      return yield* refuse(operation, { _tag: "Unauthorized", message: `${actor} may not see project ${name}` })
    return yield* Effect.mapError(decodeProject(answer.body), (cause) =>
      refuse(operation, { _tag: "Unavailable", message: `project ${name} answered ${answer.status}` }, cause)
    )
  })
  return TreeActions.of({
    request: ({ actor, body, idempotencyKey, method, path }) =>
      Effect.map(call("request", actor, method, path, body, idempotencyKey), (answer) => ({
        status: answer.status,
        body: answer.body === "" ? null : Option.getOrElse(decodeJson(answer.body), () => answer.body)
      })),
    visit: ({ actor, environment, path, project: name }) =>
      Effect.gen(function* () {
        const found = yield* project("visit", actor, name)
        const target = found.environments.find((one) => one.name === environment)
        if (target === undefined)
          return yield* refuse("visit", {
            _tag: "NotFound",
            message: `project ${name} has no environment ${environment}`
          })
        const page = new URL(path, target.url)
        const here = new URL(yield* url)
        here.pathname = page.pathname
        here.search = page.search
        return yield* exchange("visit", {
          method: "GET",
          url: here,
          headers: { host: new URL(target.url).host },
          body: null
        })
      }),
    executable: (actor, name) =>
      Effect.gen(function* () {
        const found = yield* project("executable", actor, name)
        // To end a command takes the right to run one, and ending one that is not there changes nothing.
        const allowed = yield* call(
          "executable",
          actor,
          "POST",
          `/projects/${found.id}/workspace/execs/${noExec}/kill`,
          null,
          null
        )
        if (allowed.status === 401 || allowed.status === 403)
          return yield* refuse("executable", {
            _tag: "Unauthorized",
            message: `${actor} may not run commands in project ${name}`
          })
        return { projectId: found.id, name: found.name, defaultBranch: found.default_branch }
      })
  })
}

export const layer = (options: LoopbackOptions): Layer.Layer<TreeActions> => Layer.succeed(TreeActions, make(options))

export interface KeyedOptions {
  readonly url: string
  readonly pepper: Uint8Array
  /** `off`: everybody may do everything, and a credential would only be checked in vain. */
  readonly auth: "keys" | "off"
}

/** In the name of the API key that started the tree, for as long as that key lives. */
export const layerKeys = ({ auth, pepper, url }: KeyedOptions): Layer.Layer<TreeActions, never, ApiKeyStore> =>
  Layer.effect(
    TreeActions,
    Effect.map(ApiKeyStore, (store) =>
      make({
        url: Effect.succeed(url),
        credential: Effect.fnUntraced(function* (actor) {
          if (auth === "off") return Option.some(Redacted.make(""))
          const now = yield* Clock.currentTimeMillis
          const key = yield* store.byId(actor)
          return Option.isSome(key) && over(key.value, now) === null
            ? Option.some(Redacted.make(Delegation.make(pepper, actor, now)))
            : Option.none()
        })
      })
    )
  )
