import { suite } from "@rdev/conformance/ForgeSuite"
import * as LocalForge from "../src/LocalForge.ts"
import { withFolder } from "./TemporaryFolder.ts"

suite(
  "local",
  withFolder((dataDir) => LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" })),
  { mergesLines: true, portableBundles: true }
)
