import {
  AgentError,
  AgentHarness,
  fromHarnesses,
  layerMemory,
  memoryHarness
} from "@rdev/core/ports/agents/AgentHarness"
import { layerMemory as host } from "@rdev/core/ports/infra/WorkspaceHost"
import { Layer, Stream } from "effect"
import { suite } from "../src/agents/AgentHarnessSuite.ts"

suite("memory", Layer.mergeAll(layerMemory, host), {
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
  fromHarnesses([memoryHarness("busy", (job) => (job.prompt === "fail" ? Stream.fail(busy) : Stream.empty))])
)
suite("memory, failing", Layer.mergeAll(failing, host), {
  harness: "busy",
  succeeds: {},
  fails: { job: { prompt: "fail" }, reason: "RateLimited" },
  hangs: null,
  floods: null
})
