import { suite as git } from "@rdev/conformance/infra/GitObjectsSuite"
import { suite as host } from "@rdev/conformance/infra/RepositoryHostSuite"
import { Effect, Layer } from "effect"
import * as LocalForge from "../src/forge/LocalForge.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

const layer = Layer.unwrap(
  Effect.map(temporaryFolder, (dataDir) => LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" }))
)
host("local", layer, { stranger: null, webhookEvents: null, protects: false })
git("local", layer, { mergesLines: true, portableBundles: true })
