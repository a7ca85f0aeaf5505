/** What `use: gitea` chooses in platform.yaml. */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { Host } from "@rdev/core/adapter/Host"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as Git from "@rdev/git/Git"
import { Effect, Layer, Schema } from "effect"
import * as GiteaCi from "./GiteaCi.ts"
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

const ci = Schema.Struct({
  url: Schema.optionalKey(config.fields.url.annotate({ description: "Left out: where the forge is." })),
  token: Schema.optionalKey(config.fields.token.annotate({ description: "Left out: the forge's." })),
  organisation: Schema.optionalKey(
    Schema.NonEmptyString.annotate({ description: "With url and token of its own: as of the forge." })
  ),
  runsOn: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, {
        message: "expected a label of runners, e.g. ubuntu-latest"
      })
    ).annotate({ description: "Label of the runners that take the runs. Default ubuntu-latest." })
  ),
  stepMinutes: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 360 })).annotate({
      description: "Limit of one step. Default 30."
    })
  ),
  queueMinutes: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_440 })).annotate({
      description: "How long a run waits for a runner before it counts as not taken. Default 10."
    })
  )
})
const ciOptions = ({ queueMinutes, stepMinutes, ...rest }: typeof ci.Type): GiteaCi.Options => ({
  ...rest,
  ...(stepMinutes === undefined ? {} : { stepMillis: stepMinutes * 60_000 }),
  ...(queueMinutes === undefined ? {} : { queueMillis: queueMinutes * 60_000 })
})
const ciHealth = (settings: typeof ci.Type) =>
  Effect.flatMap(GiteaCi.place(ciOptions(settings)), (place) =>
    Health.checkActions(place, settings.runsOn ?? "ubuntu-latest")
  )

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
    },
    ci: { config: ci, layer: (settings) => GiteaCi.layer(ciOptions(settings)), health: ciHealth }
  }
})
