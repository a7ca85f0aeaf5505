/**
 * Command lines of known agents, tried with claude 2.1, opencode 1.18 and codex 0.169. Each runs without asking for permissions,
 * because the workspace is the sandbox; each reads the prompt on standard input, so that its length is not limited by the kernel.
 */
import type { CommandAgent, PresetName } from "./AgentConfig.ts"

type Preset = Required<
  Pick<
    CommandAgent,
    | "title"
    | "argv"
    | "stdin"
    | "format"
    | "modelArgs"
    | "budgetArgs"
    | "env"
    | "passEnv"
    | "credentials"
    | "network"
    | "install"
  >
>

export const presets: Readonly<Record<PresetName, Preset>> = {
  claude: {
    title: "Claude Code",
    argv: [
      "claude",
      "-p",
      "--output-format",
      "stream-json",
      "--verbose",
      "--dangerously-skip-permissions",
      "--no-session-persistence"
    ],
    stdin: "prompt",
    format: "claude-code",
    modelArgs: ["--model", "{{model}}"],
    budgetArgs: ["--max-budget-usd", "{{budgetUsd}}"],
    // IS_SANDBOX: the CLI refuses to skip permissions as root unless it is told that it runs in a sandbox.
    env: { IS_SANDBOX: "1", DISABLE_AUTOUPDATER: "1", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" },
    passEnv: ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_BASE_URL"],
    credentials: ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"],
    network: "internet",
    install: "npm install -g @anthropic-ai/claude-code"
  },
  opencode: {
    title: "OpenCode",
    argv: ["opencode", "run", "--format", "json", "--auto"],
    stdin: "prompt",
    format: "opencode",
    modelArgs: ["--model", "{{model}}"],
    budgetArgs: [],
    env: { OPENCODE_DISABLE_AUTOUPDATE: "1" },
    passEnv: [
      "ANTHROPIC_API_KEY",
      "OPENAI_API_KEY",
      "OPENROUTER_API_KEY",
      "OPENCODE_API_KEY",
      "OPENCODE_CONFIG_CONTENT"
    ],
    credentials: [
      "ANTHROPIC_API_KEY",
      "OPENAI_API_KEY",
      "OPENROUTER_API_KEY",
      "OPENCODE_API_KEY",
      "OPENCODE_CONFIG_CONTENT"
    ],
    network: "internet",
    install: "npm install -g opencode-ai"
  },
  codex: {
    title: "Codex",
    argv: [
      "codex",
      "exec",
      "--json",
      "--ephemeral",
      "--skip-git-repo-check",
      "--dangerously-bypass-approvals-and-sandbox"
    ],
    stdin: "prompt",
    format: "codex",
    modelArgs: ["--model", "{{model}}"],
    budgetArgs: [],
    env: {},
    passEnv: ["CODEX_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"],
    credentials: ["CODEX_API_KEY", "OPENAI_API_KEY"],
    network: "internet",
    install: "npm install -g @openai/codex"
  }
}
