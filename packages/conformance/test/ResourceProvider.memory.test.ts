import * as Memory from "@rdev/core/memory"
import { Templates } from "@rdev/core/ports/infra/Templates"
import * as CodeProviders from "@rdev/core/services/resources/CodeProviders"
import * as NameProviders from "@rdev/core/services/resources/NameProviders"
import * as TenantProviders from "@rdev/core/services/resources/TenantProviders"
import { Effect, Layer } from "effect"
import * as ResourceProviderSuite from "../src/infra/ResourceProviderSuite.ts"

const shared = await Effect.runPromise(Memory.Resource.make("logging", "environment"))
ResourceProviderSuite.suite("memory, for each environment", Layer.empty, Effect.succeed(shared))
const mail = await Effect.runPromise(Memory.Resource.make("e-mail", "project"))
ResourceProviderSuite.suite("memory, for each project", Layer.empty, Effect.succeed(mail))

ResourceProviderSuite.suite("dns", Memory.Dns.layer, Effect.succeed(NameProviders.dns))
ResourceProviderSuite.suite("tls", Memory.Tls.layer, Effect.succeed(NameProviders.tls), { listed: false })
ResourceProviderSuite.suite("database", Memory.TenantDatabase.layer, Effect.succeed(TenantProviders.database))
ResourceProviderSuite.suite("cache", Memory.TenantCache.layer, Effect.succeed(TenantProviders.cache), { listed: false })

const templates = Layer.succeed(Templates, {
  list: Effect.succeed([{ name: "default", title: "Default", kind: "static" as const, description: "" }]),
  files: () => Effect.succeed([{ path: "README.md", content: "# it\n" }])
})
ResourceProviderSuite.suite(
  "repository",
  Layer.mergeAll(Memory.Forge.layer, Memory.PolicyStore.layer, Memory.CredentialStore.layer, templates),
  Effect.succeed(CodeProviders.repository)
)
