/** The formats by name. */
import { claudeCode } from "./ClaudeCode.ts"
import { codex } from "./Codex.ts"
import type { Format } from "./Format.ts"
import { openCode } from "./OpenCode.ts"
import { plain } from "./Plain.ts"
import { rdev } from "./Rdev.ts"

export const formatNames = ["plain", "rdev", "claude-code", "opencode", "codex"] as const
export type FormatName = (typeof formatNames)[number]

export const formats: Readonly<Record<FormatName, Format>> = {
  plain,
  rdev,
  "claude-code": claudeCode,
  opencode: openCode,
  codex
}
