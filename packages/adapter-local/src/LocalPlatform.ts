/**
 * All of one machine at once: repositories, workspaces, pipelines, builds, releases, host names, routes and the two HTTP handlers, over one sandbox
 * and one data folder. Mount `GitHttp.handler` and, before everything else, `Edge.handler` and `Edge.upgrade` in a Node server.
 */
import { Layer } from "effect"
import * as Edge from "./edge/Edge.ts"
import * as GitHttp from "./forge/GitHttp.ts"
import * as Launch from "@rdev/runtime-node/Launch"
import * as LocalBuilder from "./build/LocalBuilder.ts"
import * as LocalCi from "./ci/LocalCi.ts"
import * as LocalDeployer from "./release/LocalDeployer.ts"
import * as LocalDns from "./edge/LocalDns.ts"
import * as LocalRouter from "./edge/LocalRouter.ts"
import * as LocalForge from "./forge/LocalForge.ts"
import * as LocalWorkspaceHost from "./workspaces/LocalWorkspaceHost.ts"
import * as Sandbox from "./sandbox/Sandbox.ts"

export interface Options extends Sandbox.Options {
  /** Where the server listens; a function when it is known only after listening. */
  readonly origin: () => { readonly host: string; readonly port: number }
  /** Host names are `<project>.<domain>`; default `localhost`. */
  readonly domain?: string
  /** First part of git's paths; default `/git`. */
  readonly gitPrefix?: string
  readonly ci?: Pick<LocalCi.RunOptions, "concurrency" | "network" | "stepTimeoutMillis">
  readonly serviceNetwork?: "loopback" | "internet"
  /** See `LocalDeployer`. */
  readonly idleMillis?: number | null
}

export const layer = (options: Options) => {
  const { dataDir, origin } = options
  const domain = options.domain ?? "localhost"
  const prefix = options.gitPrefix ?? "/git"
  const forge = LocalForge.layer({ dataDir, baseUrl: () => `http://${origin().host}:${origin().port}${prefix}` })
  const runners = Layer.mergeAll(
    LocalWorkspaceHost.layerNoDeps({ dataDir }),
    LocalCi.layerNoDeps({ dataDir, ...options.ci }),
    LocalBuilder.layerNoDeps({ dataDir }),
    LocalDeployer.layerNoDeps({
      dataDir,
      domain,
      urlOf: (host) => `http://${host}:${origin().port}/`,
      ...(options.idleMillis === undefined ? {} : { idleMillis: options.idleMillis }),
      ...(options.serviceNetwork === undefined ? {} : { serviceNetwork: options.serviceNetwork })
    })
  ).pipe(Layer.provideMerge(Layer.merge(forge, Sandbox.layer(options))))
  return Layer.mergeAll(
    Edge.layer,
    GitHttp.layer({ dataDir, prefix, reserveBytes: options.budget?.reserveBytes ?? null })
  ).pipe(
    Layer.provideMerge(Layer.mergeAll(runners, LocalDns.layer({ dataDir, domain }), LocalRouter.layer({ dataDir }))),
    Layer.provideMerge(Launch.layer)
  )
}
