import { suite as history } from "@rdev/conformance/infra/HistorySuite"
import { suite as git } from "@rdev/conformance/infra/GitObjectsSuite"
import { suite as host } from "@rdev/conformance/infra/RepositoryHostSuite"
import * as Git from "@rdev/git/Git"
import { Context, Effect, Layer } from "effect"
import { createServer } from "node:http"
import * as GitHttp from "../src/forge/GitHttp.ts"
import * as LocalForge from "../src/forge/LocalForge.ts"
import { listening } from "./ClientGit.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

const layer = Layer.unwrap(
  Effect.map(temporaryFolder, (dataDir) => LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" }))
)
/** Served on a port, as its clone URLs say. */
const served = Layer.unwrap(
  Effect.gen(function* () {
    const dataDir = yield* temporaryFolder
    const services = yield* Layer.build(
      GitHttp.layer({
        dataDir,
        places: { total: 24, perProject: 24, perKey: 24, waiting: 128, waitMillis: 20_000 }
      }).pipe(Layer.provide(Git.layer))
    )
    const { handler } = Context.get(services, GitHttp.GitHttp)
    const port = yield* listening(
      createServer((request, response) => {
        if (!handler(request, response)) response.writeHead(404).end()
      })
    )
    return LocalForge.layer({ dataDir, baseUrl: `http://127.0.0.1:${port}/git` })
  })
)
history("local", served)
host("local", layer, { stranger: null, webhookEvents: null, protects: false })
git("local", layer, { mergesLines: true, portableBundles: true })
