import { suite } from "@rdev/conformance/infra/ForgeSuite"
import * as LocalForge from "../src/forge/LocalForge.ts"
import { withFolder } from "./TemporaryFolder.ts"

suite(
  "local",
  withFolder((dataDir) => LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" })),
  { mergesLines: true, portableBundles: true }
)
