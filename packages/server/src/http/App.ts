/**
 * The HTTP half of the server: the contract's handlers behind one authorizer, events, and what stands in front of them, installed
 * on the listener. At the end of its scope it says that it is stopping, lets requests finish and ends the streams.
 */
import { Api } from "@rdev/api/Api"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as NodeHttpPlatform from "@effect/platform-node/NodeHttpPlatform"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Etag from "effect/http/Etag"
import * as Layer from "effect/Layer"
import * as Execs from "../Execs.ts"
import * as AuditHandlers from "../handlers/Audit.ts"
import * as CatalogueHandlers from "../handlers/Catalogue.ts"
import * as ComponentHandlers from "../handlers/Components.ts"
import * as EnvironmentHandlers from "../handlers/Environments.ts"
import * as EventHandlers from "../handlers/Events.ts"
import * as ExecHandlers from "../handlers/Execs.ts"
import * as FeatureHandlers from "../handlers/Features.ts"
import * as HookHandlers from "../handlers/Hooks.ts"
import * as KeyHandlers from "../handlers/Keys.ts"
import * as OperationHandlers from "../handlers/Operations.ts"
import * as PolicyHandlers from "../handlers/Policy.ts"
import * as ProjectHandlers from "../handlers/Projects.ts"
import * as SystemHandlers from "../handlers/System.ts"
import * as TaskHandlers from "../handlers/Tasks.ts"
import * as TreeHandlers from "../handlers/Trees.ts"
import * as WebhookHandlers from "../handlers/Webhooks.ts"
import * as Health from "../Health.ts"
import * as ApiKeys from "../keys/ApiKeys.ts"
import { Listener, type RequestHandler, type UpgradeHandler } from "../Listener.ts"
import type { ServerConfig } from "../ServerConfig.ts"
import * as TreeCatalogue from "../TreeCatalogue.ts"
import * as Broadcaster from "../sse/Broadcaster.ts"
import * as Authorizer from "./Authorizer.ts"
import * as Gateway from "./Gateway.ts"
import * as Idempotent from "./Idempotent.ts"
import * as Origins from "./Origins.ts"
import * as Paging from "./Paging.ts"
import * as Recovery from "./Recovery.ts"
import * as Routes from "./Routes.ts"

export interface Options {
  readonly config: ServerConfig
  readonly version: string
  /** The installation's secret: hashes keys and signs cursors. */
  readonly pepper: Uint8Array
  /** Whether other processes may use the same stores. */
  readonly shared: boolean
}
export interface Mounts {
  readonly git: RequestHandler | null
  readonly edge: RequestHandler | null
  readonly edgeUpgrade: UpgradeHandler | null
}
export const nothingMounted: Mounts = { git: null, edge: null, edgeUpgrade: null }

const handlers = Layer.mergeAll(
  ProjectHandlers.layer,
  FeatureHandlers.layer,
  PolicyHandlers.layer,
  TaskHandlers.layer,
  EnvironmentHandlers.layer,
  ComponentHandlers.layer,
  OperationHandlers.layer,
  TreeHandlers.layer,
  EventHandlers.layer,
  ExecHandlers.layer,
  AuditHandlers.layer,
  CatalogueHandlers.layer,
  KeyHandlers.layer,
  WebhookHandlers.layer,
  HookHandlers.layers,
  SystemHandlers.layer
)
const platform = Layer.mergeAll(NodeHttpPlatform.layer, Etag.layerWeak, NodeServices.layer)

/** Everything a request needs besides the core's services. */
export const services = ({ config, pepper, shared, version }: Options) =>
  Layer.mergeAll(
    Broadcaster.layer,
    Execs.layer(config.projectNetwork, config.execs),
    TreeCatalogue.layer,
    Health.layer({ version, mode: shared ? "scaled" : "embedded" }),
    Layer.succeed(Paging.Paging, Paging.make(pepper)),
    Idempotent.layer({ pepper, alone: !shared }).pipe(Layer.provide(Recovery.layer)),
    Authorizer.layer(config)
  ).pipe(Layer.provideMerge(ApiKeys.layer(pepper, config.keyLabel)))

const routes = HttpApiBuilder.layer(Api).pipe(Layer.provide(handlers), Layer.provide(platform))

/** Answers on the listener until the scope ends. */
export const layer = (config: ServerConfig, mounts: Mounts) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const listener = yield* Listener
      const health = yield* Health.Health
      const api = yield* Routes.make(routes, config.drainMillis)
      const gateway = Gateway.make({ ...mounts, api, origins: Origins.make(config), isStopping: health.isStopping })
      listener.install(gateway.request, gateway.upgrade)
      yield* Effect.addFinalizer(() => health.stop)
    })
  )
