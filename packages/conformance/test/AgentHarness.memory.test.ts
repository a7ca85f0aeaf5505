import * as MemoryAgentHarness from "@rdev/core/memory/agents/AgentHarness"
import * as MemoryWorkspaceHost from "@rdev/core/memory/infra/WorkspaceHost"
import { AgentError, AgentHarness, fromHarnesses } from "@rdev/core/ports/agents/AgentHarness"
import { Layer, Stream } from "effect"
import { suite } from "../src/agents/AgentHarnessSuite.ts"

suite("memory", Layer.mergeAll(MemoryAgentHarness.layer, MemoryWorkspaceHost.layer), {
  harness: "memory",
  succeeds: {},
  fails: null,
  hangs: null,
  floods: null
})

const busy = new AgentError({
  operation: "AgentHarness.run(busy)",
  reason: { _tag: "RateLimited", message: "slow down", gate: "busy", retryAfterMillis: 5 }
})
const failing = Layer.succeed(
  AgentHarness,
  fromHarnesses([
    MemoryAgentHarness.harness("busy", (job) => (job.prompt === "fail" ? Stream.fail(busy) : Stream.empty))
  ])
)
suite("memory, failing", Layer.mergeAll(failing, MemoryWorkspaceHost.layer), {
  harness: "busy",
  succeeds: {},
  fails: { job: { prompt: "fail" }, reason: "RateLimited" },
  hangs: null,
  floods: null
})
