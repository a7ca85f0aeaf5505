/**
 * Pure: what "Set up rdev" adds to a repository that has a history of its own: policy, agent commands, a block in AGENTS.md, and, where
 * they could be told, how it is released and checked. What is there already is left as it is.
 */
import * as Render from "@rdev/sdlc/render/Render"
import * as Repo from "@rdev/sdlc/repo/Repo"
import type { SigningKey } from "@rdev/sdlc/repo/Trust"
import { stringify } from "yaml"
import type { FileChange } from "../../../ports/infra/GitObjects.ts"
import { trustPlatform } from "../../features/act/TrustPlatform.ts"
import type { Check, Detected, Finding, Release } from "./Detected.ts"

export const agentsFile = "AGENTS.md"
const releaseFile = "rdev.yaml"
const pipelineFiles: ReadonlyArray<string> = [".woodpecker.yml", ".woodpecker.yaml"]

const releaseText = ({ build, kind, publish, start }: Release): string =>
  `# How this project is released.\n${stringify({
    kind,
    ...(build.length === 0 ? {} : { build }),
    ...(publish === null ? {} : { publish }),
    ...(start === null ? {} : { start })
  })}`

/** Also what is run for a commit that has no pipeline of its own. */
export const pipelineText = (checks: ReadonlyArray<Check>): string =>
  `# Runs for every push and pull request; a red step stops the feature until it is fixed.\n${stringify({
    when: [{ event: ["push", "pull_request", "manual"] }],
    steps: checks.map(({ command, image, name }) => ({ name, image, commands: [command] }))
  })}`

const commands = (): ReadonlyArray<FileChange> => Render.harnesses.flatMap((harness) => Render.render(harness))

export interface Setup {
  readonly files: ReadonlyArray<FileChange>
  readonly findings: ReadonlyArray<Finding>
}

/** `agents`: the text of AGENTS.md, if there is one. */
export const make = (
  paths: ReadonlyArray<string>,
  agents: string | undefined,
  { checks, findings, release }: Detected,
  key: SigningKey | null
): Setup => {
  const there = new Set(paths)
  const block = Render.withAgentsBlock(agents)
  const proposed: ReadonlyArray<FileChange> = [
    ...trustPlatform(Repo.initProject(new Map()), key),
    ...commands(),
    ...(release === null ? [] : [{ path: releaseFile, content: releaseText(release) }]),
    ...(checks.length === 0 || pipelineFiles.some((path) => there.has(path))
      ? []
      : [{ path: ".woodpecker.yml", content: pipelineText(checks) }])
  ]
  return {
    files: [
      ...proposed.filter(({ path }) => !there.has(path)),
      ...(block === null || block === agents ? [] : [{ path: agentsFile, content: block }])
    ],
    findings: [
      ...findings,
      ...(block === null
        ? [
            {
              about: "repository" as const,
              confidence: "certain" as const,
              reason: `${agentsFile} has half of rdev's block and was left alone: put ${Render.begin} and ${Render.end} in pairs`
            }
          ]
        : [])
    ]
  }
}

/** What a reviewer reads. */
export const body = ({ files, findings }: Setup): string =>
  [
    "This adds what lets agents and people say more about this repository; change it as you like, merge it, or close it. Without a pipeline file a feature stops where its checks would run.",
    "",
    "| what was found | how sure | about |",
    "|---|---|---|",
    ...findings.map(
      ({ about, confidence, reason }) => `| ${reason.replaceAll("|", "\\|")} | ${confidence} | ${about} |`
    ),
    "",
    `Files: ${files.length}. Nothing that was there is changed, but for a block in ${agentsFile}.`
  ].join("\n")
