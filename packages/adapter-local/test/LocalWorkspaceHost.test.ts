import { posixCommands, suite } from "@rdev/conformance/WorkspaceHostSuite"
import * as LocalWorkspaceHost from "../src/LocalWorkspaceHost.ts"
import { withFolder } from "./TemporaryFolder.ts"

suite("local", withFolder((dataDir) => LocalWorkspaceHost.layer({ dataDir, unsafeHost: true })), {
  posix: true,
  environment: ["PWD", "OLDPWD", "SHLVL", "_", "RDEV_EXEC"],
  commands: posixCommands
})
