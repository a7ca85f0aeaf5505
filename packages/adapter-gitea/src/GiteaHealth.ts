/** What `rdev doctor` asks of a Gitea server: that it answers, whose token it is, and that it may do what will be asked of it. */
import type { Health } from "@rdev/core/adapter/Adapter"
import { Effect, Schema } from "effect"
import * as GiteaClient from "./GiteaClient.ts"
import type { GiteaError } from "./GiteaError.ts"
import type { Place } from "./GiteaPlace.ts"

const timeoutMillis = 4_000
const Version = Schema.Struct({ version: Schema.String })
const Me = Schema.Struct({ login: Schema.String, is_admin: Schema.Boolean })
const Rights = Schema.Struct({ can_create_repository: Schema.Boolean })

type Check = NonNullable<Health["checks"]>[number]
const checked = <A>(
  name: string,
  work: Effect.Effect<A, GiteaError>,
  say: (answer: A) => { readonly ok: boolean; readonly detail: string }
): Effect.Effect<{ readonly check: Check; readonly answer: A | null }> =>
  Effect.match(work, {
    onSuccess: (answer) => ({ check: { name, ...say(answer) }, answer }),
    onFailure: (failure) => ({ check: { name, ok: false, detail: failure.message }, answer: null })
  })

export const check = Effect.fn("GiteaHealth.check")(function* (
  client: GiteaClient.GiteaClient,
  organisation: string | undefined
) {
  const get = <A>(path: string, schema: Schema.Decoder<A>) =>
    Effect.flatMap(client.call("GET", path, { timeoutMillis }), ({ json }) => GiteaClient.decode(schema, path)(json))
  const version = yield* checked("server", get("/version", Version), (answer) => ({
    ok: true,
    detail: `Gitea ${answer.version} at ${client.url}`
  }))
  const me = yield* checked("token", get("/user", Me), ({ is_admin, login }) => ({
    ok: true,
    detail: is_admin
      ? `of ${login}, an administrator`
      : `of ${login}, who is no administrator: tokens of single repositories (rdev git-token) cannot be made`
  }))
  const rights =
    organisation === undefined || me.answer === null
      ? []
      : [
          yield* checked(
            "organisation",
            get(
              `/users/${encodeURIComponent(me.answer.login)}/orgs/${encodeURIComponent(organisation)}/permissions`,
              Rights
            ),
            ({ can_create_repository }) => ({
              ok: can_create_repository,
              detail: can_create_repository
                ? `repositories can be made in ${organisation}`
                : `${me.answer?.login} may not make repositories in ${organisation}; add it to a team that may`
            })
          )
        ]
  const checks = [version, me, ...rights].map((one) => one.check)
  const bad = checks.find(({ ok }) => !ok)
  return { ok: bad === undefined, detail: (bad ?? version.check).detail, checks } satisfies Health
})

const RunnerList = Schema.Struct({
  runners: Schema.NullOr(
    Schema.Array(
      Schema.Struct({
        status: Schema.String,
        disabled: Schema.optionalKey(Schema.Boolean),
        labels: Schema.Array(Schema.Struct({ name: Schema.String }))
      })
    )
  )
})

/** That Gitea answers, and that somebody would take a run. Runners of the whole server are shown to administrators alone. */
export const checkActions = Effect.fn("GiteaHealth.checkActions")(function* (place: Place, runsOn: string) {
  const count = (path: string) =>
    place.client.call("GET", path, { timeoutMillis, query: { limit: 50 }, accept: [200, 403, 404] }).pipe(
      Effect.flatMap(({ json, status }) =>
        status === 200 ? GiteaClient.decode(RunnerList, path)(json) : Effect.succeed({ runners: [] })
      ),
      Effect.map(
        ({ runners }) =>
          (runners ?? []).filter(
            ({ disabled, labels, status }) =>
              status !== "offline" && disabled !== true && labels.some(({ name }) => name === runsOn)
          ).length
      )
    )
  return yield* checked(
    "runners",
    Effect.gen(function* () {
      const { isAdmin, isOrganisation, name } = yield* place.owner
      const own = yield* count(
        isOrganisation ? `/orgs/${encodeURIComponent(name)}/actions/runners` : "/user/actions/runners"
      )
      return { isAdmin, found: own + (isAdmin ? yield* count("/admin/actions/runners") : 0) }
    }),
    ({ found, isAdmin }) => ({
      ok: found > 0 || !isAdmin,
      detail:
        found > 0
          ? `${found} runners with the label ${runsOn} at ${place.client.url}`
          : isAdmin
            ? `no runner with the label ${runsOn} is online at ${place.client.url}; register one, or write the label of yours as runsOn`
            : `${place.client.url} answers; whether the server has runners for all is shown to administrators alone`
    })
  ).pipe(Effect.map(({ check: { detail, ok } }) => ({ ok, detail }) satisfies Health))
})
