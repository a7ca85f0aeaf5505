/** The Gitea of the lab, and an organisation of this run's own, which is taken away with all that is in it. */
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
