/**
 * This machine as an adapter: what `use: local` chooses in platform.yaml. Slots that run commands share one sandbox, those that run git
 * one count of its processes; both are tried once, side by side with the opening of the stores.
 */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { AgentPrograms, GitEndpoint, Host, Machine } from "@rdev/core/adapter/Host"
import { Builder } from "@rdev/core/ports/infra/Builder"
import { Ci } from "@rdev/core/ports/infra/Ci"
import { Deployer } from "@rdev/core/ports/infra/Deployer"
import { Dns } from "@rdev/core/ports/infra/Dns"
import * as EdgePort from "@rdev/core/ports/infra/Edge"
import { Router } from "@rdev/core/ports/infra/Router"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import { Effect, Layer, Schema } from "effect"
import { constants } from "node:fs"
import { access } from "node:fs/promises"
import * as AnyDnsRoutes from "./edge/AnyDnsRoutes.ts"
import * as Disk from "./sandbox/Disk.ts"
import * as Edge from "./edge/Edge.ts"
import * as GitHttp from "./forge/GitHttp.ts"
import * as Isolation from "./sandbox/Isolation.ts"
import * as Launch from "@rdev/runtime-node/Launch"
import * as LocalBuilder from "./build/LocalBuilder.ts"
import * as LocalCi from "./ci/LocalCi.ts"
import * as LocalDeployer from "./release/LocalDeployer.ts"
import * as LocalRouter from "./edge/LocalRouter.ts"
import * as LocalDns from "./edge/LocalDns.ts"
import { attempt } from "./LocalFailure.ts"
import * as Git from "@rdev/git/Git"
import * as LocalForge from "./forge/LocalForge.ts"
import * as LocalOutputStore from "./output/LocalOutputStore.ts"
import * as LocalWebhookTransport from "./webhooks/LocalWebhookTransport.ts"
import * as LocalWorkspaceHost from "./workspaces/LocalWorkspaceHost.ts"
import * as Sandbox from "./sandbox/Sandbox.ts"

const nothing = Schema.Struct({})
const over = <A, E, R>(make: (host: Host["Service"]) => Layer.Layer<A, E, R>) => Layer.unwrap(Effect.map(Host, make))

const git = Git.layer.pipe(Layer.provide(Launch.layer), Adapter.failing("Git.layer"))
const sandbox = Layer.unwrap(
  Effect.gen(function* () {
    const { budget, dataDir, programs, unsafeHost } = yield* Host
    const agents = yield* AgentPrograms
    const said = Object.fromEntries(Object.entries(budget).filter(([, value]) => value !== null))
    return Sandbox.layer({ dataDir, unsafeHost, budget: said, tools: [...programs, ...agents] })
  })
).pipe(Layer.provide(Launch.layer), Adapter.failing("Sandbox.layer", "`rdev doctor` says what this machine offers"))
const prepare = () => Layer.effectDiscard(Effect.void).pipe(Layer.provide(Layer.merge(sandbox, git)))

const machine = Layer.effect(
  Machine,
  Effect.map(Sandbox.Sandbox, ({ missing, room }) => ({
    missing,
    room: Effect.map(room, (left) => ({ ok: Disk.mayWrite(left), detail: Disk.describe(left), state: left.state }))
  }))
)
const gitEndpoint = over(({ budget, dataDir }) =>
  Layer.effect(
    GitEndpoint,
    Effect.map(GitHttp.GitHttp, ({ handler }) => ({ handler }))
  ).pipe(Layer.provide(GitHttp.layerNoDeps({ dataDir, reserveBytes: budget.reserveBytes })))
)

/** A folder below the data folder that this process can write to, or one that will be made when it is needed. */
const folder = (what: string) =>
  Effect.flatMap(Host, ({ dataDir }) =>
    Adapter.healthOf(
      attempt(() => access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)),
      () => `${what} in the data folder`
    )
  )

export default Adapter.define({
  api: 1,
  name: "local",
  slots: {
    forge: {
      config: nothing,
      prepare: () => Layer.effectDiscard(Effect.void).pipe(Layer.provide(git)),
      layer: () =>
        over(({ dataDir, url }) => LocalForge.layerNoDeps({ dataDir, baseUrl: `${url}/git` })).pipe(
          Layer.merge(gitEndpoint),
          Adapter.failing("LocalForge.layer"),
          Layer.provide(git)
        ),
      health: () =>
        Effect.flatMap(RepositoryHost, (repositories) =>
          Adapter.healthOf(repositories.list, (list) => `${list.length} repositories on this machine`)
        )
    },
    workspaces: {
      config: nothing,
      prepare,
      layer: () =>
        over(({ dataDir }) => LocalWorkspaceHost.layerNoDeps({ dataDir })).pipe(
          Layer.merge(machine),
          Adapter.failing("LocalWorkspaceHost.layer"),
          Layer.provide(sandbox)
        ),
      health: () =>
        Effect.flatMap(WorkspaceHost, (host) =>
          Adapter.healthOf(host.list, (list) => `${list.length} workspaces on this machine`)
        ),
      probe: () => Effect.flatMap(Host, Isolation.health)
    },
    ci: {
      config: nothing,
      prepare,
      layer: () =>
        over(({ dataDir }) => LocalCi.layerNoDeps({ dataDir })).pipe(
          Adapter.failing("LocalCi.layer"),
          Layer.provide(sandbox)
        ),
      health: () => Effect.andThen(Effect.asVoid(Ci), folder("pipelines run"))
    },
    builder: {
      config: nothing,
      prepare,
      layer: () =>
        over(({ dataDir }) => LocalBuilder.layerNoDeps({ dataDir })).pipe(
          Adapter.failing("LocalBuilder.layer"),
          Layer.provide(sandbox)
        ),
      health: () =>
        Effect.flatMap(Builder, (builder) =>
          Adapter.healthOf(builder.list, (list) => `artifacts of ${list.length} projects`)
        )
    },
    deployer: {
      config: Schema.Struct({
        idleSeconds: Schema.optionalKey(
          Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 604_800 }))
            .pipe(Adapter.variable("RDEV_IDLE_SECONDS", "number"))
            .annotate({
              description:
                "A service that nobody asked for so long sleeps, and is woken by the next request. 0 = never; a project says otherwise by idle in its rdev.yaml. Default 600."
            })
        )
      }),
      prepare,
      layer: ({ idleSeconds = 600 }) =>
        over(({ dataDir, domain, projectNetwork, urlOf }) =>
          LocalDeployer.layerNoDeps({
            dataDir,
            domain,
            urlOf,
            serviceNetwork: projectNetwork,
            idleMillis: idleSeconds === 0 ? null : idleSeconds * 1000
          })
        ).pipe(Adapter.failing("LocalDeployer.layer"), Layer.provide(sandbox)),
      health: () =>
        Effect.flatMap(Deployer, (deployer) =>
          Adapter.healthOf(deployer.list, (list) => `releases of ${list.length} projects`)
        )
    },
    router: {
      config: nothing,
      layer: () => over(({ dataDir }) => LocalRouter.layer({ dataDir })).pipe(Adapter.failing("LocalRouter.layer")),
      health: () =>
        Effect.flatMap(Router, (router) =>
          Adapter.healthOf(router.list, (list) => `${list.length} names lead to releases`)
        )
    },
    dns: {
      config: nothing,
      layer: () => over(({ dataDir, domain }) => LocalDns.layer({ dataDir, domain })),
      health: () =>
        Effect.flatMap(Dns, (dns) =>
          Adapter.healthOf(dns.list, (list) => `${list.length} names such as ${dns.hostFor("name")}`)
        )
    },
    edge: {
      config: nothing,
      layer: () =>
        Layer.effect(
          EdgePort.Edge,
          Effect.map(Edge.Edge, ({ handler, upgrade }) => ({ handler, upgrade }))
        ).pipe(Layer.provide(Edge.layer), Layer.provide(AnyDnsRoutes.layer)),
      health: () => Effect.map(Host, ({ domain }) => ({ ok: true, detail: `answers for *.${domain}` }))
    },
    outputs: {
      config: nothing,
      layer: () => over(({ dataDir }) => LocalOutputStore.layer({ dataDir })),
      health: () => folder("what commands print is kept")
    },
    webhooks: {
      config: Schema.Struct({
        allow: Schema.optionalKey(
          Schema.Array(Schema.NonEmptyString).pipe(Adapter.variable("RDEV_WEBHOOK_ALLOW", "list")).annotate({
            description:
              "Host names, addresses and ranges that may be posted to although they are not public, and without TLS."
          })
        )
      }),
      layer: ({ allow }) =>
        LocalWebhookTransport.layerWith({ allow: allow ?? [] }).pipe(Adapter.failing("LocalWebhookTransport.layer")),
      health: ({ allow }) =>
        Effect.succeed({
          ok: true,
          detail: `posts to public addresses${allow === undefined || allow.length === 0 ? "" : ` and to ${allow.join(", ")}`}`
        })
    }
  }
})
