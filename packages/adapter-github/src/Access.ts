/**
 * In whose name GitHub is asked: a GitHub App's installation at the owner, by tokens of at most an hour, or one personal token. Tokens
 * are kept until five minutes before they end, in memory alone.
 */
import { Effect, type Redacted, Schema } from "effect"
import type { Client } from "./Client.ts"
import type { GitHubFailure } from "./GitHubFailure.ts"

export interface AppCredentials {
  readonly _tag: "App"
  readonly id: string
  readonly privateKey: Redacted.Redacted
}
export type Credentials = AppCredentials | { readonly _tag: "Token"; readonly token: Redacted.Redacted }

export type Permissions = Readonly<Record<string, "read" | "write">>
/** What the App must be granted; docs/adapters/github.md says what each is for. */
export const needed: Permissions = {
  administration: "write",
  contents: "write",
  issues: "write",
  metadata: "read",
  pull_requests: "write",
  repository_hooks: "write",
  statuses: "write",
  workflows: "write"
}

export interface Account {
  /** Whose repositories they are. */
  readonly organisation: boolean
  /** Name under which the platform comments. */
  readonly login: string
  readonly app: { readonly installation: number; readonly permissions: Permissions } | null
  /** As rulesets name it, to let it pass. */
  readonly actor: { readonly id: number; readonly type: "Integration" | "User" }
}
export interface Issued {
  readonly token: Redacted.Redacted
  readonly expiresAtMillis: number
}
export interface Access {
  readonly client: Client
  readonly owner: string
  /** Asked once; `anew` asks again. */
  account(anew?: boolean): Effect.Effect<Account, GitHubFailure>
  /** REST calls about any repository of the owner. Where the token is refused, nothing has happened: a new one is tried once. */
  asPlatform<A>(
    work: (credential: Redacted.Redacted) => Effect.Effect<A, GitHubFailure>
  ): Effect.Effect<A, GitHubFailure>
  /** For git in one repository. A personal token is what it is; of an App it reaches that repository alone. */
  git(repository: string, anew: boolean): Effect.Effect<Redacted.Redacted, GitHubFailure>
  /** A new one for one repository; null with a personal token, which makes no others. */
  issue(repository: string, permissions: Permissions): Effect.Effect<Issued | null, GitHubFailure>
}

const User = Schema.Struct({ id: Schema.Int, login: Schema.String, type: Schema.String })

/** Permissions that are missing, in words. */
export const lacking = ({ app }: Account): ReadonlyArray<string> =>
  app === null
    ? []
    : Object.entries(needed)
        .filter(([name, level]) => app.permissions[name] !== "write" && app.permissions[name] !== level)
        .map(([name, level]) => `${name}: ${level}`)

/** Asked once, and again only when it is told to. */
export const remembered = (look: Effect.Effect<Account, GitHubFailure>): Access["account"] => {
  let account: Account | null = null
  return (anew = false) =>
    Effect.suspend(() =>
      account !== null && !anew
        ? Effect.succeed(account)
        : Effect.tap(look, (found) => Effect.sync(() => void (account = found)))
    )
}

/** With one personal token. */
export const make = (client: Client, owner: string, token: Redacted.Redacted): Access => {
  const look = Effect.gen(function* () {
    const self = yield* client.ask(token, "GET /user", User, {})
    const of = yield* client.ask(token, "GET /users/{username}", User, { username: owner })
    return {
      organisation: of.type === "Organization",
      login: self.login,
      app: null,
      actor: { id: self.id, type: "User" }
    } satisfies Account
  })
  return {
    client,
    owner,
    account: remembered(look),
    asPlatform: (work) => work(token),
    git: () => Effect.succeed(token),
    issue: () => Effect.succeed(null)
  }
}
