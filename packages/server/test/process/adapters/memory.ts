/** A forge and host names that remember nothing after their process, as an adapter in a file. With this forge the server has no `/git`. */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { Host } from "@rdev/core/adapter/Host"
import * as MemoryDns from "@rdev/core/memory/infra/Dns"
import * as MemoryForge from "@rdev/core/memory/infra/Forge"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Layer, Schema } from "effect"

export default Adapter.define({
  api: 1,
  name: "memory",
  slots: {
    forge: {
      config: Schema.Struct({ organisation: Schema.NonEmptyString, token: Adapter.Secret }),
      layer: () => MemoryForge.layer,
      health: ({ organisation }) =>
        Effect.flatMap(RepositoryHost, (repositories) =>
          Adapter.healthOf(repositories.list, (all) => `${all.length} repositories of ${organisation}`)
        )
    },
    dns: {
      config: Schema.Struct({ token: Adapter.Secret }),
      layer: () => Layer.unwrap(Effect.map(Host, ({ domain }) => MemoryDns.layerWith(domain))),
      health: () => Effect.flatMap(Dns, (dns) => Adapter.healthOf(dns.list, (all) => `${all.length} records`))
    }
  }
})
