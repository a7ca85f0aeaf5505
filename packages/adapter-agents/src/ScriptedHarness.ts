/**
 * The scripted agent: no model, no network, the same work every time. It plays one feature of the templates `default` and
 * `node-api` through all phases as a real process in the workspace: real documents, code and tests, recorded with the `sdlc` CLI.
 * It is labelled as scripted wherever it shows, so that nobody takes it for an intelligence.
 *
 * Deliberate mistakes (`fault`, or RDEV_SCRIPT_FAULT in the job's environment) are listed in `faults`; a repair action always
 * makes good what a fault broke.
 */
import { AgentError, type AgentJob, type Harness } from "@rdev/core/ports/agents/AgentHarness"
import type { WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import { Effect, Stream } from "effect"
import { readdir, readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { parseDocument } from "yaml"
import * as AgentRun from "./AgentRun.ts"
import { formats } from "./formats/Formats.ts"

/** What each fault does. Several may be given, separated by commas; `fault@action` limits one to an action. */
export const faults = {
  "bad-spec": "create-spec writes a requirement that is not EARS; fix-spec repairs it",
  "unclear-spec": "create-spec leaves an open question, which a person has to answer",
  "failing-verify": "implement-task breaks what the task's own verify command checks; retry-task repairs it",
  "failing-test":
    "implement-task breaks a house rule that only the whole test suite checks: CI is red; fix-ci repairs it",
  "review-changes": "the first review asks for a change; plan-fixes plans it",
  "audit-finding": "the first audit reports a high finding; plan-fixes plans its fix",
  "qa-fail": "the first QA run reports a failed check; plan-fixes plans its fix",
  idle: "says that all is done and does nothing",
  crash: "ends with exit code 70 in the middle of its work",
  hang: "never ends",
  flood: "prints 24 MiB, then does its work",
  garbage: "prints control sequences and binary, then does its work",
  "rate-limit": "fails the way a provider's rate limit does",
  "forge-approval": "writes an approval in a person's name",
  "touch-policy": "sets every gate of the policy to off"
} as const
export type Fault = keyof typeof faults

const folder = fileURLToPath(new URL("../scripted/", import.meta.url))

const readTree = async (root: string, under: string): Promise<Record<string, string>> => {
  const files: Record<string, string> = {}
  for (const entry of await readdir(root + under, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const path = `${entry.parentPath}/${entry.name}`
    files[path.slice((root + under).length + 1)] = await readFile(path, "utf8")
  }
  return files
}

/** Where a feature says what it is called. */
export const featureFile = (feature: string): string => `.sdlc/features/${feature}/feature.yaml`

/** The title in the text of a feature's file, as YAML means it: block scalars, escapes and all. A file without one says nothing. */
export const titleOf = (text: string | null, feature: string): string => {
  const document = text === null ? null : parseDocument(text, { logLevel: "silent" })
  const title: unknown = document === null || document.errors.length > 0 ? null : document.get("title")
  return typeof title === "string" || typeof title === "number" ? String(title) : feature.replaceAll("-", " ")
}

/**
 * The program that is fed to `node -`: the scenarios as data, the job, then the script itself. `file` is the text of the feature's file: the
 * script may import nothing but Node's own modules, so what needs a parser is read here.
 */
export const program = async (
  job: Pick<AgentJob, "action" | "command" | "feature" | "taskId">,
  fault: string,
  file: string | null
): Promise<string> => {
  const names = (await readdir(`${folder}scenarios`, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
  const scenarios = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readTree(folder, `scenarios/${name}`)] as const))
  )
  const script = await readFile(`${folder}agent.mjs`, "utf8")
  const data = {
    scenarios,
    job: {
      action: job.action,
      command: job.command,
      feature: job.feature,
      taskId: job.taskId,
      title: titleOf(file, job.feature)
    },
    fault
  }
  return `globalThis.scripted = ${JSON.stringify(data)}\n${script}`
}

const unknownFaults = (fault: string): ReadonlyArray<string> =>
  fault
    .split(",")
    .map((one) => one.trim().replace(/@.*$/, ""))
    .filter((one) => one !== "" && !Object.hasOwn(faults, one))

export const make = (
  host: typeof WorkspaceHost.Service,
  options: { readonly name?: string; readonly fault?: string } = {}
): Harness => {
  const name = options.name ?? "scripted"
  const operation = `AgentHarness.run(${name})`
  return {
    info: {
      name,
      title: "Scripted agent (no model)",
      kind: "scripted",
      capabilities: ["stream", "tools"],
      network: "none"
    },
    check: Effect.succeed({
      ready: true,
      message: "built in: plays one feature of the templates default and node-api"
    }),
    run: (job) => {
      const fault = job.env["RDEV_SCRIPT_FAULT"] ?? options.fault ?? ""
      const invocation = (stdin: string): AgentRun.Invocation => ({
        agent: name,
        command: { argv: ["node", "--input-type=module", "-"], env: { ...job.env, NODE_NO_WARNINGS: "1" }, stdin },
        format: formats.rdev,
        secrets: [],
        gate: name
      })
      const unknown = unknownFaults(fault)
      if (unknown.length > 0) {
        const message = `RDEV_SCRIPT_FAULT: "${unknown[0]}" is not a fault; known are ${Object.keys(faults).join(", ")}`
        return AgentRun.refuse(
          invocation(""),
          new AgentError({ operation, reason: { _tag: "Invalid", message, field: "RDEV_SCRIPT_FAULT" } })
        )
      }
      return Stream.unwrap(
        host.readFile(job.workspace, featureFile(job.feature)).pipe(
          Effect.map((bytes) => new TextDecoder().decode(bytes)),
          // The script itself finds out what the workspace lacks; without the file a feature is called by its slug.
          Effect.orElseSucceed(() => null),
          Effect.flatMap((file) => Effect.tryPromise(() => program(job, fault, file))),
          Effect.map((text) => AgentRun.run(host, job, invocation(text))),
          Effect.catch((cause) =>
            Effect.succeed(
              AgentRun.refuse(
                invocation(""),
                new AgentError({
                  operation,
                  reason: { _tag: "Unknown", message: `cannot read the script in ${folder}: ${String(cause.cause)}` },
                  cause
                })
              )
            )
          )
        )
      )
    }
  }
}
