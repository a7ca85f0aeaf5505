import * as MemoryWorkspaceHost from "@rdev/core/memory/infra/WorkspaceHost"
import { suite } from "../src/infra/WorkspaceHostSuite.ts"

suite("memory (fake programs)", MemoryWorkspaceHost.layer, {
  posix: false,
  variables: [],
  commands: {
    print: (text) => ["echo", text],
    printError: (text) => ["warn", text],
    exit: (code) => ["exit", String(code)],
    copyInput: ["cat"],
    printFolder: ["pwd"],
    printEnvironment: ["env"],
    printFile: (path) => ["cat", path],
    printLines: (count) => ["yes", String(count)],
    forever: ["forever"]
  }
})
