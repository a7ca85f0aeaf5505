import { posixCommands, suite } from "@rdev/conformance/infra/WorkspaceHostSuite"
import * as LocalWorkspaceHost from "../src/workspaces/LocalWorkspaceHost.ts"
import { withFolder } from "./TemporaryFolder.ts"

const capabilities = {
  posix: true,
  // Variables that a shell sets for the programs it starts, and the mark by which unisolated processes are found again.
  variables: ["PWD", "OLDPWD", "SHLVL", "_", "RDEV_EXEC"],
  commands: posixCommands
}
suite(
  "local",
  withFolder((dataDir) => LocalWorkspaceHost.layer({ dataDir, unsafeHost: true })),
  capabilities
)
suite(
  "local without isolation",
  withFolder((dataDir) => LocalWorkspaceHost.layer({ dataDir, unsafeHost: true, isolations: [] })),
  capabilities
)
