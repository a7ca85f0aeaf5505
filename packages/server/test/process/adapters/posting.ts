/**
 * A third party's forge for tests of a whole server: this machine's, and it posts as Gitea does. Whoever tests is the forge: it signs with
 * the secret that provisioning gave, which lies in `<data>/posting/<project id>.json`.
 */
import * as GiteaPosts from "@rdev/adapter-gitea/GiteaPosts"
import local from "@rdev/adapter-local/adapter"
import * as Adapter from "@rdev/core/adapter/Adapter"
import { Host } from "@rdev/core/adapter/Host"
import { ForgeHooks } from "@rdev/core/ports/forge/ForgeHooks"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Layer, Redacted, Schema } from "effect"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const posting = Layer.effect(
  RepositoryHost,
  Effect.gen(function* () {
    const { dataDir } = yield* Host
    const host = yield* RepositoryHost
    const folder = join(dataDir, "posting")
    const fileOf = ({ projectId }: { readonly projectId: string }) => join(folder, `${projectId}.json`)
    return RepositoryHost.of({
      ...host,
      ensureWebhook: (target, { events, secret, url }) =>
        Effect.sync(() => {
          mkdirSync(folder, { recursive: true })
          writeFileSync(fileOf(target), JSON.stringify({ url, events, secret: Redacted.value(secret) }), {
            mode: 0o600
          })
          return { url, events, active: true }
        }),
      removeWebhook: (target) => Effect.sync(() => rmSync(fileOf(target), { force: true })),
      webhooks: (target) =>
        Effect.sync(() => {
          if (!existsSync(fileOf(target))) return []
          const { events, url } = JSON.parse(readFileSync(fileOf(target), "utf8")) as {
            readonly url: string
            readonly events: ReadonlyArray<string>
          }
          return [{ url, events, active: true }]
        })
    })
  })
)

const { forge } = local.slots
export default Adapter.define({
  api: 1,
  name: "posting",
  slots: {
    forge: {
      ...forge,
      config: Schema.Struct({}),
      layer: () =>
        Layer.merge(
          posting.pipe(Layer.provideMerge(forge.layer({}))),
          Layer.succeed(
            ForgeHooks,
            GiteaPosts.make("http://127.0.0.1", () => "rdev")
          )
        )
    }
  }
})
