/** GitHub as an adapter: what `use: github` chooses in platform.yaml. */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { Host } from "@rdev/core/adapter/Host"
import * as Git from "@rdev/git/Git"
import * as Launch from "@rdev/runtime-node/Launch"
import { Effect, Layer, Schema } from "effect"
import * as Access from "./Access.ts"
import * as GitHubCi from "./GitHubCi.ts"
import * as GitHubForge from "./GitHubForge.ts"

const isApi = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { hash, hostname, password, protocol, search, username } = new URL(text)
  const loopback = hostname === "127.0.0.1" || hostname === "[::1]" || hostname === "localhost"
  return (
    (protocol === "https:" || (protocol === "http:" && loopback)) && `${username}${password}${search}${hash}` === ""
  )
}

const Config = Schema.Struct({
  owner: Schema.String.check(
    Schema.isPattern(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$/, {
      message: "expected the login of an organisation or a person, e.g. acme"
    })
  )
    .pipe(Adapter.variable("RDEV_GITHUB_OWNER"))
    .annotate({ description: "Organisation, or person, whose repositories they are." }),
  app: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^[A-Za-z0-9.]{1,60}$/, { message: "expected the App's client id or id, as text" })
    )
      .pipe(Adapter.variable("RDEV_GITHUB_APP"))
      .annotate({ description: "Client id of a GitHub App that is installed there. With privateKey." })
  ),
  privateKey: Schema.optionalKey(
    Adapter.Secret.pipe(Adapter.variable("RDEV_GITHUB_PRIVATE_KEY", "secret")).annotate({
      description: "The App's private key: the PEM file that GitHub gave."
    })
  ),
  token: Schema.optionalKey(
    Adapter.Secret.pipe(Adapter.variable("RDEV_GITHUB_TOKEN", "secret")).annotate({
      description: "Instead of an App: a fine-grained personal token. It makes no tokens for people."
    })
  ),
  url: Schema.optionalKey(
    Schema.String.check(
      Schema.makeFilter(
        (text) => isApi(text) || "expected the https address of GitHub's API, e.g. https://ghe.example.org/api/v3"
      )
    )
      .pipe(Adapter.variable("RDEV_GITHUB_URL"))
      .annotate({ description: "The API of Enterprise Server or of ghe.com. Default https://api.github.com." })
  ),
  visibility: Schema.optionalKey(
    Schema.Literals(["private", "public"])
      .pipe(Adapter.variable("RDEV_GITHUB_VISIBILITY"))
      .annotate({ description: "Of repositories that are made. Default private." })
  )
})
type Config = typeof Config.Type

/** One way to be known, and the whole of it. */
const credentialsOf = ({ app, privateKey, token }: Config): Access.Credentials | string => {
  if (token !== undefined)
    return app === undefined && privateKey === undefined
      ? { _tag: "Token", token }
      : "it has a token and an App: leave one out"
  if (app === undefined && privateKey === undefined) return "it says neither app and privateKey nor token"
  if (app === undefined) return "it has privateKey without app"
  return privateKey === undefined ? "it has app without privateKey" : { _tag: "App", id: app, privateKey }
}

const git = Git.layer.pipe(Layer.provide(Launch.layer), Adapter.failing("Git.layer"))

const layer = (config: Config) => {
  const credentials = credentialsOf(config)
  if (typeof credentials === "string")
    return Adapter.refuse<Layer.Success<ReturnType<typeof GitHubForge.layerNoDeps>>>(
      "GitHubForge.layer",
      { _tag: "Invalid", field: "forge", message: credentials },
      "Give app and privateKey of a GitHub App, or token"
    )
  const { owner, url, visibility } = config
  return Layer.unwrap(
    Effect.map(Host, ({ dataDir }) =>
      GitHubForge.layerNoDeps({
        dataDir,
        owner,
        credentials,
        ...(url === undefined ? {} : { url }),
        ...(visibility === undefined ? {} : { visibility })
      })
    )
  ).pipe(Layer.provide(git))
}

/** Asks GitHub who we are there, and holds what was granted to what is needed. */
const health = ({ owner }: Config) =>
  Effect.gen(function* () {
    const looked = yield* Effect.result((yield* GitHubForge.GitHubAccount).look)
    if (looked._tag === "Failure") return { ok: false, detail: looked.failure.message }
    const { account, allowance } = looked.success
    const missing = Access.lacking(account)
    const left = allowance === null ? "" : `; ${allowance.remaining} of ${allowance.limit} requests are left`
    return {
      ok: missing.length === 0,
      detail:
        missing.length === 0
          ? `${account.login} at ${owner}${left}`
          : `grant the App ${missing.join(", ")}, and accept it at ${owner}`
    }
  })

const CiConfig = Schema.Struct({
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
const ciLayer = ({ queueMinutes, runsOn, stepMinutes }: typeof CiConfig.Type) =>
  GitHubCi.layer({
    runsOn,
    stepMillis: stepMinutes === undefined ? undefined : stepMinutes * 60_000,
    queueMillis: queueMinutes === undefined ? undefined : queueMinutes * 60_000
  })

export default Adapter.define({
  api: 1,
  name: "github",
  slots: {
    forge: { config: Config, layer, health },
    ci: { config: CiConfig, layer: ciLayer, health: () => GitHubCi.health }
  }
})
