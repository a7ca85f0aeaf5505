/** What `use: gitea` chooses in platform.yaml. */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { Host } from "@rdev/core/adapter/Host"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as Git from "@rdev/git/Git"
import { Effect, Layer, Schema } from "effect"
import * as GiteaClient from "./GiteaClient.ts"
import * as GiteaForge from "./GiteaForge.ts"
import * as Health from "./GiteaHealth.ts"

const config = Schema.Struct({
  url: Schema.String.check(
    Schema.isPattern(/^https?:\/\/[^\s/?#@]+(?:\/[^\s?#@]*[^\s?#@/])?$/, {
      message: "expected http:// or https://, a host, and no slash at the end, e.g. https://git.example.org"
    })
  ).annotate({ description: "Where people reach Gitea, e.g. https://git.example.org." }),
  token: Adapter.Secret.annotate({
    description: "A token of the account that rdev works as; its scopes are in docs/adapters/gitea.md."
  }),
  organisation: Schema.optionalKey(
    Schema.NonEmptyString.annotate({
      description: "Organisation in which repositories are made. Left out: the token's own account."
    })
  )
})

const git = Git.layer.pipe(Adapter.failing("Git.layer"))

export default Adapter.define({
  api: 1,
  name: "gitea",
  slots: {
    forge: {
      config,
      prepare: () => Layer.effectDiscard(Effect.void).pipe(Layer.provide(git)),
      layer: ({ organisation, token, url }) =>
        Layer.unwrap(
          Effect.map(Host, ({ dataDir }) => GiteaForge.layerNoDeps({ dataDir, url, token, organisation }))
        ).pipe(Layer.provide(git)),
      health: ({ organisation, token, url }) =>
        Effect.andThen(RepositoryHost, Health.check(GiteaClient.make({ url, token }), organisation)),
      probe: ({ organisation, token, url }) => Health.check(GiteaClient.make({ url, token }), organisation)
    }
  }
})
