/** Webhooks of a repository. Ours are known by their URL; GitHub keeps one of each. */
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { Webhook } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Redacted, Schema } from "effect"
import type { Client } from "./Client.ts"
import { invalid, is } from "./GitHubFailure.ts"
import type { Over } from "./Ownership.ts"
import type { Place } from "./Repositories.ts"

const HookAnswer = Schema.Struct({
  id: Schema.Int,
  active: Schema.Boolean,
  events: Schema.Array(Schema.String),
  config: Schema.Struct({ url: Schema.optionalKey(Schema.String) })
})
type HookAnswer = typeof HookAnswer.Type
const viewOf = ({ active, config, events }: HookAnswer): Webhook => ({ url: config.url ?? "", events, active })

const list = (client: Client, credential: Redacted.Redacted, place: Place) =>
  client.all(credential, "GET /repos/{owner}/{repo}/hooks", Schema.Array(HookAnswer), (page) => page, { ...place })

export const all =
  ({ access: { client }, repositories }: Over) =>
  (target: RepositoryTarget) =>
    Effect.map(
      repositories.at(target, (credential, place) => list(client, credential, place)),
      (hooks) => hooks.map(viewOf)
    )

interface Wanted {
  readonly url: string
  readonly events: ReadonlyArray<string>
  readonly secret: Redacted.Redacted
}
const problemOf = ({ events, secret, url }: Wanted) =>
  !URL.canParse(url) || !/^https?:\/\/[^\s@]+$/.test(url)
    ? invalid("url", "expected an absolute http or https URL without credentials")
    : events.length === 0 || !events.every((event) => /^[a-z_]{2,60}$/.test(event))
      ? invalid("events", "expected events as GitHub calls them, e.g. push and pull_request")
      : Redacted.value(secret).length < 16
        ? invalid("secret", "expected at least 16 characters: whoever guesses it speaks for GitHub")
        : null

export const ensure = ({ access: { client }, repositories }: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, wanted: Wanted) {
    const problem = problemOf(wanted)
    if (problem !== null) return yield* problem
    const { events, secret, url } = wanted
    return yield* repositories.at(target, (credential, place) => {
      const said = {
        ...place,
        active: true,
        events: [...events],
        config: { url, content_type: "json", secret: Redacted.value(secret), insecure_ssl: "0" }
      }
      const find = Effect.map(list(client, credential, place), (hooks) => hooks.find((one) => one.config.url === url))
      const change = ({ id }: HookAnswer) =>
        client.ask(credential, "PATCH /repos/{owner}/{repo}/hooks/{hook_id}", HookAnswer, { ...said, hook_id: id })
      return Effect.gen(function* () {
        const there = yield* find
        if (there !== undefined) return viewOf(yield* change(there))
        return viewOf(
          yield* client.ask(credential, "POST /repos/{owner}/{repo}/hooks", HookAnswer, { ...said, name: "web" }).pipe(
            // Another process was quicker.
            Effect.catchIf(is("AlreadyExists"), (failure) =>
              Effect.flatMap(find, (now) => (now === undefined ? Effect.fail(failure) : change(now)))
            )
          )
        )
      })
    })
  })

export const remove =
  ({ access: { client }, repositories }: Over) =>
  (target: RepositoryTarget, url: string) =>
    repositories.at(target, (credential, place) =>
      Effect.gen(function* () {
        for (const { config, id } of yield* list(client, credential, place))
          if (config.url === url)
            yield* client
              .tell(credential, "DELETE /repos/{owner}/{repo}/hooks/{hook_id}", { ...place, hook_id: id })
              .pipe(Effect.catchIf(is("NotFound"), () => Effect.void))
      })
    )
