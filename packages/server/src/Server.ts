/**
 * Starts the reference server and tells how it went. Everything that keeps it from starting is one StartError, without a stack
 * trace: a taken port, a locked or newer data folder, a missing program, a bad variable.
 */
import { type AdapterError, isAdapterError } from "@rdev/core/adapter/Adapter"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { createRequire } from "node:module"
import * as DataDir from "./data/DataDir.ts"
import * as Installation from "./Installation.ts"
import * as FirstKey from "./keys/FirstKey.ts"
import * as Listener from "./Listener.ts"
import { type LiveRelease, LiveReleases } from "./LiveReleases.ts"
import { type ServerConfig, StartError } from "./ServerConfig.ts"
import { ofMachine } from "./StartFix.ts"

export interface Running {
  /** Without a trailing slash. */
  readonly url: string
  readonly port: number
  /** Set on the first start only: it is not shown again. */
  readonly newKey: { readonly key: string; readonly file: string } | null
  /** Production releases that were live at the start; of the first 20 projects. */
  readonly releases: ReadonlyArray<LiveRelease>
}

export const version: string = createRequire(import.meta.url)("@rdev/server/package.json").version

interface Reason {
  readonly _tag: string
  readonly message?: unknown
  readonly field?: unknown
}
/** A declaration's own `problem` comes without the name of its variable, which the error says already. */
const textOf = (error: object): string => {
  const said = ["problem", "message"]
    .map((name): unknown => Reflect.get(error, name))
    .find((text) => typeof text === "string")
  return typeof said === "string" ? said : String(error)
}

/** Errors of the ports that this machine itself serves. */
const machineTags: ReadonlySet<string> = new Set([
  "ForgeError",
  "LocalFailure",
  "WorkspaceError",
  "CiError",
  "BuilderError",
  "DeployerError",
  "RouterError",
  "DnsError"
])

/** An adapter of ours is told in the words of what failed in it. */
const ofAdapter = (error: AdapterError, make: (field: string, fix: string) => StartError): StartError => {
  const trouble = ofMachine(error.reason)
  if (trouble !== null) return make(trouble.field, trouble.fix)
  if (error.fix !== undefined) return make(error.operation.split(".", 1)[0]?.toLowerCase() ?? "adapter", error.fix)
  return error.cause === undefined ? make(error.operation, "Correct its configuration") : startErrorOf(error.cause)
}

/** Looks at tags and reasons only. */
export const startErrorOf = (error: unknown): StartError => {
  if (error instanceof StartError) return error
  if (typeof error !== "object" || error === null)
    return new StartError({ field: "server", problem: String(error), fix: "See the log above", cause: error })
  const tag = Reflect.get(error, "_tag")
  const reason = Reflect.get(error, "reason") as Reason | undefined
  const problem = typeof reason?.message === "string" ? reason.message : textOf(error)
  const make = (field: string, fix: string) =>
    new StartError({ field, problem: problem.replace(/\.$/, ""), fix, cause: error })
  if (tag === "StoreError") {
    switch (reason?._tag) {
      case "Locked":
        return make(
          "data folder",
          "Use the server that runs already (rdev projects list), or start with another folder: --data-dir (RDEV_DATA_DIR)"
        )
      case "Corrupt":
        return make(
          "data folder",
          "Start the version of rdev that wrote it, or another folder: --data-dir (RDEV_DATA_DIR)"
        )
      case "Invalid":
        return make(
          typeof reason.field === "string" && reason.field !== "dataDir" ? reason.field : "data folder",
          "Correct it and start again"
        )
      default:
        return make(
          "database",
          "Check that it runs and that RDEV_DATABASE_URL is right, or unset that variable to use the embedded engine"
        )
    }
  }
  if (isAdapterError(error)) return ofAdapter(error, make)
  const trouble = reason === undefined ? null : ofMachine(reason)
  if (trouble !== null && machineTags.has(String(tag))) return make(trouble.field, trouble.fix)
  if (tag === "ForgeError" || tag === "LocalFailure")
    return make("git", "Install git 2.38 or newer and make sure that it is on PATH")
  if (tag === "WorkspaceError" || tag === "CiError" || tag === "BuilderError" || tag === "DeployerError")
    return make(
      "sandbox",
      "Install bubblewrap, or accept to run agents without isolation with --unsafe-host (RDEV_UNSAFE_HOST=true)"
    )
  if (tag === "WebhookTransportError")
    return make("RDEV_WEBHOOK_ALLOW", "Write host names, addresses or ranges, separated by commas, or unset it")
  if (tag === "AgentConfigError") return make("RDEV_AGENTS", "Correct the declaration and start again")
  if (tag === "TemplateError") return make("RDEV_TEMPLATES", "Correct the template, or unset the variable")
  if (tag === "ConfigError") return make("environment", "Correct the variable and start again")
  return make("server", "See the log above")
}

/** Without an installation: the one of RDEV_PLATFORM or ./platform.yaml. */
const chosen = ({ variables }: ServerConfig, installation: Installation.Installation | undefined) =>
  installation === undefined
    ? Installation.read({ env: { ...process.env, ...variables } })
    : Effect.succeed(installation)

/** Runs until the scope ends; then it drains. */
export const start = Effect.fn("Server.start")(function* (
  config: ServerConfig,
  given?: Installation.Installation
): Effect.fn.Return<Running, StartError, Scope.Scope> {
  const installation = yield* chosen(config, given)
  // The port first: a start that is refused because of it leaves no folder behind.
  const listening = yield* Layer.build(Listener.layer(config))
  yield* DataDir.ready(config.dataDir)
  const services = yield* Layer.build(
    Installation.layer(config, version, installation).pipe(Layer.provide(Layer.succeedContext(listening)))
  ).pipe(Effect.mapError(startErrorOf))
  const newKey =
    config.auth === "off"
      ? null
      : yield* Effect.mapError(Effect.provideContext(FirstKey.ensure(config.dataDir), services), startErrorOf)
  const { port, url } = Context.get(listening, Listener.Listener)
  return { url, port, newKey, releases: Context.get(services, LiveReleases) }
})

/** Work alone, without answering requests: for machines that share their stores with their servers. */
export const work = Effect.fn("Server.work")(function* (
  config: ServerConfig,
  given?: Installation.Installation
): Effect.fn.Return<void, StartError, Scope.Scope> {
  const installation = yield* chosen(config, given)
  yield* DataDir.ready(config.dataDir)
  yield* Effect.mapError(Layer.build(Installation.layerWorker(config, version, installation)), startErrorOf)
})
