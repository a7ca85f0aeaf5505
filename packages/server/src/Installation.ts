/**
 * An installation: which adapter fills each slot (see installation/Choice.ts), and over them
 *
 *     core           queue, operations, projects, features, and their workers
 *     http           the API, events, keys, git over HTTP and the edge in front
 *
 * `read` finds the choice in a platform file, `make` takes layers in TypeScript; both become the same thing. A server and workers of the
 * same installation are these layers too.
 */
import { GitEndpoint } from "@rdev/core/adapter/Host"
import { type SlotName, type SlotNeeds, type SlotServices, slotNames } from "@rdev/core/adapter/Slots"
import { Edge } from "@rdev/core/ports/infra/Edge"
import * as ForgeNews from "@rdev/core/ports/forge/ForgeNews"
import * as ForgeEvents from "@rdev/core/ports/infra/ForgeEvents"
import { PlatformKey } from "@rdev/core/services/features/act/PlatformKey"
import * as Redaction from "@rdev/core/services/redaction/Redaction"
import * as TreeOperation from "@rdev/core/services/trees/TreeOperation"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { hostname } from "node:os"
import * as Core from "./Core.ts"
import * as App from "./http/App.ts"
import * as Assemble from "./installation/Assemble.ts"
import type { Choice } from "./installation/Choice.ts"
import * as Platform from "./installation/Platform.ts"
import * as SlotHealth from "./installation/SlotHealth.ts"
import * as InstallationSecrets from "./data/InstallationSecrets.ts"
import * as Issuers from "./keys/Issuers.ts"
import * as KeyFiles from "./keys/KeyFiles.ts"
import { Listener, type RequestHandler } from "./Listener.ts"
import * as LiveReleases from "./LiveReleases.ts"
import * as LoopbackTreeActions from "./LoopbackTreeActions.ts"
import * as MaskedLogs from "./output/MaskedLogs.ts"
import * as RepositorySources from "./RepositorySources.ts"
import type { ServerConfig, StartError } from "./ServerConfig.ts"
import * as SharedFolder from "./data/SharedFolder.ts"

export { sdlcProgram } from "./installation/Assemble.ts"

/** What an installation was chosen to be; nothing is built yet. */
export type Installation = Choice

/** The choice of RDEV_PLATFORM or ./platform.yaml; fails with everything that is wrong with it. */
export const read = (options: Platform.Options): Effect.Effect<Installation, StartError> => Platform.read(options)

/** A layer for each slot that is not to be what the file or the default says. They may fail with the error of their port. */
export type Layers = {
  readonly [N in SlotName]?: Layer.Layer<SlotServices[N], Error, SlotNeeds[N]>
}
/** The same in TypeScript: `Installation.make({ dns: Dns.layer({…}) })`. Other slots are chosen by the file, or as embedded. */
export const make = (layers: Layers, options: Omit<Platform.Options, "given"> = { env: process.env }) =>
  read({
    ...options,
    given: new Map(slotNames.flatMap((name) => (layers[name] === undefined ? [] : [[name, layers[name]] as const])))
  })

const unanswered: RequestHandler = (_request, response) => void response.writeHead(404).end()

const http = (options: App.Options) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const git = yield* GitEndpoint
      const edge = yield* Edge
      return App.layer(options.config, {
        git:
          git === null
            ? null
            : (request, response) => {
                if (!git.handler(request, response)) unanswered(request, response)
              },
        edge:
          edge === null
            ? null
            : (request, response) => {
                if (!edge.handler(request, response)) unanswered(request, response)
              },
        edgeUpgrade:
          edge === null
            ? null
            : (request, socket, head) => {
                if (!edge.upgrade(request, socket, head)) socket.destroy()
              }
      })
    })
  )

const settingsOf = (config: ServerConfig, port: number, url: string, { address }: Installation) => ({
  dnsTarget: address,
  urlOf: Assemble.urlOf(config, port),
  apiUrl: url,
  issueLabel: config.issueLabel,
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
const platformKey = ({ dataDir }: ServerConfig) => KeyFiles.platformKey(dataDir, process.env["RDEV_PLATFORM_KEY"])

/** What API keys are hashed with; shared by all processes of an installation. */
const pepperOf = ({ dataDir }: ServerConfig) => KeyFiles.pepper(dataDir, process.env["RDEV_KEY_PEPPER"])

/** What is masked: the installation's own secrets. With every key file there: those of the stores are made with them, this one here at the first start. */
const redaction = (config: ServerConfig, { secrets }: Installation) =>
  Layer.unwrap(
    Effect.map(platformKey(config), () =>
      Redaction.layer({ values: [...InstallationSecrets.all(config.dataDir, process.env), ...secrets] })
    )
  )

interface Place {
  /** Where people reach the server, and its port. */
  readonly url: string
  readonly port: number
  /** Where cookbook trees call the API. */
  readonly localUrl: string
}
/** Core services over the chosen adapters. */
const core = (config: ServerConfig, installation: Installation, { localUrl, port, url }: Place, pepper: Uint8Array) =>
  Core.services(settingsOf(config, port, url, installation), [TreeOperation.definition]).pipe(
    Layer.provideMerge(LoopbackTreeActions.layerKeys({ url: localUrl, pepper, auth: config.auth })),
    Layer.provideMerge(Layer.effect(PlatformKey, platformKey(config))),
    Layer.provideMerge(SlotHealth.layer(installation)),
    Layer.provideMerge(RepositorySources.layer(config)),
    Layer.provideMerge(Assemble.above(installation)),
    Layer.provideMerge(Layer.mergeAll(Issuers.layer(config.auth), ForgeEvents.layer, ForgeNews.layer)),
    Layer.provideMerge(MaskedLogs.layer),
    Layer.provideMerge(Layer.merge(redaction(config, installation), SharedFolder.layer(config))),
    Layer.provideMerge(Assemble.below(installation)),
    Layer.provideMerge(Assemble.host(config, url, port))
  )

/** The whole server behind a listener. What stands first here is ended first: requests, then work, then stores. */
export const layer = (config: ServerConfig, version: string, installation: Installation) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { localUrl, port, url } = yield* Listener
      const pepper = yield* pepperOf(config)
      const options: App.Options = { config, version, pepper, shared: installation.shared }
      return http(options).pipe(
        Layer.merge(Core.work(workerOf(config, version))),
        Layer.provideMerge(App.services(options)),
        Layer.provideMerge(LiveReleases.layer(Assemble.urlOf(config, port))),
        Layer.provideMerge(core(config, installation, { localUrl, port, url }, pepper))
      )
    })
  )

/** Workers alone. URLs in what they make are those of the server that answers. */
export const layerWorker = (config: ServerConfig, version: string, installation: Installation) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const url = config.publicUrl ?? `http://${config.host}:${config.port}`
      const pepper = yield* pepperOf(config)
      return Core.work(workerOf(config, version)).pipe(
        Layer.provide(core(config, installation, { url, port: config.port, localUrl: url }, pepper))
      )
    })
  )
