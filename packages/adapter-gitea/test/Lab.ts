/** The Gitea of the lab, and an organisation of this run's own, which is taken away with all that is in it. */
import type { People } from "@rdev/conformance/infra/ForgeIssuesSuite"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { Effect, Layer, Redacted, Schema } from "effect"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as GiteaClient from "../src/GiteaClient.ts"
import * as GiteaForge from "../src/GiteaForge.ts"

export const variable = (name: string): string => {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set: run npm run test:lab -- gitea`)
  return value
}
export const url = variable("GITEA_URL")
export const token = Redacted.make(variable("GITEA_TOKEN"))
export const client = GiteaClient.make({ url, token })
export const organisation = `rdev-${Math.random().toString(36).slice(2, 10)}`

const Named = Schema.Struct({ full_name: Schema.String })
export const remove = Effect.gen(function* () {
  const all = yield* client.all(`/orgs/${organisation}/repos`, Named)
  yield* Effect.forEach(all, ({ full_name }) => client.call("DELETE", `/repos/${full_name}`, { accept: [204, 404] }))
  yield* client.call("DELETE", `/orgs/${organisation}`, { accept: [204, 404] })
})
/** Made once; other users of the same lab have organisations of their own. */
export const made = client.call("POST", "/orgs", { body: { username: organisation }, accept: [201, 422] })

export const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "rdev-gitea-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true, maxRetries: 5 }))
)
export const forge = Layer.unwrap(
  Effect.gen(function* () {
    yield* Effect.acquireRelease(Effect.orDie(made), () => Effect.orDie(remove))
    const dataDir = yield* folder
    return GiteaForge.layer({ dataDir, url, token, organisation })
  })
)

const run = Math.random().toString(36).slice(2, 8)
const password = Redacted.make("a long password of this run 1!")
const pathOf = ({ name }: RepositoryTarget) => `/repos/${organisation}/${name}`
const Numbered = Schema.Struct({ number: Schema.Int })
const WithId = Schema.Struct({ id: Schema.Int, name: Schema.String })

/** Three people of this run, who act with their own passwords. */
export const people: Effect.Effect<People> = Effect.gen(function* () {
  const [writer, reader, stranger] = [`ada-${run}`, `bob-${run}`, `eve-${run}`]
  for (const username of [writer, reader, stranger])
    yield* client.call("POST", "/admin/users", {
      body: {
        username,
        email: `${username}@lab.test`,
        password: Redacted.value(password),
        must_change_password: false
      },
      accept: [201, 422]
    })
  const as = (username: string) => ({ username, password })
  const labelOf = (target: RepositoryTarget, wanted: string) =>
    Effect.map(client.all(`${pathOf(target)}/labels`, WithId), (all) =>
      all.filter(({ name }) => name === wanted).map(({ id }) => id)
    )
  return {
    writer,
    reader,
    stranger,
    letIn: (target, login, permission) =>
      client.call("PUT", `${pathOf(target)}/collaborators/${login}`, { body: { permission }, accept: [204] }),
    open: (target, by, body) =>
      Effect.flatMap(client.call("POST", `${pathOf(target)}/issues`, { body, as: as(by) }), ({ json }) =>
        Effect.map(GiteaClient.decode(Numbered, "issue")(json), ({ number }) => number)
      ),
    label: (target, by, number, label) =>
      Effect.flatMap(labelOf(target, label), (labels) =>
        client.call("POST", `${pathOf(target)}/issues/${number}/labels`, { body: { labels }, as: as(by) })
      ),
    unlabel: (target, number, label) =>
      Effect.flatMap(labelOf(target, label), (labels) =>
        Effect.forEach(labels, (id) => client.call("DELETE", `${pathOf(target)}/issues/${number}/labels/${id}`))
      ),
    assign: (target, by, number, login) =>
      client.call("PATCH", `${pathOf(target)}/issues/${number}`, { body: { assignees: [login] }, as: as(by) }),
    comment: (target, by, number, body) =>
      client.call("POST", `${pathOf(target)}/issues/${number}/comments`, { body: { body }, as: as(by) })
  } satisfies People
}).pipe(Effect.orDie)
