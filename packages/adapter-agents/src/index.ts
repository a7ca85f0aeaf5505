/** Agent harnesses for rdev: the scripted agent and any command-line agent. */
export * as AgentConfig from "./AgentConfig.ts"
export * as AgentRegistry from "./AgentRegistry.ts"
export * as CommandHarness from "./CommandHarness.ts"
export * as ScriptedHarness from "./ScriptedHarness.ts"
export { classifyFailure, type RawFailure } from "./failures/classifyFailure.ts"
export { presets } from "./Presets.ts"
