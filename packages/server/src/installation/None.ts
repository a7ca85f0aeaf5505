/** `use: none`: what an installation does without. Projects are told so in the words of the port. */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { Edge } from "@rdev/core/ports/infra/Edge"
import * as TenantCache from "@rdev/core/ports/infra/TenantCache"
import * as TenantDatabase from "@rdev/core/ports/infra/TenantDatabase"
import * as Tls from "@rdev/core/ports/infra/Tls"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const config = Schema.Struct({})
const without = (detail: string) => () => Effect.succeed({ ok: true, detail })

export default Adapter.define({
  api: 1,
  name: "none",
  slots: {
    tls: {
      config,
      layer: () => Tls.layerUnsupported("names on this machine are served over plain HTTP"),
      health: without("names are served over plain HTTP")
    },
    cache: {
      config,
      layer: () => TenantCache.layerUnsupported("no cache server for projects is configured"),
      health: without("projects have no caches")
    },
    database: {
      config,
      layer: () =>
        TenantDatabase.layerUnsupported(
          "no database server for projects is configured: set RDEV_TENANT_DATABASE_URL to an administrator's URL of a PostgreSQL or CockroachDB server"
        ),
      health: without("projects have no databases")
    },
    edge: {
      config,
      layer: () => Layer.succeed(Edge, null),
      health: without("host names of projects are answered elsewhere")
    }
  }
})
