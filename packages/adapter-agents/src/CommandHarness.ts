/**
 * Runs any command-line agent: fills the run into its argument template, hands it the prompt, reads its output in one of the known
 * formats. Knows nothing of the life cycle; what the agent is to do stands in the prompt.
 */
import { AgentError, type AgentJob, type Harness } from "@rdev/core/ports/agents/AgentHarness"
import type { WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import * as Secrets from "@rdev/core/redaction/Secrets"
import { Effect, Stream } from "effect"
import { accessSync, closeSync, constants, openSync, readSync, realpathSync } from "node:fs"
import { delimiter, join } from "node:path"
import type { CommandAgent } from "./AgentConfig.ts"
import * as AgentRun from "./AgentRun.ts"
import { formats } from "./formats/Formats.ts"
import { presets } from "./Presets.ts"

export type Variables = Readonly<Record<string, string | undefined>>

/** Where `{{promptFile}}` lies: inside `.git`, so that it is never committed. */
export const promptFile = ".git/rdev-prompt.md"
/** Linux takes at most 128 KiB in one argument (MAX_ARG_STRLEN); a little is left for what stands around the prompt. */
const maxArgumentBytes = 120_000

const known = ["prompt", "promptFile", "workDir", "feature", "action", "taskId", "model", "budgetUsd"] as const
type Values = Readonly<Record<(typeof known)[number], string>>

/** Placeholders that nothing fills in. */
export const unknownPlaceholders = (templates: ReadonlyArray<string>): ReadonlyArray<string> =>
  [
    ...new Set(
      templates.flatMap((template) => [...template.matchAll(/\{\{\s*([^{}]*?)\s*\}\}/g)].map((match) => match[1] ?? ""))
    )
  ].filter((name) => !(known as ReadonlyArray<string>).includes(name))

export const fill = (template: string, values: Values): string =>
  template.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? values[name as keyof Values] : whole
  )

/** The agent with its preset's fields, or the field that is missing. */
export const resolve = (agent: CommandAgent) => {
  const preset = agent.preset === undefined ? undefined : presets[agent.preset]
  const argv = agent.argv ?? preset?.argv
  if (argv === undefined)
    return {
      _tag: "Missing" as const,
      field: "argv",
      message: `agent "${agent.name}": give argv, or a preset (${Object.keys(presets).join(", ")})`
    }
  const resolved = {
    name: agent.name,
    title: agent.title ?? preset?.title ?? agent.name,
    argv,
    stdin:
      agent.stdin ??
      preset?.stdin ??
      (argv.some((part) => /\{\{\s*prompt(File)?\s*\}\}/.test(part)) ? "none" : "prompt"),
    format: agent.format ?? preset?.format ?? "plain",
    model: agent.model ?? null,
    modelArgs: agent.modelArgs ?? preset?.modelArgs ?? [],
    budgetArgs: agent.budgetArgs ?? preset?.budgetArgs ?? [],
    env: { ...preset?.env, ...agent.env },
    passEnv: [...new Set([...(preset?.passEnv ?? []), ...(agent.passEnv ?? [])])],
    credentials: agent.credentials ?? preset?.credentials ?? [],
    network: agent.network ?? preset?.network ?? "none",
    install: agent.install ?? preset?.install ?? null
  } as const
  const unknown = unknownPlaceholders([
    ...resolved.argv,
    ...resolved.modelArgs,
    ...resolved.budgetArgs,
    ...Object.values(resolved.env)
  ])
  return unknown.length > 0
    ? {
        _tag: "Missing" as const,
        field: "argv",
        message: `agent "${agent.name}": {{${unknown[0]}}} is not a placeholder; known are ${known.join(", ")}`
      }
    : { _tag: "Ok" as const, agent: resolved }
}
export type Resolved = Extract<ReturnType<typeof resolve>, { _tag: "Ok" }>["agent"]

/** The command line and variables of one run. */
export const commandOf = (agent: Resolved, job: AgentJob, hostEnv: Variables) => {
  const values: Values = {
    prompt: job.prompt,
    promptFile,
    workDir: job.workspace.workDir,
    feature: job.feature,
    action: job.action,
    taskId: job.taskId ?? "",
    model: agent.model ?? "",
    budgetUsd: job.budgetUsd === null ? "" : job.budgetUsd.toFixed(2)
  }
  const template = [
    ...agent.argv,
    ...(agent.model === null ? [] : agent.modelArgs),
    ...(job.budgetUsd === null ? [] : agent.budgetArgs)
  ]
  const passed = Object.fromEntries(
    agent.passEnv.flatMap((name) =>
      hostEnv[name] === undefined || hostEnv[name] === "" ? [] : [[name, hostEnv[name]]]
    )
  )
  const own = Object.fromEntries(Object.entries(agent.env).map(([name, value]) => [name, fill(value, values)]))
  return {
    argv: template.map((part) => fill(part, values)),
    env: { ...passed, ...own, ...job.env },
    stdin: agent.stdin === "prompt" ? job.prompt : "",
    usesFile: [...template, ...Object.values(agent.env)].some((part) => /\{\{\s*promptFile\s*\}\}/.test(part)),
    // A base URL is no secret, and removing it would garble ordinary output.
    secrets: [
      ...Object.entries(passed).flatMap(([name, value]) =>
        /URL|CONFIG/.test(name) && !Secrets.looksSecret(value) ? [] : [value]
      ),
      ...Secrets.ofVariables(own),
      ...Secrets.ofVariables(job.env)
    ]
  }
}

/** The program's file, links followed; null when it is not there or may not be run. */
const locate = (program: string, path: string): string | null => {
  const places = program.includes("/")
    ? [program]
    : path
        .split(delimiter)
        .filter((folder) => folder !== "")
        .map((folder) => join(folder, program))
  for (const place of places) {
    try {
      accessSync(place, constants.X_OK)
      return realpathSync(place)
    } catch {
      // Not there: the next one is tried.
    }
  }
  return null
}

// What every workspace sees of the host; a program elsewhere has to be given to it.
const isSystem = (path: string): boolean => /^\/(?:usr|bin|sbin|lib)\//.test(path)

const isScript = (path: string): boolean => {
  const file = openSync(path, "r")
  try {
    const start = Buffer.alloc(2)
    return readSync(file, start, 0, 2, 0) === 2 && start.toString("latin1") === "#!"
  } finally {
    closeSync(file)
  }
}

export interface Program {
  readonly name: string
  readonly hostPath: string
}

/** The agent's program, where it is one file outside the system's folders that a workspace can be given as it is. */
export const programOf = (agent: Resolved, hostEnv: Variables): Effect.Effect<Program | null> =>
  Effect.sync(() => {
    const [name] = agent.argv
    const hostPath = name.includes("/") ? null : locate(name, hostEnv["PATH"] ?? "")
    return hostPath === null || isSystem(hostPath) || isScript(hostPath) ? null : { name, hostPath }
  })

const check = (agent: Resolved, hostEnv: Variables) =>
  Effect.sync(() => {
    const found = locate(agent.argv[0], hostEnv["PATH"] ?? "")
    if (found === null)
      return {
        ready: false,
        message: `${agent.argv[0]} is not on the server's PATH${agent.install === null ? "" : `: ${agent.install}`}`
      }
    if (!isSystem(found) && isScript(found))
      return {
        ready: false,
        message: `${found} is a script that needs files beside it, which workspaces do not see: install it below /usr/local`
      }
    const set = agent.credentials.filter((name) => (hostEnv[name] ?? "") !== "")
    return agent.credentials.length > 0 && set.length === 0
      ? { ready: false, message: `no credentials: set one of ${agent.credentials.join(", ")} for the server` }
      : {
          ready: true,
          message: `${agent.argv[0]} is installed${set.length === 0 ? "" : `; it gets ${set.join(", ")}`}`
        }
  })

export const make = (host: typeof WorkspaceHost.Service, agent: Resolved, hostEnv: Variables): Harness => ({
  info: {
    name: agent.name,
    title: agent.title,
    kind: "command",
    capabilities: [
      "stream",
      ...(agent.format === "plain" ? [] : ["tools", "usage"]),
      ...(agent.budgetArgs.length > 0 ? ["budget"] : []),
      ...(agent.network === "internet" ? ["network"] : [])
    ],
    network: agent.network
  },
  check: check(agent, hostEnv),
  run: (job) =>
    Stream.suspend(() => {
      const { argv, env, secrets, stdin, usesFile } = commandOf(agent, job, hostEnv)
      const long = argv.find((part) => Buffer.byteLength(part) > maxArgumentBytes)
      const invocation: AgentRun.Invocation = {
        agent: agent.name,
        command: { argv, env, stdin },
        format: formats[agent.format],
        secrets,
        gate: agent.name
      }
      const operation = `AgentHarness.run(${agent.name})`
      if (long !== undefined) {
        const message = `the prompt is ${Buffer.byteLength(job.prompt)} bytes, too long for an argument: use {{promptFile}} or stdin "prompt" in the agent's configuration`
        return AgentRun.refuse(
          invocation,
          new AgentError({ operation, reason: { _tag: "Invalid", message, field: "prompt" } })
        )
      }
      if (!usesFile) return AgentRun.run(host, job, invocation)
      return Stream.unwrap(
        host.writeFile(job.workspace, promptFile, job.prompt).pipe(
          Effect.map(() => AgentRun.run(host, job, invocation)),
          Effect.catch((cause) =>
            Effect.succeed(
              AgentRun.refuse(invocation, new AgentError({ operation, reason: AgentRun.ofWorkspace(cause), cause }))
            )
          )
        )
      )
    })
})
