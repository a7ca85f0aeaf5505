/**
 * The reference installation: one process that answers and works, assembled from adapters.
 *
 *     stores         adapter-postgres: PostgreSQL when RDEV_DATABASE_URL is set, else the embedded engine in the data folder
 *     machine        adapter-local: sandboxed workspaces, git, pipelines, releases, names under the domain
 *     agents         adapter-agents: the scripted agent and command-line agents (RDEV_AGENTS)
 *     core           queue, operations, projects, features, and their workers
 *     http           the API, events, keys, and the edge in front
 *
 * Both modes are this same file; only `database` differs.
 */
import * as AgentRegistry from "@rdev/adapter-agents/AgentRegistry"
import * as Edge from "@rdev/adapter-local/edge/Edge"
import * as Git from "@rdev/adapter-local/forge/Git"
import * as GitHttp from "@rdev/adapter-local/forge/GitHttp"
import * as Launch from "@rdev/adapter-local/Launch"
import * as LocalCi from "@rdev/adapter-local/ci/LocalCi"
import * as LocalDeployer from "@rdev/adapter-local/release/LocalDeployer"
import * as LocalDns from "@rdev/adapter-local/edge/LocalDns"
import * as LocalForge from "@rdev/adapter-local/forge/LocalForge"
import * as LocalOutputStore from "@rdev/adapter-local/output/LocalOutputStore"
import * as LocalWebhookTransport from "@rdev/adapter-local/webhooks/LocalWebhookTransport"
import * as LocalWorkspaceHost from "@rdev/adapter-local/workspaces/LocalWorkspaceHost"
import * as Sandbox from "@rdev/adapter-local/sandbox/Sandbox"
import * as Database from "@rdev/adapter-postgres/engine/Database"
import * as PgTenantDatabase from "@rdev/adapter-postgres/tenants/PgTenantDatabase"
import * as PgReplicas from "@rdev/adapter-postgres/stores/PgReplicas"
import * as PgOperationStore from "@rdev/adapter-postgres/stores/PgOperationStore"
import * as PgWorkQueueStore from "@rdev/adapter-postgres/queue/PgWorkQueueStore"
import * as Route from "@rdev/adapter-postgres/engine/Route"
import * as Stores from "@rdev/adapter-postgres/stores/Stores"
import * as TenantCache from "@rdev/core/ports/infra/TenantCache"
import * as Tls from "@rdev/core/ports/infra/Tls"
import { PlatformKey } from "@rdev/core/services/features/act/PlatformKey"
import * as Redaction from "@rdev/core/services/redaction/Redaction"
import * as TreeOperation from "@rdev/core/services/trees/TreeOperation"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createRequire } from "node:module"
import { hostname } from "node:os"
import { dirname, join } from "node:path"
import * as Core from "./Core.ts"
import { DatabaseAnswers, Machine } from "./Health.ts"
import * as App from "./http/App.ts"
import * as Issuers from "./keys/Issuers.ts"
import * as InstallationSecrets from "./InstallationSecrets.ts"
import * as KeyFiles from "./keys/KeyFiles.ts"
import { Listener } from "./Listener.ts"
import * as LiveReleases from "./LiveReleases.ts"
import * as MaskedLogs from "./MaskedLogs.ts"
import * as LoopbackTreeActions from "./LoopbackTreeActions.ts"
import { type ServerConfig, StartError } from "./ServerConfig.ts"
import * as SharedFolder from "./SharedFolder.ts"
import { ofMachine } from "./StartFix.ts"
import * as TemplatesDisk from "./TemplatesDisk.ts"

/** The `sdlc` command in one file, as workspaces get it. */
export const sdlcProgram = () =>
  join(dirname(createRequire(import.meta.url).resolve("@rdev/sdlc/package.json")), "dist", "cli", "main.js")

const database = (config: ServerConfig) =>
  config.databaseUrl === null
    ? Database.layerEmbedded({ dataDir: config.dataDir })
    : Database.layerPostgresConfig(config.databaseUrl)

const answers = Layer.effect(
  DatabaseAnswers,
  Effect.map(Database.Database, ({ route }) => (route === null ? "answers" : Route.describe(route)))
)

const stores = (config: ServerConfig) =>
  Layer.mergeAll(
    Stores.layer,
    PgOperationStore.layer,
    PgWorkQueueStore.layer,
    PgReplicas.layer,
    SharedFolder.layer(config),
    answers
  ).pipe(Layer.provide(database(config)))

/** What takes a service of its own. A project's resources of these kinds are shown as `unavailable`, with these words. */
const notOnOneMachine = Layer.mergeAll(
  PgTenantDatabase.layerConfig,
  TenantCache.layerUnsupported("no cache server for projects is configured"),
  Tls.layerUnsupported("names on this machine are served over plain HTTP")
)

/** Where people reach a host name of this installation. */
const urlOf =
  (config: ServerConfig, port: number) =>
  (host: string): string =>
    config.publicUrl === null ? `http://${host}:${port}/` : `${new URL(config.publicUrl).protocol}//${host}/`

/**
 * The programs this machine runs work with, each tried for real. They change nothing but a folder of this process's own, so they
 * need not wait for the stores (and the lock on the data folder).
 */
const programs = ({ budget, dataDir, unsafeHost }: ServerConfig) => {
  const said = Object.fromEntries(Object.entries(budget).filter(([, value]) => value !== null))
  // Agents installed for one user (~/.local, nvm) lie outside the folders that workspaces see.
  const sandbox = Layer.unwrap(
    Effect.map(AgentRegistry.programsConfig(), (agents) =>
      Sandbox.layer({
        dataDir,
        unsafeHost,
        budget: said,
        tools: [{ hostPath: sdlcProgram(), name: "sdlc" }, ...agents]
      })
    )
  ).pipe(
    Layer.catchTag("LocalFailure", (cause) =>
      Layer.effect(
        Sandbox.Sandbox,
        Effect.fail(
          new StartError({
            problem: cause.message,
            cause,
            ...(ofMachine(cause.reason) ?? { field: "sandbox", fix: "`rdev doctor` says what this machine offers" })
          })
        )
      )
    )
  )
  const looks = Layer.effect(
    Machine,
    Effect.map(Sandbox.Sandbox, ({ missing, room }) => ({ missing, room }))
  )
  return Layer.merge(looks.pipe(Layer.provideMerge(sandbox)), Git.layer).pipe(Layer.provideMerge(Launch.layer))
}

/** Everything a project needs from its machine, over its programs. */
const machine = (config: ServerConfig, url: string, port: number) => {
  const { dataDir, domain, projectNetwork } = config
  const deployer = LocalDeployer.layerNoDeps({
    dataDir,
    domain,
    urlOf: urlOf(config, port),
    serviceNetwork: projectNetwork
  })
  const forge = LocalForge.layerNoDeps({ dataDir, baseUrl: `${url}/git` })
  return Layer.mergeAll(
    Edge.layer,
    LocalCi.layerNoDeps({ dataDir }),
    LocalWorkspaceHost.layerNoDeps({ dataDir }),
    LocalOutputStore.layer({ dataDir }),
    LocalWebhookTransport.layerConfig
  ).pipe(
    Layer.provideMerge(deployer),
    Layer.provideMerge(Layer.mergeAll(forge, LocalDns.layer({ dataDir, domain }))),
    Layer.merge(GitHttp.layerNoDeps({ dataDir, reserveBytes: config.budget.reserveBytes })),
    Layer.merge(notOnOneMachine)
  )
}

const http = (options: App.Options) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const git = yield* GitHttp.GitHttp
      const edge = yield* Edge.Edge
      return App.layer(options.config, {
        git: (request, response) => {
          if (!git.handler(request, response)) response.writeHead(404).end()
        },
        edge: (request, response) => {
          if (!edge.handler(request, response)) response.writeHead(404).end()
        },
        edgeUpgrade: (request, socket, head) => {
          if (!edge.upgrade(request, socket, head)) socket.destroy()
        }
      })
    })
  )

const settingsOf = (config: ServerConfig, port: number) => ({
  dnsTarget: "127.0.0.1",
  urlOf: urlOf(config, port),
  defaultBranch: "main",
  defaultAgent: config.agent ?? "scripted",
  defaultTemplate: "default",
  workDir: "/workspace",
  firstRelease: ["production"] as const
})
const workerOf = (config: ServerConfig, version: string) => ({
  name: `${hostname()}:${process.pid}`,
  version,
  capacity: config.workerCapacity,
  drainMillis: config.drainMillis
})

/** The key with which the platform signs what it records; shared by all processes of an installation. */
const signing = (config: ServerConfig) =>
  Layer.effect(PlatformKey, KeyFiles.platformKey(config.dataDir, process.env["RDEV_PLATFORM_KEY"]))

/** Core services over this machine, its agents and the stores. `localUrl`: where cookbook trees call the API. */
const core = (config: ServerConfig, url: string, port: number, localUrl: string, pepper: Uint8Array) =>
  Core.services(settingsOf(config, port), [TreeOperation.definition]).pipe(
    Layer.provideMerge(LoopbackTreeActions.layerKeys({ url: localUrl, pepper, auth: config.auth })),
    Layer.provideMerge(signing(config)),
    Layer.provideMerge(AgentRegistry.layerConfig()),
    Layer.provideMerge(TemplatesDisk.layerConfig),
    Layer.provideMerge(machine(config, url, port)),
    Layer.provideMerge(Issuers.layer(config.auth)),
    // Side by side: the engine of the stores keeps this thread busy while the programs are tried in processes of their own.
    Layer.provideMerge(MaskedLogs.layer),
    // With every key file there: those of the stores are made with them, this one here at the first start.
    Layer.provideMerge(
      Layer.unwrap(
        Effect.map(KeyFiles.platformKey(config.dataDir, process.env["RDEV_PLATFORM_KEY"]), () =>
          Redaction.layer({ values: InstallationSecrets.all(config.dataDir, process.env) })
        )
      )
    ),
    Layer.provideMerge(Layer.merge(programs(config), stores(config)))
  )

/** The whole server behind a listener. What stands first here is ended first: requests, then work, then stores. */
export const layer = (config: ServerConfig, version: string) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { localUrl, port, url } = yield* Listener
      const pepper = yield* KeyFiles.pepper(config.dataDir, process.env["RDEV_KEY_PEPPER"])
      const options: App.Options = { config, version, pepper }
      return http(options).pipe(
        Layer.merge(Core.work(workerOf(config, version))),
        Layer.provideMerge(App.services(options)),
        Layer.provideMerge(LiveReleases.layer(urlOf(config, port))),
        Layer.provideMerge(core(config, url, port, localUrl, pepper))
      )
    })
  )

/** Workers alone. URLs in what they make are those of the server that answers. */
export const layerWorker = (config: ServerConfig, version: string) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const url = config.publicUrl ?? `http://${config.host}:${config.port}`
      const pepper = yield* KeyFiles.pepper(config.dataDir, process.env["RDEV_KEY_PEPPER"])
      return Core.work(workerOf(config, version)).pipe(Layer.provide(core(config, url, config.port, url, pepper)))
    })
  )
