/** An installation for recorded operations: stores that a test chooses, providers in memory that a test can make fail or go silent. */
import * as Memory from "@rdev/core/memory"
import { type Call, type Fault, watched } from "@rdev/core/memory/infra/ProviderProbe"
import * as Definition from "@rdev/core/operations/Definition"
import * as Operations from "@rdev/core/operations/Operations"
import { Ci, CiError } from "@rdev/core/ports/infra/Ci"
import { Deployer, DeployerError } from "@rdev/core/ports/infra/Deployer"
import { Dns, DnsError } from "@rdev/core/ports/infra/Dns"
import { ForgeError } from "@rdev/core/ports/infra/Forge"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import { Templates } from "@rdev/core/ports/infra/Templates"
import { TenantCache, TenantCacheError } from "@rdev/core/ports/infra/TenantCache"
import { TenantDatabase, TenantDatabaseError } from "@rdev/core/ports/infra/TenantDatabase"
import * as Projects from "@rdev/core/services/Projects"
import { definitions } from "@rdev/core/services/projects/ProjectOperations"
import { Context, Effect, Layer } from "effect"

/** What happens to a call: nothing special, a fault, or never an answer: before the work was done, or after. */
export type Meddle = (call: Call) => Fault | "silent-before" | "silent-after" | null

const templates = Layer.succeed(Templates, {
  list: Effect.succeed([{ name: "default", title: "Default", kind: "static" as const, description: "" }]),
  files: (_name, variables) =>
    Effect.succeed([
      { path: "README.md", content: `# ${variables.project}\n` },
      { path: ".sdlc/policy.yaml", content: "version: 1\n" }
    ])
})

const providers = Layer.mergeAll(
  Memory.Ci.layer,
  Memory.Builder.layer,
  Memory.Deployer.layer,
  Memory.Router.layer,
  Memory.Dns.layer,
  Memory.Forge.layer,
  Memory.TenantCache.layer,
  Memory.TenantDatabase.layer,
  Memory.Tls.layer,
  Memory.WorkspaceHost.layer,
  Memory.OutputStore.layer,
  templates
)

const meddled = (meddle: { current: Meddle }) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const base = yield* Effect.context<Ci | Deployer | Dns | RepositoryHost | TenantCache | TenantDatabase>()
      const probe = {
        arrives: (call: Call) =>
          Effect.suspend(() => {
            const said = meddle.current(call)
            if (said === "silent-before") return Effect.never
            return Effect.succeed(said === "silent-after" ? null : said)
          }),
        answers: (call: Call) =>
          Effect.suspend(() => (meddle.current(call) === "silent-after" ? Effect.never : Effect.void))
      }
      const watch = <I, S extends object>(
        tag: Context.Key<I, S>,
        name: string,
        refuse: (operation: string, reason: PortReason) => unknown
      ) => Context.make(tag, watched(name, Context.get(base as Context.Context<I>, tag), refuse, probe))
      return watch(Ci, "Ci", (operation, reason) => new CiError({ operation, reason })).pipe(
        Context.merge(watch(Deployer, "Deployer", (operation, reason) => new DeployerError({ operation, reason }))),
        Context.merge(watch(Dns, "Dns", (operation, reason) => new DnsError({ operation, reason }))),
        Context.merge(
          watch(RepositoryHost, "RepositoryHost", (operation, reason) => new ForgeError({ operation, reason }))
        ),
        Context.merge(
          watch(TenantCache, "TenantCache", (operation, reason) => new TenantCacheError({ operation, reason }))
        ),
        Context.merge(
          watch(TenantDatabase, "TenantDatabase", (operation, reason) => new TenantDatabaseError({ operation, reason }))
        )
      )
    })
  )

/** Over stores: everything but a runner. */
export const installation = (meddle: { current: Meddle } = { current: () => null }) =>
  Projects.layer.pipe(
    Layer.provideMerge(Operations.layer),
    Layer.provideMerge(Definition.layer(definitions)),
    Layer.provideMerge(meddled(meddle)),
    Layer.provideMerge(providers)
  )
