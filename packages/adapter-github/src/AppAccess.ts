/**
 * A GitHub App's installation at the owner: a JWT of ten minutes asks for tokens of an hour. They are kept in memory until five minutes
 * before they end.
 */
import { Clock, Effect, Redacted, Schema, Semaphore } from "effect"
import githubAppJwt from "universal-github-app-jwt"
import { type Access, type Account, type AppCredentials, type Issued, type Permissions, remembered } from "./Access.ts"
import type { Client } from "./Client.ts"
import { fail, type GitHubFailure, invalid, is, notFound } from "./GitHubFailure.ts"

const Installation = Schema.Struct({
  id: Schema.Int,
  app_id: Schema.Int,
  app_slug: Schema.String,
  target_type: Schema.String,
  permissions: Schema.Record(Schema.String, Schema.String),
  suspended_at: Schema.NullOr(Schema.String)
})
const Minted = Schema.Struct({ token: Schema.NonEmptyString, expires_at: Schema.String })
/** A token is not used in its last five minutes: a clone takes its time. */
const marginMillis = 5 * 60_000

const levels: Readonly<Record<string, "read" | "write">> = { read: "read", write: "write", admin: "write" }
const known = (permissions: Readonly<Record<string, string>>): Permissions => {
  const found: Record<string, "read" | "write"> = {}
  for (const [name, text] of Object.entries(permissions)) {
    const level = levels[text]
    if (level !== undefined) found[name] = level
  }
  return found
}
/** Of what is asked for, what the installation has: GitHub refuses the rest as a whole. */
const granted = (asked: Permissions, has: Permissions): Permissions =>
  Object.fromEntries(Object.entries(asked).filter(([name, level]) => has[name] === "write" || has[name] === level))
const asApp = (client: Client, owner: string, { id, privateKey }: AppCredentials) => {
  const jwt = Effect.tryPromise({
    try: async () => Redacted.make((await githubAppJwt({ id, privateKey: Redacted.value(privateKey) })).token),
    catch: () => invalid("privateKey", "expected the App's private key as GitHub gives it: a PEM file of RSA")
  })
  const installation = Effect.gen(function* () {
    const credential = yield* jwt
    const ofOrganisation = client.ask(credential, "GET /orgs/{org}/installation", Installation, { org: owner })
    const ofUser = client.ask(credential, "GET /users/{username}/installation", Installation, { username: owner })
    const found = yield* ofOrganisation.pipe(
      Effect.catchIf(is("NotFound"), () => ofUser),
      Effect.catchIf(is("NotFound"), () =>
        Effect.fail(notFound(`the App ${id} is not installed at ${owner}: install it there, for all repositories`))
      )
    )
    if (found.suspended_at !== null)
      return yield* fail({
        _tag: "Unauthorized",
        message: `the App's installation at ${owner} is suspended; unsuspend it`
      })
    return {
      organisation: found.target_type === "Organization",
      login: `${found.app_slug}[bot]`,
      app: { installation: found.id, permissions: known(found.permissions) },
      actor: { id: found.app_id, type: "Integration" }
    } satisfies Account
  })
  const mint = Effect.fnUntraced(function* (
    { installation, permissions: has }: NonNullable<Account["app"]>,
    scope: { readonly repository: string; readonly permissions: Permissions } | null
  ) {
    const answer = yield* client.ask(yield* jwt, "POST /app/installations/{installation_id}/access_tokens", Minted, {
      installation_id: installation,
      ...(scope === null ? {} : { repositories: [scope.repository], permissions: granted(scope.permissions, has) })
    })
    const expiresAtMillis = Date.parse(answer.expires_at)
    if (Number.isNaN(expiresAtMillis))
      return yield* fail({ _tag: "Unknown", message: `${client.host} gave a token without an end` })
    return { token: Redacted.make(answer.token), expiresAtMillis } satisfies Issued
  })
  return { installation, mint }
}

/** Tokens by what they are for; one is made anew when it is about to end or was refused. */
const keeping = () => {
  const turn = Semaphore.makeUnsafe(1)
  const tokens = new Map<string, Issued>()
  const living = (key: string, refused: Redacted.Redacted | null) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      for (const [name, one] of tokens) if (one.expiresAtMillis - marginMillis <= now) tokens.delete(name)
      const there = tokens.get(key)
      return there === undefined || there.token === refused ? null : there.token
    })
  /** Who was refused with an older one gets the newer. */
  const keep = (key: string, refused: Redacted.Redacted | null, make: Effect.Effect<Issued, GitHubFailure>) =>
    Effect.gen(function* () {
      const there = yield* living(key, refused)
      if (there !== null) return there
      return yield* turn.withPermit(
        Effect.gen(function* () {
          const meanwhile = yield* living(key, refused)
          if (meanwhile !== null) return meanwhile
          const issued = yield* make
          tokens.set(key, issued)
          return issued.token
        })
      )
    })
  return { keep, newest: (key: string) => tokens.get(key)?.token ?? null }
}

const forGit: Permissions = { contents: "write", workflows: "write" }

export const make = (client: Client, owner: string, credentials: AppCredentials): Access => {
  const { installation, mint } = asApp(client, owner, credentials)
  const { keep, newest } = keeping()
  const account = remembered(installation)
  const appOf = Effect.suspend(() => account()).pipe(
    Effect.flatMap(({ app }) =>
      app === null ? Effect.fail(notFound(`no App is installed at ${owner}`)) : Effect.succeed(app)
    )
  )
  const platform = (refused: Redacted.Redacted | null) =>
    keep(
      "",
      refused,
      Effect.flatMap(appOf, (app) => mint(app, null))
    )
  return {
    client,
    owner,
    account,
    asPlatform: (work) =>
      Effect.flatMap(platform(null), (credential) =>
        Effect.catchIf(
          work(credential),
          ({ status }) => status === 401,
          () => Effect.flatMap(platform(credential), work)
        )
      ),
    git: (repository, anew) =>
      keep(
        repository,
        anew ? newest(repository) : null,
        Effect.flatMap(appOf, (app) => mint(app, { repository, permissions: forGit }))
      ),
    issue: (repository, permissions) => Effect.flatMap(appOf, (app) => mint(app, { repository, permissions }))
  }
}
